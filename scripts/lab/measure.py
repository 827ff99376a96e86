"""From captures to the figures of one move.

What each figure is, all times by the kernel's stamps of captured frames except STOP and RESUME, which are QEMU's:

vm_paused_ms           STOP at the old hypervisor to RESUME at the new one
rarp_to_resolved_ms    first RARP on the new tap to the first packet that the new site's router sends to a third site (C) after
                       it: what it resolved cannot be seen in sealed traffic, the news it then sends can
rarp_to_all_acked_ms   the same RARP until the new site has received, from every other site, the first packet that this site sent
                       after the news had reached it (the acknowledgement, or data that already follows the news)
rarp_to_delivery_ms    the same RARP to the first frame from the client that enters the new tap
lost_udp, lost_icmp    requests that reached neither the old tap before STOP nor the new one
duplicated_udp         requests that reached the machine's taps more than once
reordered_udp          requests that came after a later one; reordered_ms: for how long that went on
to_two_sites           requests seen on both taps
via_vr_frames_after_100ms   frames between machine and native that passed the new site's router later than 100 ms after the
                       RARP, or than a round trip if that is longer (frames that the switch merely floods to it are not counted)
via_vr_frames_after_guest_heard   those of them that came when the guest had also heard its new neighbours' addresses
guest_caught_up_ms     the RARP to the guest's first answer to a request delivered after it: an emulated guest first works off,
                       for up to some 100 ms, what was in its queue when it was stopped, and the routers' ARP stands behind that
"""
import bisect
from dataclasses import dataclass, field

from .capture import ARP, IP4, RARP, UDP, Capture, collect, mac_bytes, packed
from .layout import HOSTS, SITES, UNDERLAY, VM_MAC
from .topology import WAN_DEVICE

UDP_FLOWS = {"client": 1, "native_a": 2, "native_b": 3}
PING_FLOW = 101
# Requests of this size make sealed records of a size of their own.
CLIENT_SIZE, NATIVE_SIZE = 333, 64
# What a sealed record adds to an IP packet: outer and inner header, tag.
RECORD_OVERHEAD = 40
DIRECT_AFTER = 0.1
# What the router tells a machine that has arrived is in its queue so soon after the RARP.
TOLD = 0.001
# Frames of an answer in progress while the guest changes its neighbour entry.
SWITCHING = 0.002
# How many requests from the edges of the captured time the comparison with the underlay begins and ends, how long before
# a request (1 ms after the last), and by how many records a router that was kept waiting there can mislead it.
EDGE, BETWEEN, EDGE_ERROR = 50, 0.0003, 3
# Frames younger than this may still be on their way when the captures are read.
IN_FLIGHT = 0.05

ANNOUNCEMENTS = {
    "rarp": lambda frame: frame.kind == RARP,
    "garp": lambda frame: frame.kind == ARP and frame.ip_from == frame.ip_to,
    "data": lambda frame: frame.kind == IP4,
}


@dataclass
class Flow:
    """What is known of one numbered flow; numbers up to 'settled' are accounted for."""
    settled: int = -1
    highest: int = -1
    copies: dict = field(default_factory=dict)   # number -> deliveries
    places: dict = field(default_factory=dict)   # number -> taps


@dataclass
class FlowFigures:
    """One flow over one move."""
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    reordered_ms: float = 0.0
    reorder_episodes: int = 0
    to_two_sites: int = 0
    counted: int = 0


