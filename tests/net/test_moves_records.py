"""What a router says about a move afterwards: a record with a timeline, and the same as one line of its log."""
import json

import pytest

from evidence import RARP, Evidence
from lab.netns import run, wait_for
from lab.tools import built
from moves import vm, world  # noqa: F401
from survive import Traffic

TIMES = ("resolved_us", "claimed_us", "all_acked_us", "confirmed_us", "first_frame_us")


def _asked(world, site):  # noqa: F811
    """What `vrctl show moves --json` says."""
    text = run(built("vrctl"), "-s", world.routers[site].conf["control_socket"], "--json", "show",
               "moves")
    said = [json.loads(line) for line in text.splitlines()]
    rows = said[0] if len(said) == 1 else said
    return rows["data"] if isinstance(rows, dict) and "data" in rows else rows


def _logged(world, site, number):  # noqa: F811
    """The record in the log: one line, one JSON object."""
    for line in world.routers[site].log().splitlines():
        if '{"number":' in line:
            row = json.loads(line[line.index("{"):])
            if row["number"] == number:
                return row
    return None


def test_a_record_has_the_timeline_and_the_log_has_the_same(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic:
        vm.move("b")
        traffic.must_go_on()
        row = wait_for(lambda: _done(world, vm), 5, "a whole record")
        line = wait_for(lambda: _logged(world, "b", row["number"]), 5, "its line in the log")
    assert line == row
    assert (row["vn"], row["mac"], row["eids"]) == (7, vm.mac, [vm.ip])
    assert (row["from"], row["to"], row["trigger"], row["outcome"]) == ("a", "b", "rarp", "done")
    assert row["heard_us"] > 0
    assert all(isinstance(row[key], int) and row[key] >= 0 for key in TIMES), row
    acks = {ack["vr"]: ack["us"] for ack in row["acks"]}
    assert set(acks) == {"a", "c"}
    assert max(acks.values()) == row["all_acked_us"]
    assert row["resolved_us"] <= row["claimed_us"] <= row["all_acked_us"]


def _done(world, vm):  # noqa: F811
    rows = [row for row in _asked(world, "b") if vm.ip in row["eids"]]
    complete = rows and all(rows[-1][key] is not None for key in TIMES)
    return rows[-1] if complete else None


def _difference(world, vm):  # noqa: F811
    """Microseconds by which the router's first frame was delivered earlier than a capture says."""
    with Traffic(world, vm, ["client"]) as traffic, Evidence(world, vm) as evidence:
        vm.move("b")
        world.wait_owner(vm, "b")
        traffic.must_go_on()
        row = world.record(vm, "b")
        evidence.take().nothing_came_twice()
        said = evidence.said("b", RARP)
        delivered = evidence.delivery("b", "client", said)
    return (delivered - said) * 1e6 - row["first_frame_us"]


@pytest.mark.parametrize("world", ["subnets"], indirect=True)
def test_the_timeline_agrees_with_captures(world, vm):  # noqa: F811
    # Where other programs take the processor away in between, the next move is as good.
    for machine in (vm, world.machine("a"), world.machine("a")):
        difference = _difference(world, machine)
        # The clock of the record starts when the router hears of it, a little later.
        assert difference >= 0
        if difference < 5000:
            return
    pytest.fail(f"the record is {difference / 1000:.1f} ms off")


def _counted(world, site, trigger):  # noqa: F811
    rows = {row["trigger"]: row for row in world.stat(site, "moves")}
    return {key: count for key, count in rows[trigger].items() if key != "trigger"}


@pytest.mark.parametrize("world", ["subnets"], indirect=True)
def test_moves_are_counted_by_what_was_heard_and_how_they_ended(world, vm):  # noqa: F811
    before = _counted(world, "b", "rarp")
    with Traffic(world, vm, ["client"]) as traffic:
        vm.move("b")
        traffic.must_go_on()
    wait_for(lambda: _counted(world, "b", "rarp")["done"] == before["done"] + 1, 5,
             "the move to be counted")
    assert set(before) == {"done", "unconfirmed", "superseded", "refused", "incomplete"}


@pytest.mark.parametrize("world", ["subnets"], indirect=True)
def test_a_move_of_which_a_dead_router_never_heard_is_incomplete(world, vm):  # noqa: F811
    before = _counted(world, "b", "rarp")["incomplete"]
    world.routers["c"].kill()
    vm.move("b")
    wait_for(lambda: _counted(world, "b", "rarp")["incomplete"] == before + 1, 10,
             "the move to be given up")
    row = world.records(vm, ["b"])[-1]
    assert (row["outcome"], row["all_acked_us"]) == ("incomplete", None)
    assert {ack["vr"]: ack["verdict"] for ack in row["acks"]} == {"a": "accepted", "c": "waiting"}
    world.routers["c"].start()
    world.wait_peers()
    world.wait_owner(vm, "b")
