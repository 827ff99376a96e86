"""Network namespaces, links and processes that are gone afterwards, whatever happens.

A Lab owns everything: namespaces named after this process, a folder for files, and processes. It is closed
by close(), at the end of a with-block, at exit and on SIGTERM, SIGINT and SIGHUP. What a killed run left is
swept away by the next one.
"""
import atexit
import contextlib
import ctypes
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PREFIX = "vrlab"
KEEP_FILE = "keep"
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()
_open_labs = []
PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000


class LabError(Exception):
    """Something in the lab did not work; the text says what."""


def run(*command, check=True, timeout=60, **options):
    """Runs a command to its end and returns what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout, **options)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def wait_for(condition, timeout, what, interval=0.02):
    """Returns the first true result of condition(); LabError when there is none in time. 'what' is a text, or returns it then."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout} s for {what() if callable(what) else what}")
        time.sleep(interval)


class Namespace:
    """One network namespace."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.full = f"{lab.prefix}-{name}"
        run("ip", "netns", "add", self.full)
        self.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
        self.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.ip("link set lo up")

    def ip(self, arguments):
        """ip(8) inside: ns.ip("link set eth0 up")."""
        return run("ip", "-n", self.full, *arguments.split())

    def run(self, *command, **options):
        return run("ip", "netns", "exec", self.full, *command, **options)

    def popen(self, *command, **options):
        """Starts a process that the lab ends; see Lab.popen()."""
        return self.lab.popen("ip", "netns", "exec", self.full, *command, **options)

    @contextlib.contextmanager
    def entered(self):
        """This thread is in the namespace: sockets made meanwhile stay in it."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(f"/run/netns/{self.full}", "rb") as there:
            _set_namespace(there.fileno())
            try:
                yield self
            finally:
                _set_namespace(home.fileno())

    def sysctl(self, key, value):
        self.run("sysctl", "-qw", f"{key}={value}")

    def bridge(self, name="br0"):
        """A switch: no spanning tree, no delay, no addresses."""
        self.ip(f"link add {name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        self.ip(f"link set {name} up")

    def tap(self, name, bridge):
        """A tap device for a hypervisor, on a bridge."""
        self.run("ip", "tuntap", "add", "dev", name, "mode", "tap", "vnet_hdr")
        self.ip(f"link set {name} master {bridge} up")

    def ports(self, bridge):
        """The names of the bridge's ports."""
        rows = self.ip(f"-o link show master {bridge}").splitlines()
        return [row.split(": ")[1].split("@")[0] for row in rows]

    def mac(self, device):
        return self.run("cat", f"/sys/class/net/{device}/address").strip()


class Lab:
    """Owner of namespaces, files and processes."""

    def __init__(self, label="lab", may_stay=False):
        """'may_stay': its processes can outlive this one, see keep()."""
        sweep()
        # The folder of another lab of this process is never taken: names count up.
        self.prefix = f"{PREFIX}{os.getpid()}x{next(_numbers)}"
        self.dir = tempfile.mkdtemp(prefix=f"{self.prefix}-{label}-")
        self.namespaces = {}
        self.processes = []
        self.may_stay = may_stay
        self.kept = False
        _open_labs.append(self)
        _install_handlers()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ns(self, name):
        """A new namespace."""
        self.namespaces[name] = space = Namespace(self, name)
        return space

    def link(self, one, one_device, other, other_device, mac=None, other_mac=None):
        """A cable between two namespaces; both ends are up."""
        one.ip(f"link add {one_device} type veth peer name {other_device} netns {other.full}")
        if mac:
            one.ip(f"link set {one_device} address {mac}")
        if other_mac:
            other.ip(f"link set {other_device} address {other_mac}")
        one.ip(f"link set {one_device} up")
        other.ip(f"link set {other_device} up")

    def path(self, name):
        """A file of this lab; gone with it."""
        return os.path.join(self.dir, name)

    def popen(self, *command, nice=0, realtime=0, **options):
        """Starts a process. It ends with the lab, and with this process even if that is killed. 'nice' below 0 or a
        'realtime' priority puts it before others, as if it had a machine of its own."""
        options.setdefault("stdin", subprocess.DEVNULL)

        def prepare():
            if nice:
                os.nice(nice)
            if realtime:
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(realtime))
            if not self.may_stay:
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        process = subprocess.Popen(command, preexec_fn=prepare, start_new_session=self.may_stay,
                                   **options)
        self.processes.append(process)
        return process

    def end(self, process, timeout=3):
        """Ends one process: politely, then for good."""
        if process.stdin:
            try:
                process.stdin.close()
            except OSError:
                pass
        for stop in (process.terminate, process.kill):
            if process.poll() is not None:
                break
            stop()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                continue
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
        if process in self.processes:
            self.processes.remove(process)

    def keep(self):
        """Leaves all of this running when this process ends; `--clean` of the demo takes it down."""
        self.kept = True
        with open(self.path(KEEP_FILE), "w", encoding="ascii") as file:
            file.writelines(f"{space.full}\n" for space in self.namespaces.values())

    def close(self):
        if self not in _open_labs:
            return
        _open_labs.remove(self)
        if self.kept:
            return
        for process in reversed(list(self.processes)):
            self.end(process)
        for space in self.namespaces.values():
            run("ip", "netns", "del", space.full, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)


def _set_namespace(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _close_all():
    for lab in list(_open_labs):
        lab.close()


def _on_signal(number, _frame):
    sys.exit(128 + number)


def _install_handlers():
    if getattr(_install_handlers, "done", False):
        return
    _install_handlers.done = True
    atexit.register(_close_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _on_signal)


def _folders(prefix):
    top = tempfile.gettempdir()
    return [os.path.join(top, name) for name in os.listdir(top) if name.startswith(prefix + "-")]


def _is_kept(prefix):
    return any(os.path.exists(os.path.join(folder, KEEP_FILE)) for folder in _folders(prefix))


def sweep(kept_too=False):
    """Removes what runs left whose process is dead; labs that were to be kept only when asked."""
    names = [row.split()[0] for row in run("ip", "netns", "list").splitlines() if row]
    labs = {}
    for name in names:
        match = re.fullmatch(rf"({PREFIX}(\d+)x\d+)-.+", name)
        if match and not os.path.exists(f"/proc/{match[2]}"):
            labs.setdefault(match[1], []).append(name)
    for prefix, spaces in labs.items():
        if _is_kept(prefix) and not kept_too:
            continue
        for space in spaces:
            for pid in run("ip", "netns", "pids", space, check=False).split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            run("ip", "netns", "del", space, check=False)
        for folder in _folders(prefix):
            shutil.rmtree(folder, ignore_errors=True)
    return sorted(labs)
