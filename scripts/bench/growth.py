"""What a router costs as it grows: GNDT entries, peers, flows.

All cases of a kind stand side by side, and are measured in turn.  The tables come from the configuration.  Every peer is a router of its
own: those that nothing is sent to stand by the dozen in namespaces on the same underlay.

'Spread' datagrams go to as many addresses as there are flows, which lie evenly over all entries, so that each looks up something
else; with few entries it is as many addresses."""

import contextlib
import socket
import struct
import subprocess
import time

from lab.netns import LabError, wait_for
from lab.tools import built

from . import iperf, processes, udp, vrd
from .mapserver import label
from .path import Path

# Where the entries are.
SPREAD, SPREAD_LENGTH = "20.0.0.0", 8
SPREAD_FLOWS = 4096
# So slowly nobody is lost who waits for an ARP answer.
WARM_RATE = "1000"
PROBE_PORT, PROBE_RATE = 5011, "1000"
# Traffic of the flows while the round trip is measured.
BACKGROUND_RATE = "5000"
# Fewer than the routers can take.
COST_RATE = "50000"
SERVICE_SECONDS, UP_SECONDS = 60, 120
CROWD_IN_ONE, CROWD_PORT = 50, 52000
ENTRIES_MAX, PEERS_MAX, FLOWS_MAX = 1000000, 1000, 50000
# With fewer, what a process takes anyway hides what each of them takes.
WEIGHED = 900
SO_TIMESTAMPNS = 35


def number_of(address):
    return struct.unpack("!I", socket.inet_aton(address))[0]


def address_of(number):
    return socket.inet_ntoa(struct.pack("!I", number))


class Table:
    """So many GNDT entries, two of which are the hosts' networks: prefixes as long as so many fit beside each other."""

    def __init__(self, entries):
        self.count = max(entries - 2, 0)
        self.length = SPREAD_LENGTH + max(self.count - 1, 0).bit_length()
        self.each = 1 << (32 - self.length)

    def prefixes(self):
        first = number_of(SPREAD)
        return [f"{address_of(first + i * self.each)}/{self.length}" for i in range(self.count)]

    def first(self):
        return address_of(number_of(SPREAD) + 1)

    def last(self):
        """An address in the entry that comes last."""
        return address_of(number_of(SPREAD) + (self.count - 1) * self.each + 1)

    def stride(self, flows):
        return (self.count * self.each - 1) // flows


