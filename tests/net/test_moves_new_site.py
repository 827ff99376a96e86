"""The LAN to which a machine has come, and everybody else: who talks to it directly."""
import json
import os
import signal
import time

import pytest

from evidence import RARP, Evidence
from lab.netns import wait_for
from moves import vm, watch, world  # noqa: F401
from rack import gratuitous_arp
from survive import Traffic

# Datagrams of this size make sealed records of a size that nothing else has.
SIZE = 331


@pytest.mark.parametrize("world", ["stretched"], indirect=True)
def test_visitor_and_native_of_one_subnet_talk_without_the_router(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic, Evidence(world, vm) as evidence:
        moved = evidence.since(vm.move("b"))
        world.wait_owner(vm, "b")
        traffic.must_go_on()
        # Each time a tenth of a second at least: this one is what is looked at.
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
        assert world.neighbour("native_b", vm.ip) == vm.mac
        assert not evidence.between("b", "native_b", moved + 0.1)


@pytest.mark.parametrize("world", ["subnets"], indirect=True)
def test_the_new_sites_router_routes_between_subnets_locally(world, vm):  # noqa: F811
    with Traffic(world, vm, ["native_b"], size=SIZE) as traffic, \
            Evidence(world, vm) as evidence:
        traffic.must_go_on()
        moved = evidence.since(vm.move("b"))
        world.wait_owner(vm, "b")
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
        # Before, it went over the underlay: the same question has an answer.
        assert len(evidence.records("b", "a", SIZE)) > 50
        acked = moved + world.record(vm, "b")["all_acked_us"] / 1e6
        assert len(evidence.between("b", "native_b", acked)) > 100
        for site, to in (("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")):
            assert not evidence.records(site, to, SIZE, acked + 0.02), f"{site} to {to}"


@pytest.mark.parametrize("world", ["stretched"], indirect=True)
def test_a_native_does_not_overtake_its_own_frames(world, vm):  # noqa: F811
    """What waits for the router when the machine comes leaves before the native hears that it is beside it."""
    vm.move("b")
    world.wait_owner(vm, "b")
    with Traffic(world, vm, ["native_a"], tcp=False) as traffic, Evidence(world, vm) as evidence:
        router = world.routers["a"].process.pid
        os.kill(router, signal.SIGSTOP)
        try:
            moved = vm.move("a")
            sent = traffic.figures("native_a")["sent"]
            wait_for(lambda: traffic.figures("native_a")["sent"] >= sent + 50, 5,
                     "frames to wait for the router")
        finally:
            os.kill(router, signal.SIGCONT)
        world.wait_owner(vm, "a")
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
    told = evidence.told("a", evidence.since(moved))
    passed = [f for f in evidence.between("a", "native_a", evidence.since(moved)) if f.is_request]
    # A frame that leaves the native at the very moment at which it is told has no other to overtake.
    waited = {f.number for f in passed if f.outbound and f.time < told - 0.001}
    assert len(waited) > 20, "too few frames have waited for the router"
    late = [f.number for f in passed if not f.outbound and f.number in waited and f.time > told]
    assert not late
    heard = [number for _, number in evidence.heard()]
    assert heard == sorted(heard)


def test_others_go_to_the_new_site_directly(world, vm):  # noqa: F811
    with Traffic(world, vm, ["client"], size=SIZE) as traffic, Evidence(world, vm) as evidence:
        traffic.must_go_on()
        vm.move("b")
        world.wait_owner(vm, "b")
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
        assert len(evidence.records("c", "a", SIZE)) > 50
        first = evidence.records("c", "b", SIZE)[0]
        # Whoever has sent one frame to the new site has heard the news.
        assert not evidence.records("c", "a", SIZE, first), "C's router still sends to A"
        assert first - evidence.said("b", RARP) < 0.1


def test_nothing_is_lost_for_longer_than_the_pause(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic, Evidence(world, vm, routers=False) as evidence:
        vm.move("b")
        world.wait_owner(vm, "b")
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
    lost = {name: evidence.missing(name) for name in world.hosts}
    print(f"{world.layout.name}: datagrams lost at 1 kHz: {lost}, paused {vm.paused_ms:.1f} ms")
    # 2 ms without a delay of the underlay; a busy machine gets some more.
    assert max(lost.values()) <= vm.paused_ms + 2 + 20


CROWD = [f"10.0.0.{number}" for number in range(100, 230)]


def _entries(space, addresses):
    """How many of these addresses a kernel has at each MAC."""
    count = {}
    for row in json.loads(space.run("ip", "-j", "neigh", "show", "dev", "eth0")):
        if row["dst"] in addresses:
            count[row.get("lladdr")] = count.get(row.get("lladdr"), 0) + 1
    return count


@pytest.fixture
def crowd(world):  # noqa: F811
    """So many natives of B, all of one host."""
    host = world.hosts["native_b"]
    for address in CROWD:
        host.ip(f"address add {address}/24 dev eth0")
        world.say("native_b", gratuitous_arp(host.mac("eth0"), address))
    for address in CROWD:
        world.wait_eid(address, "b")
    yield host
    for address in CROWD:
        host.ip(f"address delete {address}/24 dev eth0")


@pytest.mark.parametrize("world", ["stretched"], indirect=True)
def test_the_visitor_hears_of_all_its_neighbours(world, vm, crowd):  # noqa: F811
    """More than are told at once; its kernel has entries for them that are younger than a second."""
    router, native = world.router_mac("b"), crowd.mac("eth0")
    for address in CROWD:
        vm.space.ip(f"neigh replace {address} lladdr {router} nud reachable dev eth0")
    assert _entries(vm.space, CROWD) == {router: len(CROWD)}
    vm.move("b")
    start = time.monotonic()
    wait_for(lambda: _entries(vm.space, CROWD) == {native: len(CROWD)}, 5,
             "the visitor to know where all are", 0.003)
    took = time.monotonic() - start
    print(f"{len(CROWD)} neighbours known after {took * 1000:.0f} ms")
    # Promised are 100 ms; a busy machine gets some more.
    assert took < 0.3


@pytest.mark.parametrize("world", ["stretched"], indirect=True)
@pytest.mark.parametrize("late", ["native", "visitor"])
def test_who_has_not_heard_it_is_told_with_its_first_frame(world, vm, late):  # noqa: F811
    native = world.hosts["native_b"]
    vm.move("b")
    world.wait_owner(vm, "b")
    # Until what the LAN is told by itself is over.
    wait_for(lambda: world.neighbour("native_b", vm.ip) == vm.mac, 2, "the native to know")
    watch(lambda: world.neighbour("native_b", vm.ip) == vm.mac, 3, "the native knows")
    router, address = world.router_mac("b"), world.layout.hosts["native_b"].split("/")[0]
    space, to, at = (native, vm.ip, vm.mac) if late == "native" else \
        (vm.space, address, native.mac("eth0"))
    space.ip(f"neigh replace {to} lladdr {router} nud reachable dev eth0")
    assert _entries(space, [to]) == {router: 1}
    space.run("ping", "-c", "1", "-W", "1", to)
    wait_for(lambda: _entries(space, [to]) == {at: 1}, 0.5, "the first frame to tell it", 0.003)
