"""The map-server on one core, beside a bare batched UDP echo in the same run.

    load 192.0.2.1 --- 192.0.2.2 server

The programs that are measured have one core, the load generator has another.  The two of them, and the
kinds of message, take turns: the echo sends back the Map-Requests that the map-server answers.

A run counts only if every answer that was looked at (one in 64, by chance) is what was asked for - a Map-Reply
with the EID's two locators, an authentic Map-Notify with the records of its Map-Register - and if the map-server has
counted as many as have come."""

import json
import os

from lab.netns import Lab, LabError, run, wait_for
from lab.tools import built

LOAD, SERVER = "192.0.2.1", "192.0.2.2"
ECHO_PORT, CONTROL_PORT = 5007, 4342
LOAD_CORE, SERVER_CORE = "0", "1"
SECRET = "a secret of the benchmark"
# Kind of message -> what the map-server counts when it has done what was asked.
COUNTERS = {"requests": "replies_proxy", "registers": "registers"}
START_SECONDS = 10
# The default of "lisp.map_server.max_eids".
EIDS_MAX = 1048576
# With fewer, what the process takes anyway hides what an EID takes.
EIDS_WEIGHED = 100000


def label(eids):
    """1000 -> 1k, 1000000 -> 1m."""
    for unit, letter in ((1000000, "m"), (1000, "k")):
        if eids % unit == 0:
            return f"{eids // unit}{letter}"
    return str(eids)


class Bench(Lab):
    """The two namespaces, an echo, and a map-server with so many EIDs registered."""

    def __init__(self, eids):
        super().__init__("bench-mapserver")
        self.eids = eids
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        if not {int(LOAD_CORE), int(SERVER_CORE)} <= os.sched_getaffinity(0):
            raise LabError("the map-server's benchmark needs two cores")
        self.load, self.server = self.ns("load"), self.ns("server")
        self.link(self.load, "eth0", self.server, "eth0")
        self.load.ip(f"addr add {LOAD}/24 dev eth0")
        self.server.ip(f"addr add {SERVER}/24 dev eth0")
        self.link(self.server, "lan", self.server, "host")
        self.echo = self._on_core(built("bench/udp_echo"), str(ECHO_PORT))
        self.vrd = self._on_core(built("vrd"), "-c", self._configuration())
        wait_for(self._hears, START_SECONDS, "vrd to start")
        before = self._resident()
        self._load("fill", self.vrd, CONTROL_PORT)
        self.bytes_per_eid = (self._resident() - before) / self.eids
        registered = self._show("vr")["lisp"]["registrations"]
        if registered != self.eids:
            raise LabError(f"{registered} of {self.eids} EIDs are registered")

    def _on_core(self, *command):
        with open(self.path("log"), "a", encoding="utf-8") as log:
            return self.server.popen("taskset", "-c", SERVER_CORE, *command, stdout=log,
                                     stderr=log)

    def _configuration(self):
        secret, key, file = self.path("secret"), self.path("key"), self.path("vrd.conf")
        os.mkdir(self.path("state"))
        run(built("vrctl"), "keygen", key)
        with open(os.open(secret, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as out:
            out.write(SECRET)
        with open(file, "w", encoding="utf-8") as out:
            json.dump({
                "name": "ms", "key_file": key, "state_dir": self.path("state"),
                "control_socket": self.path("sock"), "listen": f"{SERVER}:4789",
                "vns": [{"id": 1, "device": "lan"}],
                "lisp": {
                    "keys": [{"name": "k", "id": 1, "algorithm": "sha256",
                              "secret_file": secret}],
                    "rlocs": [{"address": SERVER}],
                    "reply_rate": 1000000,
                    "map_server": {
                        "sites": [{"name": "s", "keys": ["k"], "prefixes": [
                            {"vn": 1, "prefix": "10.0.0.0/8", "more_specifics": True}]}],
                    },
                },
            }, out)
        return file

    def _hears(self):
        if self.vrd.poll() is not None:
            with open(self.path("log"), encoding="utf-8") as log:
                raise LabError(f"vrd ended\n{log.read()}")
        return os.path.exists(self.path("sock"))

    def _resident(self):
        """Bytes of memory; taskset and ip have become the program that they start."""
        with open(f"/proc/{self.vrd.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def _show(self, what):
        """What the map-server says of itself."""
        said = run(built("vrctl"), "--json", "-s", self.path("sock"), "show", what)
        return json.loads(said)["data"]

    def _load(self, what, process, port):
        """What the load generator found of the process at this port."""
        said = json.loads(self.load.run(
            "taskset", "-c", LOAD_CORE, built("bench/ms_load"), what, LOAD, SERVER, str(port),
            str(self.eids), SECRET, str(process.pid), timeout=120))
        if said["wrong"] > 0 or said["looked_at"] == 0:
            raise LabError(f"{what}: {said['wrong']} of {said['looked_at']} answers are wrong")
        return said

    def ask_echo(self):
        return self._load("echo", self.echo, ECHO_PORT)

    def ask_server(self, what):
        """'what' is "requests" or "registers"."""
        counter = COUNTERS[what]
        before = self._show("stats")["map_server"]
        said = self._load(what, self.vrd, CONTROL_PORT)
        after = self._show("stats")["map_server"]
        if after[counter] - before[counter] < said["answers"]:
            raise LabError(f"{said['answers']} answers, but {counter} says "
                           f"{after[counter] - before[counter]}")
        for refused in ("replayed", "auth_failed", "replies_negative", "reply_limited"):
            if after[refused] != before[refused]:
                raise LabError(f"{what}: {refused} has grown")
        return said


def measure(eids_list, repeats):
    """{figure: [value, ...]}"""
    values = {}
    for eids in eids_list:
        name = label(eids)
        with Bench(eids) as bench:
            if eids >= EIDS_WEIGHED:
                values[f"map_server_bytes_per_eid.{name}"] = [bench.bytes_per_eid]
            print(f"map-server: {name} EIDs registered", flush=True)
            for turn in range(repeats):
                for figure, ask in (
                        ("udp_echo", bench.ask_echo),
                        ("map_server_requests", lambda: bench.ask_server("requests")),
                        ("map_server_registers", lambda: bench.ask_server("registers"))):
                    said = ask()
                    values.setdefault(f"{figure}_per_s.{name}", []).append(said["per_s"])
                    values.setdefault(f"{figure}_cpu.{name}", []).append(said["processor"])
                    print(f"  {turn + 1}/{repeats} {figure}_per_s.{name} {said['per_s']:.0f}: "
                          f"{said['bytes']} bytes each, {said['lost']} lost, "
                          f"{said['looked_at']} looked at; {said['processor']:.2f} of its core; "
                          f"waited for {said['waited']:.2f} of the time", flush=True)
    return values