def resident(pid):
    """Bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * processes.PAGE


class Grown(Path):
    """Two routers that are joined, the first with so many entries."""

    def __init__(self, name, entries=10):
        self.table = Table(entries)
        super().__init__(name)
        self.confs = {}
        try:
            self._begin(entries)
        except BaseException:
            self.close()
            raise

    def _begin(self, entries):
        one, two = self.sides
        self.keys = vrd.make_keys(self, *vrd.NAMES.values())
        for side, other in ((one, two), (two, one)):
            name = vrd.NAMES[other.number]
            conf = vrd.gateway(self, side)
            conf["peers"] = [vrd.peer(name, self.keys[name], other.subnet, other.wan_address)]
            self.confs[side.number] = conf
        self.confs[1]["peers"][0]["vns"][0]["prefixes"] += self.table.prefixes()
        self.confs[2]["vns"][0]["local"].append(f"{SPREAD}/{SPREAD_LENGTH}")
        two.host.ip(f"route add local {SPREAD}/{SPREAD_LENGTH} dev lo")
        self.more()
        for side in self.sides:
            vrd.start(self, side.gateway, self.confs[side.number])
        self.wait_until_joined()
        found = vrd.show(self, one, "vr")["gndt"]
        if self.table.count and found != entries + len(self.confs[1]["peers"]) - 1:
            raise LabError(f"{found} entries, not {entries}")

    def more(self):
        """What stands beside them."""

    @property
    def router(self):
        """The process of the first router."""
        return self.programs[-2][0]

    def spread(self, rate, seconds):
        """Starts to send to all entries."""
        one, _two = self.sides
        return one.host.popen(built("bench/udp_rate"), "send", self.table.first(), udp.PORT, udp.SIZE, rate, f"{seconds:g}",
                              str(SPREAD_FLOWS), str(self.table.stride(SPREAD_FLOWS)), stdout=subprocess.DEVNULL)

    def warm(self):
        """The second router has heard of all who are sent to."""
        if self.spread(WARM_RATE, 1.2 * SPREAD_FLOWS / float(WARM_RATE)).wait(60) != 0:
            raise LabError("udp_rate does not send")

    def restart(self):
        """Seconds from the start of the first router, which was killed, to the arrival of what goes to the last entry."""
        one, two = self.sides
        with two.host.entered(), contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as ear:
            ear.bind(("0.0.0.0", PROBE_PORT))
            ear.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            ear.settimeout(SERVICE_SECONDS)
            sender = one.host.popen(built("bench/udp_rate"), "send", self.table.last(), str(PROBE_PORT), "32", PROBE_RATE,
                                    str(SERVICE_SECONDS), stdout=subprocess.DEVNULL)
            ear.recv(64)
            old = self.programs.pop(-2)
            old[0].kill()
            old[0].wait()
            with contextlib.suppress(TimeoutError):
                ear.settimeout(0.2)
                while True:
                    ear.recv(64)
            ear.settimeout(SERVICE_SECONDS)
            start = time.time()
            vrd.start(self, one.gateway, self.confs[1])
            _data, control, _flags, _from = ear.recvmsg(64, 128)
            self.end(sender)
        self.programs.insert(-1, self.programs.pop())
        arrived = next(struct.unpack("qq", data[:16]) for level, kind, data in control
                       if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS))
        return arrived[0] + arrived[1] / 1e9 - start


class Crowd(Grown):
    """The first router has so many peers; they and the second one share an underlay."""

    def __init__(self, name, peers):
        self.others = peers - 1
        super().__init__(name)

    def _connect(self, one, two):
        self.underlay = self.ns("wan")
        self.underlay.bridge()
        for side in (one, two):
            self._plug(side.gateway, f"g{side.number}", side.wan_address)

    def _plug(self, space, device, address):
        self.link(space, "wan", self.underlay, device)
        self.underlay.ip(f"link set {device} master br0")
        space.ip(f"addr add {address}/24 dev wan")

    def more(self):
        one, _two = self.sides
        for first in range(0, self.others, CROWD_IN_ONE):
            group = first // CROWD_IN_ONE
            space = self.ns(f"c{group}")
            address = f"192.0.2.{100 + group}"
            self._plug(space, f"c{group}", address)
            for i in range(first, min(first + CROWD_IN_ONE, self.others)):
                self._join(space, address, i, one)

    def _join(self, space, address, i, hub):
        name, device, subnet = f"p{i}", f"lan{i}", f"10.{100 + i // 256}.{i % 256}"
        # A router has a LAN; nobody is on these.
        self.link(space, device, space, f"end{i}")
        self.keys.update(vrd.make_keys(self, name))
        conf = vrd.configuration(self, name, address, f"{subnet}.0/24", f"{subnet}.1")
        conf["listen"] = f"{address}:{CROWD_PORT + i}"
        conf["vns"][0]["device"] = device
        conf["peers"] = [vrd.peer("a", self.keys["a"], hub.subnet, hub.wan_address)]
        vrd.start(self, space, conf)
        row = vrd.peer(name, self.keys[name], f"{subnet}.0/24")
        row["endpoints"] = [conf["listen"]]
        self.confs[1]["peers"].append(row)

    def wait_until_joined(self):
        super().wait_until_joined()
        wait_for(lambda: all(row["state"] == "up" for row in vrd.show(self, self.sides[0], "peers")), UP_SECONDS,
                 f"{self.others + 1} peers to be up", interval=0.5)


# ---- measuring ----

def note(values, row, value):
    values.setdefault(row, []).append(value)
    print(f"  {row} {value:.3f}", flush=True)


def goodput(values, path, case, seconds):
    """One flow, and the round trip."""
    note(values, f"growth_tcp1_gbps.{case}", iperf.tcp(path, seconds)[0])
    median, high = udp.round_trip_us(path)
    note(values, f"growth_rtt_us.{case}", median)
    note(values, f"growth_rtt_p99_us.{case}", high)


def datagrams(values, path, case, **flows):
    """How many small ones pass, and what they cost the first router."""
    note(values, f"growth_udp64_kpps.{case}", udp.rate_kpps(path, **flows)[0])


def cost(values, path, case, seconds, send):
    """Processor time of both routers for one datagram; 'send' starts a sender."""
    one, _two = path.sides
    before, own = vrd.show(path, one, "stats")["ports"][0]["rx_frames"], processes.cpu_seconds(path)
    sender = send(COST_RATE, seconds)
    sender.wait(seconds + 30)
    path.end(sender)
    own = processes.cpu_seconds(path) - own
    count = vrd.show(path, one, "stats")["ports"][0]["rx_frames"] - before
    if count < 1000:
        raise LabError(f"{case}: {count} datagrams have come to the first router")
    note(values, f"growth_us_per_datagram.{case}", own / count * 1e6)


def weigh(values, paths, row):
    """What each entry, or peer, takes of the first router's memory: compared with the path that has fewest, the first."""
    fewest, *_more = paths
    least = resident(paths[fewest].router.pid)
    for count, path in paths.items():
        if count - fewest >= WEIGHED:
            note(values, f"{row}_{label(count)}", (resident(path.router.pid) - least) / (count - fewest))


