"""Machines of an Internet that knows nothing of LISP reach those of the clouds, and these them, through a proxy; also while
they move, and then without a detour through the site that they have left."""
import statistics
import time

import pytest
from evidence import RARP, Evidence
from lab.capture import UDP, Capture, packed
from lab.layout import UNDERLAY
from lab.lisp import DATA_PORT
from lab.netns import Lab, wait_for
from lab.topology import WAN_DEVICE
from moves import PATIENCE
from proxies import CLIENT, INET, LOCATOR, MODES, PROXY, ProxyClouds
from survive import Traffic

MOVES = 4
# SMRs about one EID are followed once a second, and three ahead.
APART = 3.2
SIZE = 64
# What may be lost at a move beside the pause and one way: until the announcement is heard and acted upon.
STARTING_MS = 4


class Wire(Evidence):
    """Captures at the clouds, at the proxy's underlay, and at the client's cable."""

    def __init__(self, world, vm):
        super().__init__(world, vm)
        self.captures += [Capture(world.sites[PROXY].space, [WAN_DEVICE], self.epoch),
                          Capture(world.net, [f"to-{INET}"], self.epoch)]

    def _plain(self, frame):
        """Is it LISP data between the machine and the client?"""
        inner = frame.payload[8:]
        return len(inner) >= 20 and {inner[12:16], inner[16:20]} == {packed(self.vm.ip),
                                                                     packed(CLIENT)}

    def _sealed(self, frame):
        """Does its size fit the stream's datagrams?"""
        return (frame.size - 42) % (SIZE + 28 + 40) == 0

    def flow(self, site, after, until=float("inf")):
        """What passed a site's underlay of the flow, in either direction, plain or sealed."""
        return [f for f in self.found.get((site, WAN_DEVICE), [])
                if f.protocol == UDP and after < f.time < until
                and (self._plain(f) if f.udp_to == DATA_PORT else self._sealed(f))]

    def proxied(self, site, after, until=float("inf")):
        """Of these what the proxy sent to a site, and what it got from there."""
        to = packed(UNDERLAY[site])
        frames = self.flow(PROXY, after, until)
        return ([f for f in frames if f.outbound and f.ip_to == to],
                [f for f in frames if not f.outbound and f.ip_from == to])

    def unheard(self):
        """How many answers left the machine's cable at a site and never came to the client, before the last that did."""
        answers = {f.number for f in self.found[(self.world.net.name, f"to-{INET}")]
                   if f.outbound and f.flow and not f.is_request}
        said = {f.number for site in "ab" for f in self.at_site(site)
                if f.outbound and f.flow and not f.is_request}
        assert answers and said, "nothing was answered"
        return len({number for number in said if min(answers) <= number <= max(answers)} - answers)


@pytest.fixture(scope="module", params=[(mode, delay) for delay in (0, 20) for mode in MODES],
                ids=lambda param: f"{param[0]}-{param[1]}ms")
def clouds(request):
    mode, delay = request.param
    with Lab("proxy") as lab:
        world = ProxyClouds(lab, mode, delay_ms=delay)
        world.start()
        yield world


@pytest.fixture
def vm(clouds):
    yield clouds.machine("a")
    clouds.retire()
    clouds.check()


def limit_ms(world):
    """From the RARP to the proxy's first packet to the new site."""
    one_way = world.underlay.delay_ms
    return {"smr": 3 * one_way + 5, "pubsub": 2 * one_way + 4}.get(world.mode, one_way + 3)


def no_detour(wire, old, new, after):
    """From then on the flow passes the new site only: on the underlay, and on the old site's LAN."""
    to_old, from_old = wire.proxied(old, after)
    to_new, from_new = wire.proxied(new, after)
    assert not to_old and not from_old
    assert len(to_new) > 500 and len(from_new) > 500
    assert not wire.flow(old, after)
    assert not wire.between(old, INET, after)


def test_connections_survive_moves_without_a_detour(clouds, vm):
    one_way, times, allowed = clouds.underlay.delay_ms, [], 0
    with Traffic(clouds, vm, [INET], size=SIZE) as traffic, Wire(clouds, vm) as wire:
        clouds.wait_place(vm, "a")
        # What stood still while the captures began has passed.
        traffic.must_go_on()
        for number in range(MOVES):
            old, new = ("ab", "ba")[number % 2]
            start = wire.since(vm.move(new))
            allowed += vm.paused_ms + one_way + STARTING_MS
            clouds.wait_place(vm, new)
            # What was under way then, and its answer, has arrived.
            settled = time.time() - wire.epoch + (4 * one_way + 20) / 1000
            traffic.must_go_on()
            apart = APART if clouds.mode == "smr" else APART / 3
            wait_for(lambda: time.monotonic() > vm.moved + apart, apart + 1, "the next move")
            wire.take()
            said = wire.said(new, RARP, start)
            times.append((wire.proxied(new, said)[0][0].time - said) * 1000)
            no_detour(wire, old, new, settled)
        traffic.must_go_on()
        wire.take().nothing_came_twice()
        lost, unheard = wire.missing(INET), wire.unheard()
    median = statistics.median(times)
    print(f"{clouds.mode}, {one_way} ms: RARP to the proxy's first packet to the new site: median {median:.2f} ms of "
          f"{[round(time, 2) for time in times]}, wanted {limit_ms(clouds)}; lost {lost} of {allowed:.0f}, {unheard} "
          f"answers; dropped: {clouds.routers[PROXY].drops()}")
    assert lost <= allowed
    assert median <= limit_ms(clouds)
