"""Clouds with a real machine under QEMU that is live-migrated between A and B: what the tests of it share.

    with Trip(cloud) as trip:
        trip.move("b", first="garp")
        trip.move("a")

A Trip puts the load of the demonstration on the machine and holds every move to the promises: no connection breaks, every
byte is right, nothing comes twice, and no more is lost than the pause, the time until the machine was heard of, one way
and a little.
"""
import contextlib
import math
import time
import warnings

from lab import qemu
from lab.frames import Wire, rarp
from lab.layout import LAYOUTS, SITES, VM_HOSTS, VM_MAC
from lab.load import Load
from lab.measure import Observer
from lab.netns import wait_for
from lab.probes import download
from lab.topology import BRIDGE, Clouds
from lab.verdict import lost_allowed

# A guest under software emulation is slow where others work too.
PATIENCE = 20
# QEMU repeats its RARP for 800 ms, the guest its ARP for 820.
WATCH_S = 1.2
SETTLE_S = 0.4
TAKEN_BACK_S = 1
TRIES = 3
DOUBT_S = 5.5  # the routers' time, and a little
SERIES_S = 1.2  # the same: a hypervisor goes on repeating its RARP for so long
# A download of so little is a connection on which nothing is said for seconds.
IDLE_RATE = 1
HYPERVISOR = "hyp0"


class Cloud(Clouds):
    """The lab's clouds; at each site where the machine may be, a hypervisor can put frames on the LAN by hand, at a port
    of its own."""

    def __init__(self, lab, layout, image, **more):
        super().__init__(lab, LAYOUTS[layout], **more)
        self.wires = {}
        for name in VM_HOSTS:
            space = self.sites[name].space
            lab.link(space, HYPERVISOR, space, f"to-{HYPERVISOR}")
            space.ip(f"link set to-{HYPERVISOR} master {BRIDGE}")
            self.wires[name] = Wire(space, HYPERVISOR)
        self.start()
        self.boot(image)
        self.wait_reachable()
        self.wait_owner("a")

    @property
    def vm_ip(self):
        return self.layout.vm_ip()

    def wait_owner(self, site):
        """Waits until all routers place the machine there."""
        for asked in SITES:
            wait_for(lambda router=asked: self.owner(self.vm_ip, router) == site, PATIENCE,
                     f"router {asked} to place the machine at {site}")

    def records(self, site):
        """The router's records of the machine's moves to its own site."""
        return [row for row in self.routers[site].show("moves")
                if self.vm_ip in row["eids"] and row["to"] == site]

    def wait_undoubted(self, site):
        """Waits until data of the machine is believed at a site that it may have left a while ago."""
        def undoubted():
            left = [row["heard_us"] / 1e6 for other in SITES for row in self.records(other)
                    if row["from"] == site]
            return time.monotonic() > max(left, default=0) + DOUBT_S
        wait_for(undoubted, DOUBT_S + 1, f"the end of doubts at {site}")

    def wait_series(self, site):
        """Waits until a RARP there is news, and no repetition from when the machine came last."""
        came = max((row["heard_us"] / 1e6 for row in self.records(site)), default=0)
        wait_for(lambda: time.monotonic() > came + SERIES_S, SERIES_S + 1, f"the end of a series at {site}")

    def gate(self, site, first):
        """The site's switch hears nothing of the machine's tap before the first frame of this kind: "garp" or "data". RARP
        is never heard, and gratuitous ARP only where it is the first. Captures still see everything. None: no gate."""
        place, address = self.sites[site], self.vm_ip
        garp = f"arp saddr ip {address} arp daddr ip {address}"
        opens = {"garp": garp, "data": "ether type ip"}
        lines = ["add table netdev gate", "delete table netdev gate"]
        if first:
            rules = ["ether type 0x8035 drop", f"{opens[first]} add @spoke {{ ether saddr }} accept",
                     f"{garp} drop", "ether saddr @spoke accept", "drop"]
            lines += ["add table netdev gate",
                      "add set netdev gate spoke { type ether_addr; size 16; flags dynamic; }",
                      "add chain netdev gate in { type filter hook ingress device "
                      f"\"{place.tap}\" priority 0; }}"]
            lines += [f"add rule netdev gate in {rule}" for rule in rules]
        file = self.lab.path(f"gate-{site}.nft")
        with open(file, "w", encoding="ascii") as out:
            out.write("\n".join(lines) + "\n")
        place.space.run("nft", "-f", file)

    @contextlib.contextmanager
    def gated(self, site, first):
        """gate() for a while."""
        self.gate(site, first)
        try:
            yield
        finally:
            self.gate(site, None)

    def say_rarp(self, site):
        """A hypervisor of this site says that the machine has come."""
        self.wires[site].send(rarp(VM_MAC))

    def bring_home(self):
        """The machine is at A, wherever a test has left it."""
        if self.vm_site != "a":
            _, old = self.migrate("a")
            old.end()
            # What it says of itself after this move must not be taken for what a test waits for.
            time.sleep(WATCH_S)
        self.wait_owner("a")


