"""From captures to the figures of one move.

What each figure is, all times by the kernel's stamps of captured frames except STOP and RESUME, which are QEMU's:

vm_paused_ms           STOP at the old hypervisor to RESUME at the new one
rarp_to_resolved_ms    first RARP on the new tap to the first packet that the new site's router sends to a third site (C) after
                       it: what it resolved cannot be seen in sealed traffic, the news it then sends can
rarp_to_all_acked_ms   the same RARP until the new site has received, from every other site, the first packet that this site sent
                       after the news had reached it (the acknowledgement, or data that already follows the news)
rarp_to_delivery_ms    the same RARP to the first frame from the client that enters the new tap
rarp_to_router_delivery_ms   the same RARP to the first packet for the machine, of any host, that the new site's router puts on
                       its LAN
rarp_to_mapping_ms     the same RARP to the first packet that the plain LISP site sends to the new site's locator: its
                       map-cache has followed
lost_udp, lost_icmp    requests that left their host and reached neither the old tap before STOP nor the new one; counted_udp,
                       counted_icmp: of so many
window_ms              the time during which requests were counted, by the clock
duplicated_udp         requests that reached the machine's taps more than once
reordered_udp          requests that came after a later one; reordered_ms: for how long that went on; reordered_in_path: those
                       of them that came after a later one of their own path
to_two_sites           requests seen at more than one site: on its tap, or coming from its router
sealed                 the client's requests that its router took, and the sealed records by which there were more or fewer
via_vr_frames_after_100ms   frames between machine and native that passed the new site's router later than 100 ms after the
                       RARP, or than a round trip if that is longer (frames that the switch merely floods to it are not counted)
via_vr_frames_after_guest_heard   those of them that came when the guest had also heard its new neighbours' addresses
guest_caught_up_ms     the RARP to the guest's first answer to a request delivered after it: an emulated guest first works off,
                       for up to some 100 ms, what was in its queue when it was stopped, and the routers' ARP stands behind that
"""
import time

from . import lisp, sealed
from .capture import ARP, IP4, RARP, UDP, Capture, collect, mac_bytes, packed
from .flows import Flow, FlowFigures, account, reorder
from .layout import HOSTS, SITES, UNDERLAY, VM_HOSTS, VM_MAC
from .topology import WAN_DEVICE

UDP_FLOWS = {"client": 1, "native_a": 2, "native_b": 3}
ALL_FLOWS = {**UDP_FLOWS, lisp.HOST: 4}
PING_FLOW = 101
# Requests of this size make sealed records of a size of their own.
CLIENT_SIZE, NATIVE_SIZE = 333, 64
IP_UDP_SIZE = 28
DIRECT_AFTER = 0.1
# What the router tells a machine that has arrived is in its queue so soon after the RARP.
TOLD = 0.001
# Frames of an answer in progress while the guest changes its neighbour entry.
SWITCHING = 0.002
# Frames younger than this may still be on their way when the captures are read.
IN_FLIGHT = 0.05

ANNOUNCEMENTS = {
    "rarp": lambda frame: frame.kind == RARP,
    "garp": lambda frame: frame.kind == ARP and frame.ip_from == frame.ip_to,
    "data": lambda frame: frame.kind == IP4,
}


