"""The LAN to which a machine has come, and everybody else: who talks to it directly."""
import pytest

from evidence import RARP, Evidence
from moves import vm, world  # noqa: F401
from survive import Traffic

# Datagrams of this size make sealed records of a size that nothing else has.
SIZE = 331


@pytest.mark.parametrize("world", ["stretched"], indirect=True)
def test_visitor_and_native_of_one_subnet_talk_without_the_router(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic, Evidence(world, vm) as evidence:
        moved = evidence.since(vm.move("b"))
        world.wait_owner(vm, "b")
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