class Trip:
    """The load, the captures, and the promises that each move must keep."""

    def __init__(self, cloud, routers=True):
        """'routers': see Observer."""
        self.cloud = cloud
        self.observer = Observer(cloud, time.time(), routers=routers)
        self.load = Load(cloud)
        self.extra = []

    def __enter__(self):
        time.sleep(SETTLE_S + 4 * self.observer.delay)
        self.observer.settle()
        return self

    def __exit__(self, failed, *_):
        try:
            if failed is None:
                self._finish()
        finally:
            self.observer.stop()
            for probe in [*self.load.downloads.values(), *self.load.streams.values(), *self.extra]:
                self.cloud.lab.end(probe.process)

    def download(self, host, rate):
        """One more download from the machine, that must end well too."""
        self.extra.append(download(self.cloud.hosts[host], self.cloud.vm_ip, rate,
                                   7000 + len(self.extra)))
        return self.extra[-1]

    def _finish(self):
        for probe in self.extra:
            probe.begin_finish()
        for probe in self.extra:
            end = probe.finish()
            assert end["finished"] and end["checksum_ok"], f"{probe.what}: {end}"
        finished, final = self.load.finish()
        assert all(finished.values()), final
        for name, end in final.items():
            assert end.get("duplicated", 0) == 0, f"answers came twice to {name}: {end}"
        self.cloud.check()

    def move(self, to, first=None, meanwhile=None):
        """Moves the machine and holds the move to the promises. 'first': what the new site's switch hears first, see
        Cloud.gate(). Returns the figures and the record.

        Where other work takes the processors from the routers for some milliseconds, more is lost: such a move, and only
        such a one, is made once more."""
        start = self.cloud.vm_site
        for _ in range(TRIES):
            figures, record = self._one_move(to, first, meanwhile)
            resolving_ms = record["resolved_us"] / 1000 if meanwhile else 0
            too_many = self._lost_too_many(figures, resolving_ms)
            if not too_many:
                return figures, record
            warnings.warn(f"{start} -> {to} once more: {too_many}")  # said at the end of the run
            self._one_move(start, None, None)
            if first == "data":
                self.cloud.wait_undoubted(to)
        raise AssertionError(f"in {TRIES} tries: {too_many}")

    def _one_move(self, to, first, meanwhile):
        cloud, start = self.cloud, self.cloud.vm_site
        before = {site: len(cloud.records(site)) for site in SITES}
        with cloud.gated(to, first):
            target = cloud.prepare(to, hold=meanwhile is not None)
            migration, old = cloud.migrate(to, target, meanwhile)
            try:
                time.sleep(WATCH_S + 2 * self.observer.delay)
                figures, _ = self.observer.figures(start, to, migration, first or "rarp")
            finally:
                old.end()
        record = cloud.records(to)[-1]
        print(f"{start} -> {to}: {figures}\n{record}")
        if not meanwhile:  # a router that starts anew has no records
            after = {site: len(cloud.records(site)) for site in SITES}
            assert sum(after.values()) == sum(before.values()) + 1, (before, after)
        self._judge_record(record, start, to, first or "rarp")
        assert figures["resume_to_rarp_ms"] is not None, "the machine said nothing"
        self._nothing_came_twice(figures)
        self.must_go_on()
        return figures, record

    def must_go_on(self):
        """From now on every host gets more bytes, and what it got is right."""
        downloads = [*self.load.downloads.values(), *self.extra]
        before = {probe: probe.mark()["bytes"] for probe in downloads}

        def goes_on(probe):
            now = probe.mark()
            assert now["content_ok"] and not now["error"], f"{probe.what}: {now}"
            return now["bytes"] > before[probe]
        for probe in downloads:
            wait_for(lambda it=probe: goes_on(it), PATIENCE, f"{probe.what} to go on")

    @staticmethod
    def _nothing_came_twice(figures):
        for role, peer in figures["peers"].items():
            assert peer["duplicated_udp"] == 0, f"{role}: {peer}"
        assert figures["duplicated_icmp"] == 0 and figures["to_two_sites"] == 0, figures

    def _lost_too_many(self, figures, resolving_ms):
        """Who lost more than the pause, the time until the machine was heard of and known, one way, and a little."""
        waiting = math.ceil(figures["resume_to_rarp_ms"] + resolving_ms)
        at_once = {**figures, "resume_to_rarp_ms": 0}
        allowed = {role: waiting + lost_allowed(at_once, peer, self.observer.delay * 1000, 0)
                   for role, peer in figures["peers"].items()}
        return [f"{role} lost {peer['lost_udp']} of {allowed[role]}"
                for role, peer in figures["peers"].items() if peer["lost_udp"] > allowed[role]]

    @staticmethod
    def _judge_record(record, start, to, trigger):
        assert (record["from"], record["to"], record["trigger"]) == (start, to, trigger), record
        assert record["outcome"] == "done", record
        assert {(ack["vr"], ack["verdict"]) for ack in record["acks"]} == {
            (site, "accepted") for site in SITES if site != to}, record

    def fail(self):
        """A migration from A to B that fails: B's hypervisor says that the machine has come, but it goes on at A. Returns
        the seconds until all routers had it at A again."""
        seconds, migration = fail(self.cloud)
        time.sleep(WATCH_S + 2 * self.observer.delay)
        # Seen from A: what was sent to B meanwhile is lost.
        figures, _ = self.observer.figures("b", "a", migration)
        print(f"taken back after {seconds * 1000:.0f} ms: {figures}")
        for role, peer in figures["peers"].items():
            assert peer["lost_udp"] <= TAKEN_BACK_S * 1000, f"{role}: {peer}"
        self._nothing_came_twice(figures)
        self.must_go_on()
        return seconds