class Observer:
    """Captures everywhere that matters in a world, and reads the figures of each move."""

    def __init__(self, world, epoch, folder=None, routers=True):
        """Without 'routers' only the machine's taps are watched: for moves during which a router starts anew."""
        self.world = world
        self.routed = routers and hasattr(world, "routers")
        self.epoch = epoch
        self.delay = getattr(getattr(world, "underlay", None), "delay_ms", 0) / 1000
        self.captures = []
        self.flows = {}
        self.lan_ports = {}
        self.surplus_records = 0
        devices = {}
        for site in world.sites.values():
            wanted = devices.setdefault(site.space.name, (site.space, []))[1]
            if site.name != HOSTS["client"]:
                wanted.append(site.tap)
            if self.routed:
                self.lan_ports[site.name] = world.lan_port(site.name)
                wanted += [self.lan_ports[site.name], WAN_DEVICE]
        for space, names in devices.values():
            if not names:
                continue
            file = f"{folder}/{world.layout.name}-{space.name}.pcapng" if folder else None
            self.captures.append(Capture(space, names, epoch, file))

    def stop(self):
        for capture in self.captures:
            capture.stop()

    def settle(self, site):
        """Begins anew while the machine rests at this site: what was captured so far is only looked at for where each flow
        stands."""
        frames = collect(self.captures)
        self._count_underlay(frames)
        self._follow(self._requests(frames, site), [], float("inf"))
        for flow in self.flows.values():
            self._account(flow, FlowFigures(), float("inf"), {})

    def rest(self):
        """Captures nothing until wake(): for the time between moves, which is long on a busy machine."""
        collect(self.captures, "pause")

    def wake(self):
        """Captures again; every flow begins anew with the first frame that is seen."""
        collect(self.captures, "resume")
        self.flows = {}

    def figures(self, start, target, migration, announced="rarp"):
        """The figures of the move from site 'start' to site 'target', whose frames are all those since the last call, and the
        time of its announcement. 'announced' is the kind of frame by which the new site's switch first hears of the
        machine: "rarp", "garp" or "data"; the names of the figures say RARP for all."""
        frames = collect(self.captures)
        self._count_underlay(frames)
        stopped, resumed = migration.stopped - self.epoch, migration.resumed - self.epoch
        new = self._tap(frames, target)
        rarp = _first(new, lambda f: ANNOUNCEMENTS[announced](f) and not f.outbound
                      and f.time >= stopped)
        flows = self._flow_figures(frames, start, target, stopped)
        result = {"layout": self.world.layout.name, "from": start, "to": target,
                  "vm_paused_ms": _ms(stopped, resumed),
                  "resume_to_rarp_ms": _ms(resumed, rarp)}
        client = packed(self.world.layout.hosts["client"])
        result["rarp_to_delivery_ms"] = _ms(rarp, _delivery(new, rarp, client))
        if self.routed:
            result.update(self._news(frames, target, rarp))
        udp = flows[UDP_FLOWS["client"]]
        icmp = flows[PING_FLOW]
        result.update(lost_udp=udp.lost, lost_icmp=icmp.lost, duplicated_udp=udp.duplicated,
                      duplicated_icmp=icmp.duplicated, reordered_udp=udp.reordered,
                      to_two_sites=sum(flow.to_two_sites for flow in flows.values()))
        roles = {"client": "client", "native_from": f"native_{start}",
                 "native_to": f"native_{target}"}
        result["peers"] = {role: self._peer(flows[UDP_FLOWS[name]], new, rarp, name)
                           for role, name in roles.items()}
        caught_up = _caught_up(new, rarp)
        result["guest_caught_up_ms"] = _ms(rarp, caught_up)
        if self.routed:
            result["peers"]["native_to"].update(self._direct(frames, target, rarp, caught_up))
        result["announcements"] = self._announcements(new, rarp)
        return result, rarp

    def _tap(self, frames, site):
        place = self.world.sites[site]
        return frames.get((place.space.name, place.tap), [])

    def _requests(self, frames, site):
        return [f for f in self._tap(frames, site) if f.outbound and f.flow and f.is_request]

    def _follow(self, old, new, stopped):
        """Counts deliveries; returns per flow the frames in the order in which the machine got them."""
        orders = {}
        for frame in old:
            flow = self.flows.setdefault(frame.flow, Flow())
            flow.places[frame.number] = flow.places.get(frame.number, 0) | 1
        for frame in new:
            flow = self.flows.setdefault(frame.flow, Flow())
            flow.places[frame.number] = flow.places.get(frame.number, 0) | 2
        got = [f for f in old if f.time < stopped] + new
        for frame in sorted(got, key=lambda f: f.time):
            flow = self.flows[frame.flow]
            flow.copies[frame.number] = flow.copies.get(frame.number, 0) + 1
            orders.setdefault(frame.flow, []).append(frame)
        return orders

    def _flow_figures(self, frames, start, target, stopped):
        old, new = self._requests(frames, start), self._requests(frames, target)
        orders = self._follow(old, new, stopped)
        end = max((f.time for f in old + new), default=0) - IN_FLIGHT - 2 * self.delay
        figures = {}
        for number in [*UDP_FLOWS.values(), PING_FLOW]:
            flow = self.flows.setdefault(number, Flow())
            figures[number] = mine = FlowFigures()
            _reorder(flow, orders.get(number, []), mine)
            times = {f.number: f.time for f in orders.get(number, [])}
            self._account(flow, mine, end, times)
        return figures

    @staticmethod
    def _account(flow, figures, end, times):
        """Settles all numbers up to the last that was delivered before 'end'."""
        known = [n for n in flow.copies if n > flow.settled and times.get(n, 0) <= end]
        if not known:
            return
        last = max(known)
        begin = flow.settled + 1 if flow.settled >= 0 else min(known)
        for number in range(begin, last + 1):
            copies = flow.copies.pop(number, 0)
            figures.lost += copies == 0
            figures.duplicated += max(0, copies - 1)
            figures.to_two_sites += flow.places.pop(number, 0) == 3
        figures.counted = last + 1 - begin
        flow.settled = last
        # A copy of a settled number that comes later still counts, as one more.
        for number in [n for n in flow.copies if n <= last]:
            figures.duplicated += flow.copies.pop(number)
            flow.places.pop(number, None)

    def _peer(self, figures, tap, rarp, name):
        address = packed(self.world.layout.hosts[name])
        return {"host": name, "lost_udp": figures.lost, "duplicated_udp": figures.duplicated,
                "reordered_udp": figures.reordered,
                "reordered_ms": round(figures.reordered_ms, 3),
                "reorder_episodes": figures.reorder_episodes, "counted_udp": figures.counted,
                "rarp_to_delivery_ms": _ms(rarp, _delivery(tap, rarp, address))}

    def _direct(self, frames, site, rarp, caught_up):
        """Frames between the machine and the native of this site that passed the router's LAN port."""
        name = f"native_{site}"
        vm = packed(self.world.layout.vm)
        ends = {vm, packed(self.world.layout.hosts[name])}
        real = {vm: mac_bytes(VM_MAC),
                packed(self.world.layout.hosts[name]):
                    mac_bytes(self.world.hosts[name].mac("eth0"))}
        port = frames.get((site, self.lan_ports[site]), [])
        # What was on its way to the old site when the machine left comes back after a round trip.
        after = (rarp or 0) + max(DIRECT_AFTER, 2 * self.delay + SWITCHING)
        passed = [f.time for f in port if f.kind == IP4 and f.time > after
                  and {f.ip_from, f.ip_to} == ends
                  # Outbound is from switch to router: merely flooded when it goes to a local MAC.
                  and not (f.outbound and f.to == real[f.ip_to])]
        same = self.world.layout.subnets[site] == self.world.layout.subnets["a"]
        late = sum(1 for time in passed if caught_up is None or time > caught_up + SWITCHING)
        return {"via_vr_frames_after_100ms": len(passed),
                "via_vr_frames_after_guest_heard": late, "shares_subnet": same}

    def _news(self, frames, target, rarp):
        """When the news left the new site, and when every other site had reacted."""
        if rarp is None:
            return {"rarp_to_resolved_ms": None, "rarp_to_all_acked_ms": None}
        wires = {site: [f for f in frames.get((site, WAN_DEVICE), []) if f.protocol == UDP]
                 for site in SITES}
        third = packed(UNDERLAY[HOSTS["client"]])
        news = next((f for f in wires[target]
                     if f.outbound and f.ip_to == third and f.time >= rarp), None)
        acked = [self._acked(wires, target, site, news, rarp) for site in SITES if site != target]
        return {"rarp_to_resolved_ms": _ms(rarp, news and news.time),
                "rarp_to_all_acked_ms": _ms(rarp, None if None in acked else max(acked))}

    @staticmethod
    def _acked(wires, target, site, news, rarp):
        """When the new site received what this site sent first after the news reached it. The news has the same size for
        all; until it comes the machine's old site may be sent data too."""
        if news is None:
            return None
        mine, other = packed(UNDERLAY[target]), packed(UNDERLAY[site])
        arrivals = _identified(wires[site], mine)
        back = _identified(wires[target], other)
        told = next((arrivals[_identity(f)] for f in wires[target]
                     if f.outbound and f.ip_to == other and f.size == news.size
                     and f.time >= rarp and _identity(f) in arrivals), None)
        if told is None:
            return None
        return next((back[_identity(f)] for f in wires[site]
                     if f.outbound and f.ip_to == mine and f.time > told
                     and _identity(f) in back), None)

    def _count_underlay(self, frames):
        """Compares the client's requests that entered its router with the sealed records of their size that left it. What is
        between two requests well inside of the captured time is compared, so that each has its record."""
        if not self.lan_ports:
            return
        site = HOSTS["client"]
        times = [f.time for f in frames.get((site, self.lan_ports[site]), [])
                 if f.outbound and f.is_request and f.flow == UDP_FLOWS["client"]]
        if len(times) <= 2 * EDGE:
            return
        begin, end = times[EDGE] - BETWEEN, times[-EDGE] - BETWEEN
        record = CLIENT_SIZE + 28 + RECORD_OVERHEAD
        records = sum((f.size - 42) // record for f in frames.get((site, WAN_DEVICE), [])
                      if f.outbound and f.protocol == UDP and (f.size - 42) % record == 0
                      and begin <= f.time < end)
        self.surplus_records += max(0, records - (len(times) - 2 * EDGE) - EDGE_ERROR)

    @staticmethod
    def _announcements(tap, rarp):
        """What the machine said about itself in the second after the move, by kind."""
        said = {"rarp": 0, "gratuitous_arp": 0}
        for frame in tap:
            if frame.outbound or rarp is None or not rarp <= frame.time <= rarp + 1.2:
                continue
            if frame.kind == RARP:
                said["rarp"] += 1
            elif ANNOUNCEMENTS["garp"](frame):
                said["gratuitous_arp"] += 1
        return said


