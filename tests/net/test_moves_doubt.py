"""Sightings that are not moves: failed migrations, duplicates, machines that move too often."""
import pytest

from lab.netns import Lab, wait_for
from moves import World, vm, watch, world  # noqa: F401
from rack import QEMU_REPEATS, gratuitous_arp, rarp
from survive import Connection, Traffic

# From the false news to all routers knowing better.
TAKEN_BACK = 1.0


def _taken_back(world, vm):  # noqa: F811
    """A RARP at B while the machine goes on at A: B's router believes it, and must be corrected."""
    vm.inject("b", rarp(vm.mac))
    wait_for(lambda: world.records(vm, ["b"]), 1, "B's router to believe it", 0.005)
    wait_for(lambda: world.owners(vm.ip) == ["a"] * 3, 3, "all to place it at A again", 0.005)
    rows = world.records(vm)
    assert [(row["from"], row["to"]) for row in rows] == [("a", "b"), ("b", "a")]
    took = (rows[1]["heard_us"] - rows[0]["heard_us"] +
            world.record(vm, "a")["all_acked_us"]) / 1e6
    print(f"{world.layout.name}: taken back after {took * 1000:.0f} ms")
    assert took < TAKEN_BACK
    watch(lambda: world.owners(vm.ip) == ["a"] * 3, 0.5, "the machine is at A")


def test_failed_migration_with_traffic(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic:
        _taken_back(world, vm)
        traffic.must_go_on()


def test_failed_migration_without_traffic(world, vm):  # noqa: F811
    with Connection(world.hosts["client"], vm) as client, \
            Connection(world.hosts["native_a"], vm) as native:
        _taken_back(world, vm)
        for connection in (client, native):
            connection.say()


def test_failed_migration_whose_hypervisor_repeats_itself(world, vm):  # noqa: F811
    with Traffic(world, vm) as traffic:
        vm.repeat("b", rarp(vm.mac), (0, *QEMU_REPEATS))
        vm.end_repeats()
        world.wait_owner(vm, "a", 1)
        traffic.must_go_on()
        watch(lambda: world.owners(vm.ip) == ["a"] * 3, 0.5, "the machine is at A")


def _alarm(world, ip):  # noqa: F811
    return [site for site in "abc"
            if any(ip in row and "duplicate" in row
                   for row in world.routers[site].log().splitlines())]


def test_a_duplicate_address_raises_an_alarm_and_changes_nothing(world, vm):  # noqa: F811
    other = world.machine("b", address=f"{vm.ip}/24", known=False)
    wait_for(lambda: world.forwards(other), 5, "the switches to forward")
    before = {site: world.row(vm.ip, site)["mobility"] for site in "abc"}
    with Traffic(world, vm, ["client", "native_a"]) as traffic:
        for _ in range(3):
            other.announce()
        wait_for(lambda: _alarm(world, vm.ip), 3, "an alarm")
        traffic.must_go_on()
    assert world.stat("b", "duplicates") >= 1
    assert {site: world.row(vm.ip, site)["mobility"] for site in "abc"} == before
    assert {world.row(vm.ip, site)["mac"] for site in "abc"} == {vm.mac}
    assert world.owners(vm.ip) == ["a"] * 3
    assert not world.records(vm)


def test_a_cloned_machine_raises_an_alarm_and_stays_where_it_was_believed(world, vm):  # noqa: F811
    """The same MAC and address at two sites: a RARP for the copy cannot be told from a move at first."""
    clone = world.machine("b", mac=vm.mac, address=f"{vm.ip}/24", known=False)
    wait_for(lambda: world.forwards(clone), 5, "the switches to forward")
    clone.inject("b", rarp(clone.mac))
    world.wait_owner(vm, "b")
    # The original goes on speaking at A.
    with inside_ping(world, vm):
        wait_for(lambda: _alarm(world, vm.ip), 5, "an alarm")
        moves = len(world.records(vm))
        watch(lambda: world.owners(vm.ip) == ["b"] * 3, 1, "the machine stays at B")
    assert len(world.records(vm)) == moves == 1


def inside_ping(world, vm):  # noqa: F811
    """The machine itself goes on saying something."""
    process = vm.space.popen("ping", "-i", "0.02", world.layout.hosts["client"].split("/")[0],
                             stdout=-3, stderr=-3)

    class Running:
        def __enter__(self):
            return process

        def __exit__(self, *_):
            world.lab.end(process)
    return Running()


@pytest.fixture
def limited():
    """Clouds with the usual limit: 10 moves in 10 s."""
    def change(_, conf):
        del conf["vns"][0]["freeze"]
    with Lab("moves") as lab:
        clouds = World(lab, "subnets", change=change)
        clouds.start()
        yield clouds
        clouds.check()


def _frozen(world):  # noqa: F811
    return [site for site in "abc" if world.stat(site, "frozen")]


def test_too_many_moves_freeze_the_address_everywhere(limited):
    machine = limited.machine("a")
    moved = 0
    while not _frozen(limited):
        machine.migrate("ba"[moved % 2], gratuitous_arp(machine.mac, machine.ip))
        moved += 1
        limited.wait_owner(machine, machine.site, 2)
    assert moved == 10
    wait_for(lambda: _frozen(limited) == ["a", "b", "c"], 1, "all routers to see that")
    assert all(limited.log_has(site, "frozen: it moves too often") for site in "abc")
    # From now on it stays where it was, whatever is said elsewhere.
    machine.inject("b", gratuitous_arp(machine.mac, machine.ip))
    machine.inject("c", rarp(machine.mac))
    wait_for(lambda: limited.drops("b", "claim-frozen") and limited.drops("c", "claim-frozen"), 2,
             "both to be refused")
    watch(lambda: limited.owners(machine.ip) == ["a"] * 3, 0.3, "it stays at A")
    assert len(limited.records(machine)) == 10
