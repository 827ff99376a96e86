"""More than two routers can take, in both directions at once, and what becomes of control meanwhile.

    h1 --- switch 1 --- a 192.0.2.1 --- 192.0.2.2 b --- switch 2 --- h2
              |                                            |
              m  . . . . . . . . . . . . . . . . . . . .  m

The hosts flood each other.  The machine m moves from switch to switch, by turns with the flood and without it.  Its move has
converged when the other router has said that it has taken it in: from the RARP, by the routers' own records, whose clock is the
machine's.  What a host sends to it the while shows when it arrives at the new place, by the kernel's stamps.

The routers have one core to themselves, hosts and machine another one: in life a router does not share its processor with those who
flood it."""

import contextlib
import json
import os
import socket
import statistics
import struct
import subprocess
import time

from lab.netns import Lab, LabError, wait_for
from lab.router import Router
from lab.tools import built

VN, PORT = 7, 51341
NAMES = ("a", "b")
SUBNET = {"a": "10.1.0", "b": "10.2.0"}
WAN = {"a": "192.0.2.1", "b": "192.0.2.2"}
MACHINE, MACHINE_MAC = "10.9.0.5", "52:54:00:4c:41:05"
FLOOD_PORT, PROBE_PORT = "5009", 5010
FLOOD_SIZE, PROBE_SIZE, PROBE_RATE = "64", "32", "2000"
# The flood ends when it is told to.
FLOOD_SECONDS = "600"
SETTLE_SECONDS = 0.5
WATCH_SECONDS = 0.4
ROUTERS_CORE, HOSTS_CORE = "0", "1"
# Moves in each turn, of which it has the median.
# A machine that comes back sooner is doubted.
PAUSE_SECONDS = 1.2
MOVES = 5
JOIN_SECONDS, MOVE_SECONDS = 20, 5
RARP = 0x8035
SO_TIMESTAMPNS = 35
# "sync" of the configuration: a session that is not heard so long is down.
HELLO_MS, DEAD_MS = 200, 1000


def rarp(mac):
    """The frame with which a hypervisor tells the LAN that a machine has come."""
    own = bytes.fromhex(mac.replace(":", ""))
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 3) + (own + bytes(4)) * 2
    return (b"\xff" * 6 + own + struct.pack(">H", RARP) + body).ljust(60, b"\0")


@contextlib.contextmanager
def at_once():
    """This process runs before the flood meanwhile; those that it starts do not."""
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


class Site:
    """One end: its router, switch, host, and the place where the machine can be."""

    def __init__(self, lab, name):
        number = NAMES.index(name) + 1
        self.name = name
        self.host, self.switch, self.gateway, self.place = (
            lab.ns(f"{what}{number}") for what in ("h", "s", "g", "m"))
        self.address = f"{SUBNET[name]}.10"
        self.switch.bridge()
        for space, device in ((self.host, "host"), (self.gateway, "router"), (self.place, "machine")):
            lab.link(space, "lan" if space is self.gateway else "eth0", self.switch, device,
                     mac=MACHINE_MAC if space is self.place else None)
            self.switch.ip(f"link set {device} master br0")
        self._address(self.host, self.address, f"{SUBNET[name]}.1")
        self._address(self.place, MACHINE, "10.9.0.1")
        self.router = Router(self.gateway, name)

    @staticmethod
    def _address(space, address, gateway):
        space.ip(f"addr add {address}/24 dev eth0")
        space.ip(f"route add default via {gateway}")

    def open(self):
        """Sockets that need the devices: the machine's voice, and its ear."""
        with self.place.entered():
            self.voice = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.voice.bind(("eth0", 0))
            self.ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            self.ear.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.ear.bind(("0.0.0.0", PROBE_PORT))
            self.ear.setblocking(False)

    def close(self):
        self.voice.close()
        self.ear.close()

    def plug(self, here):
        """The machine's cable is there, or is not."""
        self.switch.run("bridge", "link", "set", "dev", "machine", "state", "3" if here else "0")

    def arrivals(self):
        """Wall-clock times, in seconds, of what the machine's place has got since the last call."""
        times = []
        with contextlib.suppress(BlockingIOError):
            while True:
                _data, control, _flags, _from = self.ear.recvmsg(256, 128)
                for level, kind, data in control:
                    if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                        seconds, nanoseconds = struct.unpack("qq", data[:16])
                        times.append(seconds + nanoseconds / 1e9)
        return times