def fail(cloud):
    """A migration from A to B that fails, with a RARP at B while the guest is stopped. Returns the seconds from that RARP
    until all routers had the machine at A again, and the migration."""
    said = []

    def at_switchover():
        said.append(time.monotonic())
        cloud.say_rarp("b")
        wait_for(lambda: len(cloud.records("b")) > claims, PATIENCE, "B's router to believe it",
                 0.002)
    cloud.wait_series("b")
    claims, known = len(cloud.records("b")), len(cloud.records("a"))
    stopped, resumed = qemu.fail(cloud.vm, cloud.prepare("b"), at_switchover)
    return _taken_back(cloud, known) - said[0], qemu.Migration(stopped, resumed, 0)


def mistake(cloud):
    """A RARP at B for a machine that never stops at A. Returns the seconds until all routers had it at A again."""
    cloud.wait_series("b")
    known, said = len(cloud.records("a")), time.monotonic()
    cloud.say_rarp("b")
    return _taken_back(cloud, known) - said


def _taken_back(cloud, known):
    """When all routers had the machine at A again, of whose moves there A's router had so many records."""
    def record():
        rows = cloud.records("a")
        return rows[-1] if len(rows) > known and rows[-1]["all_acked_us"] is not None else None
    row = wait_for(record, PATIENCE, "A's router to take the machine back", 0.005)
    assert (row["from"], row["trigger"]) == ("b", "recheck"), row
    for asked in SITES:
        assert cloud.owner(cloud.vm_ip, asked) == "a"
    return (row["heard_us"] + row["all_acked_us"]) / 1e6
