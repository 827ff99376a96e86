"""The LAN that a machine has left: switches, neighbours, and a neighbour that does not listen."""
from evidence import Evidence
from lab.netns import wait_for
from moves import vm, world  # noqa: F401
from survive import Traffic


def test_the_old_sites_switch_sends_the_machines_frames_to_the_router(world, vm):  # noqa: F811
    assert world.switch_port("a", vm.mac) == vm.device
    vm.move("b")
    wait_for(lambda: world.switch_port("a", vm.mac) == world.router_ports["a"], 2,
             "the machine's MAC at the port of A's router")
    assert world.switch_port("b", vm.mac) == vm.device


def test_natives_of_the_old_site_learn_the_routers_mac(world, vm):  # noqa: F811
    assert world.neighbour("native_a", vm.ip) == vm.mac
    with Traffic(world, vm, ["native_a"]):
        vm.move("b")
        wait_for(lambda: world.neighbour("native_a", vm.ip) == world.router_mac("a"), 2,
                 "the native's entry to change")


def test_a_native_with_a_static_entry_keeps_its_connection(world, vm):  # noqa: F811
    native = world.hosts["native_a"]
    native.ip(f"neigh replace {vm.ip} lladdr {vm.mac} nud permanent dev eth0")
    with Traffic(world, vm, ["native_a"]) as traffic, Evidence(world, vm, False) as evidence:
        vm.move("b")
        world.wait_owner(vm, "b")
        traffic.must_go_on()
        assert world.neighbour("native_a", vm.ip) == vm.mac
        vm.move("a")
        world.wait_owner(vm, "a")
        traffic.must_go_on()
        evidence.take().nothing_came_twice()


def test_after_its_return_natives_reach_the_machine_without_the_router(world, vm):  # noqa: F811
    with Traffic(world, vm, ["native_a"]) as traffic, Evidence(world, vm) as evidence:
        vm.move("b")
        world.wait_owner(vm, "b")
        traffic.must_go_on()
        back = evidence.since(vm.move("a"))
        wait_for(lambda: world.switch_port("a", vm.mac) == vm.device, 2, "the switch to see it")
        wait_for(lambda: world.neighbour("native_a", vm.ip) == vm.mac, 2, "the native to see it")
        traffic.must_go_on()
        # Each time a tenth of a second at least: this one is what is looked at.
        traffic.must_go_on()
        evidence.take().nothing_came_twice()
        assert not evidence.between("a", "native_a", back + 0.1)
