"""The map-server loses its memory: who had subscribed is subscribed again, by itself, within two register intervals."""
import time

import pytest
from lab import lisp
from lab.layout import SITES
from lab.netns import Lab, wait_for
from lab.topology import WAN_DEVICE
from lisp_clouds import LispClouds
from moves import PATIENCE
from survive import Traffic

REGISTER_S = 4
# Two intervals, and what a move and an answer take.
HEALED_S = 2 * REGISTER_S + 1


def deaf_to_sites(world):
    """D's router hears of moves from the map-server only: no SMR, and no CHANGE-PRIORITY, of the sites."""
    sources = ", ".join(lisp.LOCATORS[site] for site in SITES)
    world.sites[lisp.PLAIN].space.run(
        "nft", "add table netdev deaf; add chain netdev deaf in { type filter hook ingress device "
        f"\"{WAN_DEVICE}\" priority 0; }}; add rule netdev deaf in ip saddr {{ {sources} }} udp dport "
        f"{lisp.CONTROL_PORT} counter drop")


def subscriptions(world):
    return [row for row in world.routers[lisp.SERVER].show("subscriptions") if row["state"] == "in-force"]


@pytest.fixture(name="clouds")
def _clouds():
    with Lab("lisprestart") as lab:
        world = LispClouds(lab, "pubsub", register_s=REGISTER_S)
        world.start()
        yield world
        world.retire()
        world.check()


def restart(world, ending):
    server = world.routers[lisp.SERVER]
    getattr(server, ending)()
    server.start()


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_a_move_after_a_restart_is_heard_of(clouds, ending):
    vm = clouds.machine("a")
    with Traffic(clouds, vm, [lisp.HOST]) as traffic:
        clouds.wait_locator(vm, "a")
        # B has an entry for D: its first packet there would have to wait until D is registered again.
        wait_for(lambda: "1 received" in clouds.hosts["native_b"].run(
            "ping", "-c", "1", "-W", "1", lisp.ADDRESS.split("/")[0], check=False), PATIENCE, "D's host")
        deaf_to_sites(clouds)
        assert subscriptions(clouds)
        restart(clouds, ending)
        vm.move("b")
        start = time.monotonic()
        clouds.wait_owner(vm, "b")
        traffic.must_go_on()
        clouds.wait_locator(vm, "b", HEALED_S + 2)
        took = time.monotonic() - start
        print(f"{ending}: D's map-cache followed {took:.2f} s after the move")
        assert took <= HEALED_S
        # It may have followed by a question of its own.
        wait_for(lambda: subscriptions(clouds), HEALED_S - took, "the subscription is renewed")
        # From now on it is told at once.
        vm.move("a")
        clouds.wait_locator(vm, "a", 1)
        traffic.must_go_on()


def test_what_is_used_stays_where_it_is_while_nothing_is_registered_yet(clouds):
    """The first answers of a map-server that has just started are that nothing is there."""
    vm = clouds.machine("a")
    with Traffic(clouds, vm, [lisp.HOST]) as traffic:
        clouds.wait_locator(vm, "a")
        restart(clouds, "kill")
        ends = time.monotonic() + HEALED_S
        while time.monotonic() < ends:
            assert lisp.locator(clouds, vm.ip) == lisp.LOCATORS["a"]
            traffic.must_go_on()
        wait_for(lambda: subscriptions(clouds), 1, "a subscription")
        assert clouds.count(lisp.PLAIN, "unanswered") == 0
