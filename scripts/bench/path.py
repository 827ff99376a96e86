"""Two LANs and the line between them: host - gateway - gateway - host, each a namespace.

    h1 10.1.0.10 --- 10.1.0.1 g1 192.0.2.1 --- 192.0.2.2 g2 10.2.0.1 --- 10.2.0.10 h2

MTU 1500 everywhere.  The gateways' LAN addresses are given by the tool, because one that is a
router by itself must not share them with the kernel."""

import os
import shutil
import subprocess
import tempfile
import time

JOIN_SECONDS = 20


class Side:
    """One end: the names of its namespaces and what its addresses are."""

    def __init__(self, path, number):
        self.number = number
        self.host = f"{path}h{number}"
        self.gateway = f"{path}g{number}"
        self.subnet = f"10.{number}.0.0/24"
        self.host_address = f"10.{number}.0.10"
        self.gateway_address = f"10.{number}.0.1"
        self.wan_address = f"192.0.2.{number}"


def run(*command, check=True):
    """Run a command and return what it printed; on failure say what it said."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


class Path:
    """The four namespaces of one tool; leaving the context ends its programs and removes them."""

    def __init__(self, name):
        self.name = name
        self.build = "build"
        prefix = f"bench{os.getpid()}-{name}-"
        self.sides = [Side(prefix, 1), Side(prefix, 2)]
        self.folder = tempfile.mkdtemp(prefix=prefix)
        self.programs = []
        self.spaces = []

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_error):
        for program in reversed(self.programs):
            self.end(program)
        for space in self.spaces:
            run("ip", "netns", "del", space, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self):
        one, two = self.sides
        for side in self.sides:
            for space in (side.host, side.gateway):
                run("ip", "netns", "add", space)
                self.spaces.append(space)
                self.inside(space, "ip", "link", "set", "lo", "up")
            self.link(side.host, "eth0", side.gateway, "lan")
            self.inside(side.host, "ip", "addr", "add", f"{side.host_address}/24", "dev", "eth0")
            self.inside(side.host, "ip", "route", "add", "default", "via", side.gateway_address)
        self.link(one.gateway, "wan", two.gateway, "wan")
        for side in self.sides:
            self.inside(side.gateway, "ip", "addr", "add", f"{side.wan_address}/24", "dev", "wan")

    def link(self, space, device, other_space, other_device):
        """A cable between two namespaces, both ends up."""
        run("ip", "link", "add", device, "netns", space, "mtu", "1500", "type", "veth",
            "peer", "name", other_device, "netns", other_space, "mtu", "1500")
        for where, name in ((space, device), (other_space, other_device)):
            self.inside(where, "sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1", check=False)
            self.inside(where, "ip", "link", "set", name, "up")

    @staticmethod
    def inside(space, *command, check=True):
        """Run a command in a namespace and return what it printed."""
        return run("ip", "netns", "exec", space, *command, check=check)

    def file(self, name):
        """A name for a file that lives as long as the path."""
        return os.path.join(self.folder, name)

    def start(self, space, *command):
        """Start a program in a namespace; it is ended with the path.  What it says goes to a
        file that is shown when the LANs are not joined."""
        with open(self.file(f"{len(self.programs)}.log"), "w", encoding="utf-8") as log:
            program = subprocess.Popen(["ip", "netns", "exec", space, *command],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.programs.append(program)
        return program

    @staticmethod
    def end(program):
        """End a started program; once more is no error."""
        if program.poll() is None:
            program.terminate()
            try:
                program.wait(5)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()

    def wait_until_joined(self):
        """Ping from host to host until the first answer."""
        one, two = self.sides
        deadline = time.monotonic() + JOIN_SECONDS
        while time.monotonic() < deadline:
            for program in self.programs:
                if program.poll() is not None:
                    raise RuntimeError(f"{self.name}: a program ended\n{self.logs()}")
            done = subprocess.run(["ip", "netns", "exec", one.host, "ping", "-q", "-c1", "-W1",
                                   two.host_address], stdout=subprocess.DEVNULL, check=False)
            if done.returncode == 0:
                return
        raise RuntimeError(f"{self.name}: not joined after {JOIN_SECONDS} s\n{self.logs()}")

    def logs(self):
        """What the started programs said."""
        texts = []
        for number, program in enumerate(self.programs):
            with open(self.file(f"{number}.log"), encoding="utf-8", errors="replace") as log:
                texts.append(f"--- {' '.join(program.args)}\n{log.read()}")
        return "".join(texts)
