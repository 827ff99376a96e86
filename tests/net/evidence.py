"""What passed where, from captures: the machine's cables, the routers' ports and the underlay."""
import itertools
import time

from lab.capture import ARP, IP4, RARP, UDP, Capture, collect, mac_bytes, packed
from lab.layout import SITES, UNDERLAY
from lab.topology import WAN_DEVICE

# What a datagram of the streams gets in front: IP and UDP; a sealed record: headers, tag; a frame: Ethernet, IP, UDP.
INNER, SEALED, OUTER = 28, 40, 42


class Evidence:
    """Captures from now on. Times are seconds since the start; sizes are of datagrams."""

    def __init__(self, world, vm, routers=True):
        """'routers': also at the routers' ports and on the underlay, which costs time."""
        self.world, self.vm, self.epoch = world, vm, time.time()
        self.ports = dict(world.router_ports)
        self.captures = [Capture(world.rack.space, list(vm.ports.values()), self.epoch),
                         Capture(vm.space, ["eth0"], self.epoch)]
        self.captures += [Capture(world.sites[site].space, [self.ports[site], WAN_DEVICE],
                                  self.epoch) for site in SITES if routers]
        self.found = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for capture in self.captures:
            capture.stop()

    def take(self):
        """Reads what was captured so far."""
        for key, frames in collect(self.captures).items():
            self.found.setdefault(key, []).extend(frames)
        return self

    def since(self, wall):
        """A wall-clock time as time of a frame."""
        return wall - self.epoch

    def at_site(self, site):
        """Frames on the machine's cable to a site."""
        return self.found.get((self.world.rack.space.name, self.vm.ports[site]), [])

    def said(self, site, kind, after=0):
        """When the machine's RARP or ARP first left at a site."""
        return next(f.time for f in self.at_site(site)
                    if f.kind == kind and f.outbound and f.time >= after)

    def told(self, site, after):
        """When the router of a site first told its LAN that the machine is there; before, it may say that it is elsewhere."""
        return next(f.time for f in self.found.get((site, self.ports[site]), [])
                    if f.kind == ARP and not f.outbound and f.time >= after
                    and f.ip_from == packed(self.vm.ip) and f.mac_from == mac_bytes(self.vm.mac))

    def delivery(self, site, host, after):
        """When the first IP packet of a host came to the machine's port at a site after some time."""
        source = packed(self.world.layout.hosts[host])
        return next((f.time for f in self.at_site(site) if not f.outbound and f.kind == IP4
                     and f.ip_from == source and f.time > after), None)

    def requests(self, site):
        """(flow, number) of all numbered datagrams that came to the machine's port at a site."""
        return [(f.flow, f.number) for f in self.at_site(site)
                if f.is_request and not f.outbound and f.ip_to == packed(self.vm.ip)]

    def heard(self):
        """(flow, number) of all that the machine itself got."""
        return [(f.flow, f.number) for f in self.found.get((self.vm.space.name, "eth0"), [])
                if f.is_request and not f.outbound]

    def between(self, site, host, after):
        """IP packets between machine and host at the router's port of a site after some time."""
        ends = {packed(self.vm.ip), packed(self.world.layout.hosts[host])}
        return [f for f in self.found.get((site, self.ports[site]), [])
                if f.kind == IP4 and {f.ip_from, f.ip_to} == ends and f.time > after]

    def records(self, site, to, size, after=0):
        """When sealed records with datagrams of this size left a site's router for another's."""
        record = size + INNER + SEALED
        return [f.time for f in self.found.get((site, WAN_DEVICE), [])
                if f.outbound and f.protocol == UDP and f.ip_to == packed(UNDERLAY[to])
                and (f.size - OUTER) % record == 0 and f.time > after]

    def missing(self, host):
        """How many numbers of a host's stream the machine never got, between the first and the last that it got."""
        source = packed(self.world.layout.hosts[host])
        got = {f.number for f in self.found.get((self.vm.space.name, "eth0"), [])
               if f.is_request and not f.outbound and f.protocol == UDP and f.ip_from == source}
        return max(got) - min(got) + 1 - len(got)

    def nothing_came_twice(self):
        """No datagram was given to the machine twice, nor sent to two sites."""
        got = self.heard()
        assert got, "the machine got no datagram at all"
        assert len(got) == len(set(got)), "the machine got a datagram twice"
        for one, other in itertools.combinations(self.world.places, 2):
            both = set(self.requests(one)) & set(self.requests(other))
            assert not both, f"sent to {one} and {other}: {sorted(both)[:5]}"


__all__ = ["ARP", "RARP", "Evidence", "mac_bytes"]
