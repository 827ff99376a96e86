"""A machine moves while a host of a plain LISP site uses it: the site's map-cache follows, and nothing is lost but in the pause."""
import statistics
import time

import pytest
from evidence import RARP, Evidence
from lab import lisp
from lab.capture import UDP, Capture, packed
from lab.netns import Lab, wait_for
from lab.topology import WAN_DEVICE
from lisp_clouds import LispClouds
from rack import rarp
from survive import Traffic

MOVES = 5
APART = 3.2
# What may be lost at a move beside the pause and one way: until the announcement is heard and acted upon.
STARTING_MS = 4


class Wire(Evidence):
    """The same, and what D's router sends on the underlay, and what its host is sent."""

    def __init__(self, world, vm):
        super().__init__(world, vm, routers=False)
        self.captures.append(Capture(world.sites[lisp.PLAIN].space, [WAN_DEVICE, f"to-{lisp.HOST}"],
                                     self.epoch))

    def first_to(self, site, after):
        """When D first sent a packet to this site's locator."""
        to = packed(lisp.LOCATORS[site])
        return next(f.time for f in self.found[(lisp.PLAIN, WAN_DEVICE)]
                    if f.outbound and f.protocol == UDP and f.ip_to == to and f.time > after)

    def unanswered(self):
        """How many of the requests that the machine heard while it could speak were not answered to D's host, before the last
        that was. Between its RARP and being plugged in it hears at its new site, and says nothing."""
        answers = {f.number for f in self.found[(lisp.PLAIN, f"to-{lisp.HOST}")]
                   if f.outbound and f.flow and not f.is_request}
        assert answers, "D's host got no answer"
        mute = [(self.since(start), self.since(end)) for start, end in self.vm.mute]
        heard = {f.number for f in self.found[(self.vm.space.name, "eth0")] if f.is_request and not f.outbound
                 and not any(start <= f.time <= end for start, end in mute)}
        return len({number for number in heard if min(answers) <= number <= max(answers)} - answers)


ALL = [(mode, delay, "subnets") for delay in (0, 20) for mode in lisp.MODES]
STRETCHED = [("smr", 20, "stretched"), ("pubsub", 0, "stretched")]


@pytest.fixture(scope="module", params=ALL + STRETCHED,
                ids=lambda param: f"{param[0]}-{param[1]}ms-{param[2]}")
def clouds(request):
    mode, delay, layout = request.param
    with Lab("lispmoves") as lab:
        world = LispClouds(lab, mode, layout, delay_ms=delay)
        world.start()
        yield world


@pytest.fixture
def vm(clouds):
    yield clouds.machine("a")
    clouds.retire()
    clouds.check()


def limit_ms(world):
    """From RARP to the first packet of D to the new site."""
    one_way = world.underlay.delay_ms
    return {"smr": 3 * one_way + 5, "pubsub": 2 * one_way + 4, "push": one_way + 2}[world.mode]


def test_the_map_cache_follows_and_nothing_is_lost_beyond_the_pause(clouds, vm):
    one_way, times, allowed = clouds.underlay.delay_ms, [], 0
    with Traffic(clouds, vm, [lisp.HOST]) as traffic, Wire(clouds, vm) as wire:
        clouds.wait_locator(vm, "a")
        for number in range(MOVES):
            site = "ba"[number % 2]
            start = wire.since(vm.move(site))
            allowed += vm.paused_ms + one_way + STARTING_MS
            clouds.wait_locator(vm, site)
            wait_for(lambda: time.monotonic() > vm.moved + APART, APART + 1, "the next move")
            wire.take()
            said = wire.said(site, RARP, start)
            times.append((wire.first_to(site, said) - said) * 1000)
        traffic.must_go_on()
        wire.take().nothing_came_twice()
        lost, unanswered = wire.missing(lisp.HOST), wire.unanswered()
    median = statistics.median(times)
    print(f"{clouds.mode}, {one_way} ms: RARP to D's map-cache: median {median:.2f} ms of "
          f"{[round(time, 2) for time in times]}, wanted {limit_ms(clouds)}; lost {lost} of {allowed:.0f}, {unanswered} "
          "unanswered")
    assert lost <= allowed
    # What it said when it was unplugged.
    assert unanswered <= MOVES
    assert median <= limit_ms(clouds)


def test_moves_without_a_rest(clouds, vm):
    """Less than three seconds apart, so that questions about it are limited: D follows all the same."""
    with Traffic(clouds, vm, [lisp.HOST]) as traffic, Wire(clouds, vm) as wire:
        for site in "bababa":
            vm.migrate_at(0.4, site, None)
            vm.inject(site, rarp(vm.mac))
            clouds.wait_owner(vm, site)
        clouds.wait_locator(vm, "a")
        traffic.must_go_on()
        wire.take().nothing_came_twice()


def test_there_and_back_at_once(clouds, vm):
    with Traffic(clouds, vm, [lisp.HOST]) as traffic, Wire(clouds, vm) as wire:
        vm.move("b")
        vm.migrate_at(0.1, "a")
        vm.announce()
        clouds.wait_owner(vm, "a")
        clouds.wait_locator(vm, "a")
        traffic.must_go_on()
        wire.take().nothing_came_twice()


def test_home_again_and_onwards(clouds, vm):
    with Traffic(clouds, vm, [lisp.HOST]) as traffic, Wire(clouds, vm) as wire:
        for site in "bacb":
            vm.move(site)
            clouds.wait_owner(vm, site)
            clouds.wait_locator(vm, site)
            traffic.must_go_on()
        wire.take().nothing_came_twice()
