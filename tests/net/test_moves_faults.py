"""Moves while the underlay loses packets, and routers that are killed in the middle of one."""
import os

import pytest

from lab.netns import Lab, wait_for
from lab.topology import WAN_DEVICE
from moves import PATIENCE, World, vm, watch, world  # noqa: F401
from survive import Traffic


@pytest.fixture(scope="module")
def lossy():
    """Clouds whose underlay can lose packets."""
    with Lab("moves") as lab:
        clouds = World(lab, "subnets", delay_ms=1)
        clouds.start()
        yield clouds
        clouds.check()


def test_moves_under_loss(lossy):
    machine = lossy.machine("a")
    with Traffic(lossy, machine) as traffic:
        lossy.underlay.tell("* * loss_pct=30")
        for site in "bab":
            machine.move(site)
            lossy.wait_owner(machine, site)
        lossy.underlay.tell("* * loss_pct=0")
        traffic.must_go_on(15)
    rows = lossy.records(machine)
    assert [(row["from"], row["to"]) for row in rows] == [("a", "b"), ("b", "a"), ("a", "b")]


def _cut(world, site, is_cut):  # noqa: F811
    """Lets nothing into or out of a router."""
    space = world.sites[site].space
    if is_cut:
        space.run("nft", "add table netdev cut; add chain netdev cut in { type filter hook ingress "
                  f"device {WAN_DEVICE} priority 0; policy drop; }}; add chain netdev cut out "
                  f"{{ type filter hook egress device {WAN_DEVICE} priority 0; policy drop; }}")
    else:
        space.run("nft", "delete table netdev cut")


def _unheard(world, vm, victim):  # noqa: F811
    """It is dead before the machine arrives, and hears nothing of the move."""
    world.routers[victim].kill()
    vm.move("b")
    if victim != "b":
        world.wait_owner(vm, "b", asked=[site for site in "abc" if site != victim])


def _untold(world, vm, victim):  # noqa: F811
    """It hears of the move, or has to tell of it, and is killed before the others know that."""
    _cut(world, victim, True)
    vm.move("b")
    if victim == "b":
        wait_for(lambda: world.records(vm, ["b"]), 2, "B's router to claim it")
    else:
        world.wait_owner(vm, "b", asked=[site for site in "abc" if site != victim])
    world.routers[victim].kill()
    _cut(world, victim, False)


def _claimed(world, vm, victim):  # noqa: F811
    """It is killed as soon as the claim is made: between its answer and what it has to do then."""
    vm.move("b")
    wait_for(lambda: world.records(vm, ["b"]), 2, "B's router to claim it", 0.001)
    world.routers[victim].kill()


def _acknowledged(world, vm, victim):  # noqa: F811
    """All have answered; its LAN is still being told, packets are still being redirected."""
    vm.move("b")
    world.record(vm, "b")
    world.routers[victim].kill()


def _settled(world, vm, victim):  # noqa: F811
    """The move is over: what it has done must still be true without it."""
    vm.move("b")
    world.wait_owner(vm, "b")
    wait_for(lambda: world.record(vm, "b")["outcome"] == "done", 5, "the move to be done")
    watch(lambda: world.owners(vm.ip) == ["b"] * 3, 3, "the machine is at B")
    world.routers[victim].kill()


@pytest.mark.parametrize("victim", ["a", "b", "c"])
@pytest.mark.parametrize("step", [_unheard, _untold, _claimed, _acknowledged, _settled],
                         ids=lambda step: step.__name__[1:])
@pytest.mark.parametrize("world", ["subnets"], indirect=True)
def test_a_router_is_killed_at_each_step_of_a_move(world, vm, victim, step):  # noqa: F811
    with Traffic(world, vm) as traffic:
        step(world, vm, victim)
        world.routers[victim].start()
        world.wait_peers()
        world.wait_owner(vm, "b")
        traffic.must_go_on(15)
    assert world.row(vm.ip, "a")["mobility"] == world.row(vm.ip, "c")["mobility"]


@pytest.mark.parametrize("world", ["subnets"], indirect=True)
def test_a_killed_router_leaves_no_port_behind_for_long(world, vm):  # noqa: F811
    before = len(world.sites["b"].space.ports("br0"))
    world.routers["b"].kill()
    world.routers["b"].start()
    assert len(world.sites["b"].space.ports("br0")) == before
    world.wait_peers()
    world.wait_ping("native_b", vm)


@pytest.mark.parametrize("world", ["subnets"], indirect=True)
def test_the_counter_of_moves_survives_a_restart_of_all(world, vm):  # noqa: F811
    for site in "ba":
        vm.move(site)
        world.wait_owner(vm, site)
    before = int(world.row(vm.ip, "a")["mobility"].split(".")[1])
    for router in world.routers.values():
        router.stop()
    # Nobody is left who could tell.
    for router in world.routers.values():
        router.start()
    world.wait_peers()
    vm.announce()
    world.wait_owner(vm, "a")
    assert int(world.row(vm.ip, "c")["mobility"].split(".")[1]) >= before
    vm.move("b")
    world.wait_owner(vm, "b", PATIENCE)
    assert int(world.record(vm, "b")["mobility"].split(".")[1]) > before


def _is_saved(router, eid, counter):
    """Has the router's state file this counter?"""
    path = f"{router.folder}/state/{router.name}.state"
    if not os.path.exists(path):
        return False
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file if line.startswith("binding ")]
    return any(row[2] == eid and int(row[5]) == counter for row in rows)


def test_the_counter_of_moves_survives_a_kill(world, vm):  # noqa: F811
    for site in "ba":
        vm.move(site)
        world.wait_owner(vm, site)
    before = int(world.row(vm.ip, "a")["mobility"].split(".")[1])
    wait_for(lambda: _is_saved(world.routers["a"], vm.ip, before), 5, "the counter in a file")
    for router in world.routers.values():
        router.kill()
    for router in world.routers.values():
        router.start()
    world.wait_peers()
    vm.announce()
    world.wait_owner(vm, "a")
    assert int(world.row(vm.ip, "b")["mobility"].split(".")[1]) >= before