def entries(values, counts, repeats, seconds):
    with contextlib.ExitStack() as stack:
        paths = {count: stack.enter_context(Grown(f"entries{count}", count)) for count in counts}
        weigh(values, paths, "growth_bytes_per_entry.entries")
        for path in paths.values():
            path.warm()
        for _turn in range(repeats):
            for count, path in paths.items():
                goodput(values, path, f"entries_{label(count)}", seconds)
            for count, path in paths.items():
                datagrams(values, path, f"entries_{label(count)}", address=path.table.first(), flows=SPREAD_FLOWS,
                          stride=path.table.stride(SPREAD_FLOWS))
            for count, path in paths.items():
                cost(values, path, f"entries_{label(count)}", seconds, path.spread)
        for _turn in range(repeats):
            for count, path in paths.items():
                note(values, f"growth_service_s.entries_{label(count)}", path.restart())


def peers(values, counts, repeats, seconds):
    with contextlib.ExitStack() as stack:
        paths = {count: stack.enter_context(Crowd(f"peers{count}", count)) for count in counts}
        weigh(values, paths, "growth_bytes_per_peer.peers")
        for _turn in range(repeats):
            for count, path in paths.items():
                goodput(values, path, f"peers_{label(count)}", seconds)
            for count, path in paths.items():
                datagrams(values, path, f"peers_{label(count)}")


def flows(values, counts, repeats, _seconds):
    with Grown("flows") as path:
        one, two = path.sides
        for _turn in range(repeats):
            before = resident(path.router.pid)
            for count in counts:
                datagrams(values, path, f"flows_{label(count)}", flows=count)
            for count in counts:
                receiver = two.host.popen(built("bench/udp_rate"), "receive", udp.PORT, udp.SIZE, stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, text=True)
                receiver.stdout.readline()
                sender = one.host.popen(built("bench/udp_rate"), "send", two.host_address, udp.PORT, udp.SIZE, BACKGROUND_RATE,
                                        "60", str(count), stdout=subprocess.DEVNULL)
                median, high = udp.round_trip_us(path)
                if sender.poll() is not None:
                    raise LabError(f"{count} flows: the sender has ended")
                path.end(sender)
                path.end(receiver)
                note(values, f"growth_rtt_us.flows_{label(count)}", median)
                note(values, f"growth_rtt_p99_us.flows_{label(count)}", high)
            if counts[-1] >= WEIGHED:
                note(values, f"growth_bytes_per_flow.flows_{label(counts[-1])}",
                     (resident(path.router.pid) - before) / counts[-1])


def measure(options):
    """{figure.case: [value, ...]}"""
    values = {}
    entries(values, options.entries, options.repeats, options.seconds)
    flows(values, options.flows, options.repeats, options.seconds)
    peers(values, options.peers, options.repeats, options.seconds)
    return values
