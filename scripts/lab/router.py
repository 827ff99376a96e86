"""One vrd in a namespace: its keys, its configuration, its control socket."""
import json
import os
import signal
import socket

from . import tools
from .netns import LabError, run, wait_for


# In life a router does not share its processor with two hypervisors: the lowest real-time priority lets it answer
# when it is asked, not when an emulated processor has used up its turn.
PRIORITY = 1


class Router:
    """A router of one site. start() returns when it answers on its control socket."""

    def __init__(self, space, name):
        self.space = space
        self.name = name
        self.folder = space.lab.path(f"router-{name}")
        os.makedirs(f"{self.folder}/state")
        self.key_file = f"{self.folder}/key"
        self.public_key = run(tools.built("vrctl"), "keygen", self.key_file).split()[-1]
        self.conf = {}
        self.process = None

    @property
    def conf_file(self):
        return f"{self.folder}/vrd.conf"

    def write_conf(self):
        with open(self.conf_file, "w", encoding="utf-8") as file:
            json.dump(self.conf, file, indent=2)

    def start(self, binary=None, core=None, **priority):
        """'priority' is that of Lab.popen(), instead of the lowest real-time one; 'core' is the only one that it has."""
        self.write_conf()
        only = [] if core is None else ["taskset", "-c", str(core)]
        with open(f"{self.folder}/output", "ab") as output:
            self.process = self.space.popen(*only, binary or tools.built("vrd"), "-c", self.conf_file,
                                            **(priority or {"realtime": PRIORITY}), stdout=output, stderr=output)
        wait_for(self._answers, 10, f"router {self.name} to answer", interval=0.005)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise LabError(f"router {self.name} ended: {self.log()[-2000:]}")
        try:
            return self.show("vr")
        except OSError:
            return None

    def ask(self, command, **more):
        """One request on the control socket; returns its data."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(self.conf["control_socket"])
            control.sendall(json.dumps({"id": 1, "cmd": command, **more}).encode() + b"\n")
            with control.makefile("r", encoding="utf-8") as lines:
                line = lines.readline()
        reply = json.loads(line) if line else {"text": "no answer"}
        if not reply.get("ok"):
            raise LabError(f"router {self.name}: {command}: {reply.get('text')}")
        return reply.get("data")

    def show(self, what):
        return self.ask("show", what=what)

    def port_counters(self):
        """What its first port has counted, by name."""
        return self.show("stats")["ports"][0]

    def counts_on(self, before):
        """Do the counters of its first port go on from there? None of them by so much that it was below zero."""
        return all(before[name] <= count < before[name] + (1 << 32)
                   for name, count in self.port_counters().items())

    def peers_up(self):
        """Are all configured peers up?"""
        return all(peer["state"] == "up" for peer in self.show("peers"))

    def drops(self):
        """Counters of drops that are not zero, by reason."""
        return {row["reason"]: row["count"] for row in self.show("drops") if row["count"]}

    def lan_port(self, bridge, known):
        """The bridge port that the router made for itself: the one that nobody else did."""
        extra = [port for port in self.space.ports(bridge) if port not in known]
        if len(extra) != 1:
            raise LabError(f"router {self.name}: its port on {bridge} is not clear: {extra}")
        return extra[0]

    def log(self):
        """What it wrote to its log file and to its output."""
        text = ""
        for name in ("output", "vrd.log"):
            path = f"{self.folder}/{name}"
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text

    def reload(self):
        """Writes the configuration anew and has it read."""
        self.write_conf()
        return self.ask("reload")

    def stop(self):
        """An orderly end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(10)
        self.space.lab.end(self.process)
        return status

    def kill(self):
        """An end without any order."""
        self.process.kill()
        self.process.wait(10)
        self.space.lab.end(self.process)
