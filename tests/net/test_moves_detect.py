"""How a move is noticed and resolved: by RARP, by gratuitous ARP, by the first data frame; by HWDT and by asking."""
from moves import vm, world  # noqa: F401
from rack import gratuitous_arp, rarp
from survive import Traffic


def _moves(world, vm, say, trigger):  # noqa: F811
    with Traffic(world, vm) as traffic:
        vm.migrate("b", say)
        world.wait_owner(vm, "b")
        traffic.must_go_on()
    rows = world.records(vm)
    assert [(row["from"], row["to"], row["trigger"]) for row in rows] == [("a", "b", trigger)]
    return world.record(vm, "b")


def test_rarp_alone_is_a_move(world, vm):  # noqa: F811
    row = _moves(world, vm, rarp(vm.mac), "rarp")
    # It was resolved by what B's router knew beforehand.
    assert row["resolved_us"] < 1000


def test_gratuitous_arp_alone_is_a_move(world, vm):  # noqa: F811
    _moves(world, vm, gratuitous_arp(vm.mac, vm.ip), "garp")


def test_the_first_data_frame_alone_is_a_move(world, vm):  # noqa: F811
    _moves(world, vm, None, "data")


def test_all_routers_acknowledge(world, vm):  # noqa: F811
    vm.move("b")
    row = world.record(vm, "b")
    assert {(ack["vr"], ack["verdict"]) for ack in row["acks"]} == {("a", "accepted"),
                                                                 ("c", "accepted")}
    assert 0 <= row["resolved_us"] <= row["claimed_us"] <= row["all_acked_us"]