class Bench(Lab):
    """Two sites that are joined, with the machine at the first."""

    def __init__(self):
        super().__init__("bench-stress")
        self.receivers = {}
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        self.sites = [Site(self, name) for name in NAMES]
        one, two = self.sites
        self.link(one.gateway, "wan", two.gateway, "wan")
        for site, other in ((one, two), (two, one)):
            site.gateway.ip(f"addr add {WAN[site.name]}/24 dev wan")
            site.router.conf = self._conf(site, other)
            site.router.start(core=ROUTERS_CORE, nice=0)
            site.open()
        self.at = one
        two.plug(False)
        for site in self.sites:
            wait_for(site.router.peers_up, JOIN_SECONDS, f"router {site.name} to have its peer up")
        # Who moves has been heard before, and everybody knows where everybody is.
        for host, address in ((one.host, two.address), (one.place, two.address), (two.host, MACHINE)):
            wait_for(lambda space=host, to=address: " 0% packet loss" in space.run(
                "ping", "-q", "-c1", "-W1", to, check=False), JOIN_SECONDS, f"an answer of {address}")
        for site in self.sites:
            receiver = site.host.popen("taskset", "-c", HOSTS_CORE, built("bench/udp_rate"), "receive", FLOOD_PORT, FLOOD_SIZE, text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            if receiver.stdout.readline() != "ready\n":
                raise LabError("udp_rate does not receive")
            self.receivers[site.name] = receiver

    @staticmethod
    def _conf(site, other):
        router, name = site.router, site.name
        return {"name": name, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
                "control_socket": f"{router.folder}/vrd.sock", "listen": f"{WAN[name]}:{PORT}",
                "log": {"file": f"{router.folder}/vrd.log"}, "sync": {"hello_ms": HELLO_MS, "dead_ms": DEAD_MS},
                "vns": [{"id": VN, "name": "bench", "device": "lan", "local": [f"{SUBNET[name]}.0/24"],
                         "addresses": [f"{SUBNET[name]}.1/24", "10.9.0.1/24"],
                         "mobile": [{"prefix": "10.9.0.0/24", "hosts": list(NAMES)}], "freeze": {"moves": 1000}}],
                "peers": [{"name": other.name, "public_key": other.router.public_key,
                           "endpoints": [f"{WAN[other.name]}:{PORT}"],
                           "vns": [{"id": VN, "prefixes": [f"{SUBNET[other.name]}.0/24"]}]}]}

    def close(self):
        for site in getattr(self, "sites", []):
            with contextlib.suppress(AttributeError):
                site.close()
        super().close()

    # ---- the flood ----

    def received(self):
        """{site: datagrams of the flood that have come to its host since the last call}"""
        found = {}
        for name, receiver in self.receivers.items():
            receiver.stdin.write("\n")
            receiver.stdin.flush()
            found[name] = json.loads(receiver.stdout.readline())["received"]
        return found

    @contextlib.contextmanager
    def flood(self):
        """Each host sends to the other as much as it can; the list gets what they say when they have ended."""
        one, two = self.sites
        said, senders = [], [site.host.popen(
            "taskset", "-c", HOSTS_CORE, built("bench/udp_rate"), "send", other.address, FLOOD_PORT, FLOOD_SIZE, "0",
            FLOOD_SECONDS, stdout=subprocess.PIPE, text=True) for site, other in ((one, two), (two, one))]
        time.sleep(SETTLE_SECONDS)
        try:
            yield said
        finally:
            for sender in senders:
                sender.terminate()
            for sender in senders:
                said.append(json.loads(sender.communicate(timeout=10)[0]))
                self.end(sender)

    def dropped(self):
        """{where: what the kernel had no room for} of both routers; where: "port" or "tunnel"."""
        total = {"port": 0, "tunnel": 0}
        for site in self.sites:
            for row in site.router.show("drops"):
                if row["reason"] == "kernel":
                    total[row["where"].split()[0]] += row["count"]
        return total

    def peers(self):
        return [row for site in self.sites for row in site.router.show("peers")]

    def check(self, since):
        """LabError unless all peers have been up since then."""
        for row in self.peers():
            if row["state"] != "up" or row["since_s"] < time.monotonic() - since:
                raise LabError(f"the peer {row['name']} was not up all the time: {row}")

    # ---- moves ----

    @at_once()
    def move(self):
        """The machine moves to the other site: (ms until the other router has taken it in, ms until the first datagram
        arrived there; None when none did)."""
        old = self.at
        new = next(site for site in self.sites if site is not old)
        time.sleep(PAUSE_SECONDS)
        sender = old.host.popen("taskset", "-c", HOSTS_CORE, built("bench/udp_rate"), "send", MACHINE, str(PROBE_PORT), PROBE_SIZE, PROBE_RATE,
                                f"{WATCH_SECONDS:g}", stdout=subprocess.DEVNULL)
        time.sleep(WATCH_SECONDS / 4)
        last = max((row["number"] for row in new.router.show("moves")), default=0)
        old.plug(False)
        new.plug(True)
        new.arrivals()
        start, wall = time.monotonic(), time.time()
        new.voice.send(rarp(MACHINE_MAC))
        self.at = new
        sender.wait(MOVE_SECONDS)
        self.end(sender)

        def record():
            rows = [row for row in new.router.show("moves") if row["number"] > last and row["to"] == new.name]
            return rows[-1] if rows and rows[-1]["all_acked_us"] is not None else None
        found = wait_for(record, MOVE_SECONDS, "the move's record")
        first = min((at for at in new.arrivals() if at >= wall), default=None)
        return ((found["heard_us"] + found["all_acked_us"]) / 1000 - start * 1000,
                None if first is None else (first - wall) * 1000)



def note(values, row, value):
    values.setdefault(row, []).append(value)
    print(f"  {row} {value:.3f}", flush=True)


def turn(bench, values, case):
    """Moves with the flood or without; the median of what they took."""
    found = [bench.move() for _ in range(MOVES)]
    note(values, f"stress_move_ms.{case}", statistics.median(took for took, _ in found))
    delivered = [first for _, first in found if first is not None]
    if delivered:
        note(values, f"stress_delivery_ms.{case}", statistics.median(delivered))
    note(values, f"stress_control_rtt_us.{case}", statistics.median(row["rtt_us"] for row in bench.peers()))
    return statistics.median(took for took, _ in found)


def measure(repeats):
    """{figure.case: [value, ...]}"""
    if not {int(ROUTERS_CORE), int(HOSTS_CORE)} <= os.sched_getaffinity(0):
        raise LabError("two cores are needed")
    values = {}
    with Bench() as bench:
        for _ in range(repeats):
            unloaded = turn(bench, values, "unloaded")
            bench.received()
            before, since = bench.dropped(), time.monotonic()
            with bench.flood() as said:
                loaded = turn(bench, values, "loaded")
                bench.check(since)
            time.sleep(SETTLE_SECONDS)
            seconds = statistics.mean(sender["seconds"] for sender in said)
            dropped = {where: count - before[where] for where, count in bench.dropped().items()}
            if sum(dropped.values()) == 0:
                raise LabError("the routers took all: that was no flood")
            note(values, "stress_move_added_ms.loaded", loaded - unloaded)
            note(values, "stress_offered_kpps.loaded", sum(sender["sent"] for sender in said) / seconds / 1000)
            note(values, "stress_arrived_kpps.loaded", sum(bench.received().values()) / seconds / 1000)
            for where, count in dropped.items():
                note(values, f"stress_dropped_{where}_kpps.loaded", count / seconds / 1000)
    return values
