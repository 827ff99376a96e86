"""Whose MAC is that? What a router does not know it asks of all others."""
import os
import shutil

import pytest

from lab.netns import Lab, wait_for
from moves import World
from rack import rarp
from survive import Traffic

ONE_WAY_MS = 5


@pytest.fixture(scope="module", params=["subnets", "stretched"])
def far(request):
    """Clouds with a delay between them, which an answer from another router needs twice."""
    with Lab("moves") as lab:
        clouds = World(lab, request.param, delay_ms=ONE_WAY_MS)
        clouds.start()
        yield clouds
        clouds.check()


def _forget(router):
    """Restarts a router that has lost all it knew."""
    router.stop()
    shutil.rmtree(f"{router.folder}/state")
    os.makedirs(f"{router.folder}/state")
    router.start()


def test_a_router_that_knows_the_machine_asks_nobody(far):
    machine = far.machine("a")
    machine.move("b")
    assert far.record(machine, "b")["resolved_us"] < 1000


def test_a_router_without_memory_asks_all_others(far):
    machine = far.machine("a")
    with Traffic(far, machine, ["client", "native_a"]) as traffic:
        machine.pause()
        _forget(far.routers["b"])

        def heard():
            # As soon as it can ask: the tables come only later.
            machine.inject("b", rarp(machine.mac))
            return far.records(machine, ["b"])
        machine.listen(["b"])
        wait_for(heard, 5, "the move to be believed", 0.003)
        machine.plug("b")
        far.wait_owner(machine, "b")
        traffic.must_go_on()
    row = far.records(machine, ["b"])[0]
    assert (row["from"], row["trigger"]) == ("a", "rarp")
    # There and back.
    assert row["resolved_us"] >= 2 * ONE_WAY_MS * 1000
    assert len(far.records(machine)) == 1