def _identity(frame):
    """What tells one packet on the underlay from all others: the beginning of a sealed record, with its counter."""
    return bytes(frame.payload[:32])


def _identified(frames, sender):
    """Times of arrival of a sender's packets."""
    return {_identity(f): f.time for f in frames if not f.outbound and f.ip_from == sender}


def _first(frames, accept):
    """The time of the first frame that is accepted."""
    return next((frame.time for frame in frames if accept(frame)), None)


def _delivery(tap, rarp, address):
    if rarp is None:
        return None
    return _first(tap, lambda f: f.outbound and f.kind == IP4 and f.ip_from == address
                  and f.time > rarp)


def _ms(start, end):
    return None if start is None or end is None else round((end - start) * 1000, 3)


def _caught_up(tap, rarp):
    """When the guest first answered a request that entered the tap after the router's ARP did."""
    if rarp is None:
        return None
    fresh = {}
    for frame in tap:
        if frame.flow and frame.outbound and frame.is_request and frame.time > rarp + TOLD:
            fresh.setdefault(frame.flow, frame.number)
    return _first(tap, lambda f: f.flow in fresh and not f.outbound and not f.is_request
                  and f.number >= fresh[f.flow])


def _reorder(flow, order, figures):
    """Counts late frames, and how long they went on after the first that overtook them."""
    numbers, times = [], []  # of the frames that were the latest when they came
    overtaken = last_late = None
    for frame in order:
        if frame.number > flow.highest:
            flow.highest = frame.number
            numbers.append(frame.number)
            times.append(frame.time)
            continue
        if flow.copies.get(frame.number, 0) > 1:
            continue
        figures.reordered += 1
        first = times[min(bisect.bisect_right(numbers, frame.number), len(times) - 1)]
        # Late frames within a tenth of a second belong to one change of path.
        if last_late is None or frame.time - last_late > 0.1:
            figures.reorder_episodes += 1
            overtaken = first
        overtaken = min(overtaken, first)
        last_late = frame.time
        figures.reordered_ms = max(figures.reordered_ms, (last_late - overtaken) * 1000)