class Observer:
    """Captures everywhere that matters in a world, and reads the figures of each move."""

    def __init__(self, world, epoch, folder=None, routers=True):
        """Without 'routers' only the hosts' and the machine's ports are watched: for moves during which a router starts
        anew."""
        self.world = world
        self.routed = routers and hasattr(world, "routers")
        self.epoch = epoch
        self.delay = getattr(getattr(world, "underlay", None), "delay_ms", 0) / 1000
        self.captures = []
        self.flows = {}
        self.begin = None  # from when on all captures see everything
        self.lan_ports = {}
        self.host_ports = world.host_ports()
        devices = {}
        for site in world.sites.values():
            wanted = devices.setdefault(site.space.name, (site.space, []))[1]
            if site.name == lisp.PLAIN:
                wanted.append(WAN_DEVICE)
            if site.name not in SITES:
                continue
            if site.name != HOSTS["client"]:
                wanted.append(site.tap)
            if self.routed:
                self.lan_ports[site.name] = world.lan_port(site.name)
                wanted += [self.lan_ports[site.name], WAN_DEVICE]
        for space, port in self.host_ports.values():
            devices[space.name][1].append(port)
        for space, names in devices.values():
            if not names:
                continue
            file = f"{folder}/{world.layout.name}-{space.name}.pcapng" if folder else None
            self.captures.append(Capture(space, names, epoch, file))

    def stop(self):
        for capture in self.captures:
            capture.stop()

    def settle(self):
        """Begins anew while the machine rests: what was captured so far is only looked at for where each flow stands."""
        frames = collect(self.captures)
        self._follow(frames)
        self._account(frames, _no_figures())

    def rest(self):
        """Captures nothing until wake(): for the time between moves, which is long on a busy machine."""
        collect(self.captures, "pause")

    def wake(self):
        """Captures again; every flow begins anew with the first frame that is seen."""
        collect(self.captures, "resume")
        self.flows, self.begin = {}, None

    def figures(self, start, target, migration, announced="rarp"):
        """The figures of the move from site 'start' to site 'target', whose frames are all those since the last call, and the
        time of its announcement. 'announced' is the kind of frame by which the new site's switch first hears of the
        machine: "rarp", "garp" or "data"; the names of the figures say RARP for all."""
        asked = time.time() - self.epoch
        frames = collect(self.captures)
        stopped, resumed = migration.stopped - self.epoch, migration.resumed - self.epoch
        new = self._tap(frames, target)
        rarp = _first(new, lambda f: ANNOUNCEMENTS[announced](f) and not f.outbound
                      and f.time >= stopped)
        flows, window = self._flow_figures(frames, start, stopped, asked)
        result = {"layout": self.world.layout.name, "from": start, "to": target,
                  "vm_paused_ms": _ms(stopped, resumed),
                  "resume_to_rarp_ms": _ms(resumed, rarp)}
        client = packed(self.world.layout.hosts["client"])
        result["rarp_to_delivery_ms"] = _ms(rarp, _delivery(new, rarp, client))
        if self.routed:
            result.update(self._news(frames, target, rarp))
            result["rarp_to_router_delivery_ms"] = self._router_delivery(frames, target, rarp)
            result["sealed"] = self._sealed(frames)
        udp = flows[UDP_FLOWS["client"]]
        icmp = flows[PING_FLOW]
        result.update(window_ms=round(window * 1000), lost_udp=udp.lost, lost_icmp=icmp.lost,
                      counted_icmp=icmp.counted, duplicated_udp=udp.duplicated,
                      duplicated_icmp=icmp.duplicated, reordered_udp=udp.reordered,
                      to_two_sites=sum(flow.to_two_sites for flow in flows.values()))
        roles = {"client": "client", "native_from": f"native_{start}",
                 "native_to": f"native_{target}"}
        if lisp.HOST in self.world.hosts:
            roles["lisp"] = lisp.HOST
        result["peers"] = {role: self._peer(flows[ALL_FLOWS[name]], new, rarp, name)
                           for role, name in roles.items()}
        if lisp.HOST in self.world.hosts:
            mapped = self._mapped(frames, target, rarp)
            result["rarp_to_mapping_ms"] = result["peers"]["lisp"]["rarp_to_mapping_ms"] = mapped
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

    def _flow(self, number):
        return self.flows.setdefault(number, Flow())

    def _follow(self, frames, start=None, stopped=None):
        """Notes where requests were seen; returns per flow those that the machine got, in order. What entered the tap of site
        'start' after the machine 'stopped' there did not reach it."""
        for space, port in self.host_ports.values():
            for frame in frames.get((space.name, port), []):
                if not frame.outbound and frame.flow and frame.is_request:
                    self._flow(frame.flow).sent.setdefault(frame.number, frame.time)
        got = []
        for site in VM_HOSTS:
            seen = self._requests(frames, site)
            self._note_place(site, seen)
            got += [f for f in seen if site != start or f.time < stopped]
        for site, port in self.lan_ports.items():
            self._note_place(site, [f for f in frames.get((site, port), [])
                                    if not f.outbound and f.flow and f.is_request])
        orders = {}
        for frame in sorted(got, key=lambda f: f.time):
            flow = self._flow(frame.flow)
            flow.copies[frame.number] = flow.copies.get(frame.number, 0) + 1
            orders.setdefault(frame.flow, []).append(frame)
        return orders

    def _note_place(self, site, requests):
        bit = 1 << SITES.index(site)
        for frame in requests:
            places = self._flow(frame.flow).places
            places[frame.number] = places.get(frame.number, 0) | bit

    def _account(self, frames, figures):
        """Settles what was sent so long ago that it must have arrived. Since when that is counted."""
        if self.begin is None:
            firsts = [min((seen[0].time for (space, _), seen in frames.items()
                           if space == capture.space.name), default=float("inf"))
                      for capture in self.captures]
            self.begin = max(firsts)
        lasts = [frames[(space.name, port)][-1].time for space, port in self.host_ports.values()
                 if frames.get((space.name, port))]
        begin, end = self.begin, min(lasts, default=0) - self._on_the_way()
        for number, mine in figures.items():
            account(self._flow(number), mine, begin, end)
        self.begin = max(begin, end)
        return begin

    def _on_the_way(self):
        return IN_FLIGHT + 2 * self.delay

    def _flow_figures(self, frames, start, stopped, asked):
        """The figures per flow, and for how many seconds before 'asked' requests should have been counted."""
        orders = self._follow(frames, start, stopped)
        figures = _no_figures()
        for number, mine in figures.items():
            reorder(self._flow(number), orders.get(number, []), mine)
        begin = self._account(frames, figures)
        return figures, max(0, asked - self._on_the_way() - begin)

    def _peer(self, figures, tap, rarp, name):
        address = packed(self.world.layout.hosts[name])
        return {"host": name, "lost_udp": figures.lost, "duplicated_udp": figures.duplicated,
                "reordered_udp": figures.reordered,
                "reordered_in_path": figures.reordered_in_path,
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

    def _sealed(self, frames):
        """The client's requests beside the records that left for them."""
        site = HOSTS["client"]
        requests = [f.time for f in frames.get((site, self.lan_ports[site]), [])
                    if f.outbound and f.is_request and f.flow == UDP_FLOWS["client"]]
        packets = [f for f in frames.get((site, WAN_DEVICE), []) if f.outbound and f.protocol == UDP]
        return sealed.compare(requests, packets,
                              CLIENT_SIZE + IP_UDP_SIZE + sealed.RECORD_OVERHEAD)

    def _router_delivery(self, frames, site, rarp):
        """The first packet for the machine that the router put on this LAN."""
        if rarp is None:
            return None
        vm = packed(self.world.layout.vm)
        port = frames.get((site, self.lan_ports[site]), [])
        return _ms(rarp, _first(port, lambda f: not f.outbound and f.kind == IP4 and f.ip_to == vm
                                and f.time > rarp))

    @staticmethod
    def _mapped(frames, site, rarp):
        """The first packet that the plain LISP site sends to this site's locator."""
        if rarp is None:
            return None
        to = packed(UNDERLAY[site])
        return _ms(rarp, _first(frames.get((lisp.PLAIN, WAN_DEVICE), []),
                                lambda f: f.outbound and f.protocol == UDP and f.ip_to == to
                                and f.time > rarp))

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


def _no_figures():
    return {number: FlowFigures() for number in [*ALL_FLOWS.values(), PING_FLOW]}


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
