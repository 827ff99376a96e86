"""More than one move: home again, onwards, crossing, back at once, and hypervisors that repeat themselves."""
from evidence import Evidence
from lab.layout import SITES
from moves import vm, watch, world  # noqa: F401
from rack import QEMU_REPEATS, gratuitous_arp, rarp
from survive import Traffic


def _path(world, vm):  # noqa: F811
    return [(row["from"], row["to"]) for row in world.records(vm)]


def test_home_again(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic, Evidence(world, vm, routers=False) as evidence:
        for site in "ba":
            vm.move(site)
            world.wait_owner(vm, site)
            traffic.must_go_on()
        evidence.take().nothing_came_twice()
    assert _path(world, vm) == [("a", "b"), ("b", "a")]


def test_onwards_from_a_to_b_to_c(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic, Evidence(world, vm, routers=False) as evidence:
        for site in "bca":
            vm.move(site)
            world.wait_owner(vm, site)
            traffic.must_go_on()
        evidence.take().nothing_came_twice()
    assert _path(world, vm) == [("a", "b"), ("b", "c"), ("c", "a")]


def test_onwards_without_a_rest(world, vm):  # noqa: F811
    """The next move begins as soon as the new router has told of the last."""
    with Traffic(world, vm) as traffic, Evidence(world, vm, routers=False) as evidence:
        for site in "bcbac":
            vm.move(site)
            world.wait_owner(vm, site, asked=[site])
        world.wait_owner(vm, "c")
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
    assert _path(world, vm) == [("a", "b"), ("b", "c"), ("c", "b"), ("b", "a"), ("a", "c")]


def test_two_machines_crossing(world, vm):  # noqa: F811
    other = world.machine("b")
    with Traffic(world, vm, ["client", "native_a"]) as one, \
            Traffic(world, other, ["client", "native_b"]) as two, \
            Evidence(world, vm, routers=False) as evidence:
        for here, there in (("b", "a"), ("a", "b")):
            vm.move(here)
            other.move(there)
            world.wait_owner(vm, here)
            world.wait_owner(other, there)
            one.must_go_on()
            two.must_go_on()
        evidence.take().nothing_came_twice()
    assert _path(world, vm) == [("a", "b"), ("b", "a")]
    assert _path(world, other) == [("b", "a"), ("a", "b")]


def test_repeats_make_one_record(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic, Evidence(world, vm, routers=False) as evidence:
        vm.migrate("b", rarp(vm.mac), QEMU_REPEATS)
        # A guest that announces itself, too.
        vm.repeat("b", gratuitous_arp(vm.mac, vm.ip), (0.02, 0.07, 0.22, 0.47, 0.82))
        world.wait_owner(vm, "b")
        vm.end_repeats()
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
    assert _path(world, vm) == [("a", "b")]
    assert world.record(vm, "b")["outcome"] == "done"


def test_echoes_of_the_routers_own_frames_are_no_moves(world, vm):  # noqa: F811
    """All that A's router says on its LAN after the move comes back from there."""
    with Traffic(world, vm) as traffic, Evidence(world, vm, routers=False) as evidence:
        vm.move("b")
        world.wait_owner(vm, "b")
        router = world.router_mac("a")
        # What announced the move at A: the router's MAC for the machine's address, the machine's as Ethernet source.
        mac = evidence.vm.mac
        claims = [gratuitous_arp(router, vm.ip), gratuitous_arp(mac, vm.ip)[:6]]
        claims[1] = claims[0][:6] + bytes.fromhex(mac.replace(":", "")) + claims[0][12:]
        for frame in claims:
            vm.repeat("a", frame, (0, 0.02, 0.06))
        vm.end_repeats()
        watch(lambda: world.owners(vm.ip) == ["b"] * 3, 0.8, "the machine is at B")
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
    assert _path(world, vm) == [("a", "b")]


def test_back_at_once_while_the_hypervisor_repeats_itself(world, vm):  # noqa: F811
    """To B, and back to A 100 ms later; B's hypervisor goes on saying that the machine has come."""
    with Traffic(world, vm) as traffic, Evidence(world, vm, routers=False) as evidence:
        vm.migrate("b", rarp(vm.mac), QEMU_REPEATS)
        arrived = evidence.since(vm.migrate_at(0.1, "a", rarp(vm.mac), QEMU_REPEATS))
        world.wait_owner(vm, "a")
        watch(lambda: world.owners(vm.ip) == ["a"] * 3, 1, "the machine is at A")
        vm.end_repeats()
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
        assert evidence.delivery("a", "client", arrived) - arrived < 0.05
    assert _path(world, vm) == [("a", "b"), ("b", "a")]


def test_every_router_has_the_same_counter_afterwards(world, vm):  # noqa: F811
    for site in "bab":
        vm.move(site)
        world.wait_owner(vm, site)
    counters = {world.row(vm.ip, asked)["mobility"] for asked in SITES}
    assert len(counters) == 1, counters
