"""The interface model and the machine's kernel: what it is given, what follows a reload, and that nothing stays behind."""
import re

import pytest
from lab import tools
from lab.netns import LabError, wait_for
from machines import DEVICE, Machines, kernel, routes, wait_route
from sites import VN
from traffic import Connection, Stream, transfer


@pytest.fixture
def net():
    with Machines() as machines:
        machines.start()
        machines.wait_ping(machines.m, machines.ha)
        yield machines


def start_fails(net, text):
    """The router of machine m does not start and says why; the kernel is as before."""
    before = kernel(net.spaces["m"])
    with pytest.raises(LabError) as said:
        net.routers["m"].start()
    assert re.search(text, str(said.value)), said.value
    assert kernel(net.spaces["m"]) == before


def mtu(space):
    return int(re.search(r"mtu (\d+)", space.ip(f"link show {DEVICE}"))[1])


# ---- what it is given, and what is left ----

def test_the_kernel_gets_a_device_an_address_and_routes(net):
    space = net.spaces["m"]
    assert re.search(r"inet 10\.9\.0\.5/24 .*vn0", space.ip(f"-4 addr show {DEVICE}"))
    assert "inet6" not in space.ip(f"addr show {DEVICE}")
    assert routes(space) == ["10.1.0.0/24", "10.9.0.6"]
    assert "src 10.9.0.5" in space.ip("route get 10.1.0.10")
    assert mtu(space) == 1432


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_an_end_of_any_kind_leaves_the_kernel_as_it_was(end):
    with Machines() as net:
        before = kernel(net.spaces["m"])
        net.start()
        assert kernel(net.spaces["m"]) != before
        if end == "stop":
            assert net.routers["m"].stop() == 0
        else:
            net.routers["m"].kill()
        assert kernel(net.spaces["m"]) == before


def test_after_a_kill_it_starts_again_and_connections_go_on(net):
    with Connection(net.m, net.ha) as connection:
        connection.exchange(1 << 18)
        net.routers["m"].kill()
        net.routers["m"].start()
        net.wait_peers()
        connection.exchange(1 << 18)
    assert net.owner("a", net.m.ip) == "m"
    assert net.ping(net.ha, net.m) and net.ping(net.m, net.n)


# ---- what does not go ----

@pytest.mark.parametrize("made", ["link add vn0 type bridge", "tuntap add dev vn0 mode tun",
                                  "link add vn0 type veth peer name vn1"])
def test_a_device_of_the_name_is_left_alone(made):
    with Machines() as net:
        net.spaces["m"].ip(made)
        start_fails(net, "vn0: there is a device of this name, which is not ours")


def test_two_routers_cannot_have_one_device():
    with Machines() as net:
        net.start()
        other = net.routers["n"]
        other.stop()
        other.space = net.spaces["m"]
        other.conf["listen"] = f"{net.address('m')}:51342"
        with pytest.raises(LabError, match="vn0: there is a device of this name"):
            other.start()
        assert net.ping(net.m, net.ha)


def test_an_address_that_another_device_has_is_no_virtual_one():
    with Machines() as net:
        net.spaces["m"].ip("addr add 10.9.0.5/32 dev wan0")
        start_fails(net, r"vn0: address 10\.9\.0\.5 of wan0 is within the subnet 10\.9\.0\.0/24 of the network")


def test_a_prefix_that_the_machine_stands_in_is_no_way_out():
    """With it the machine would lose its own LAN."""
    with Machines() as net:
        net.spaces["m"].ip("addr add 10.1.0.99/24 dev wan0")
        start_fails(net, r"vn0: address 10\.1\.0\.99 of wan0 is within the prefix 10\.1\.0\.0/24 of the network")


def test_a_route_that_is_there_is_not_replaced():
    with Machines() as net:
        net.spaces["m"].ip("route add 10.1.0.0/24 via 192.0.2.1")
        start_fails(net, r"vn0: cannot get the route to 10\.1\.0\.0/24: there is another one")


def test_without_the_right_to_make_it_this_is_said():
    with Machines() as net:
        router = net.routers["m"]
        router.write_conf()
        said = net.spaces["m"].run("sh", "-c", f"setpriv --bounding-set=-net_admin {tools.built('vrd')} "
                                   f"-c {router.conf_file}; echo $?", check=False)
        assert said.strip() == "1"
        assert "vn0: making a TUN device needs CAP_NET_ADMIN" in router.log()


def test_the_router_keeps_no_more_rights_than_in_the_other_model(net):
    rights = {}
    for name in "am":
        with open(f"/proc/{net.routers[name].process.pid}/status", encoding="ascii") as status:
            rights[name] = [line for line in status if line.startswith(("Cap", "NoNewPrivs"))]
    assert rights["a"] == rights["m"] and "NoNewPrivs:\t1\n" in rights["m"]


# ---- reload ----

def test_routes_follow_a_reload_under_traffic(net):
    router, space = net.routers["m"], net.spaces["m"]
    of_a = next(peer for peer in router.conf["peers"] if peer["name"] == "a")["vns"][0]
    with Stream(net.m, net.ha) as there, Stream(net.ha, net.m) as back:
        there.wait_received(50)
        of_a["prefixes"] = ["10.1.0.0/24", "10.4.0.0/16"]
        router.reload()
        assert routes(space) == ["10.1.0.0/24", "10.4.0.0/16", "10.9.0.6"]
        router.conf["vns"][0]["mobile"] = [{"prefix": "10.9.0.0/24"}, {"prefix": "10.5.0.0/24"}]
        of_a["prefixes"] = ["10.1.0.0/24"]
        router.reload()
        # What the kernel has by the address alone it gets no second time.
        assert routes(space) == ["10.1.0.0/24", "10.5.0.0/24", "10.9.0.6"]
        there.wait_received(50)
        back.wait_received(50)
    assert (there.lost(), there.refused, back.lost(), back.refused) == (0, 0, 0, 0)


def test_a_new_address_is_reached_and_an_old_one_is_not(net):
    router, space = net.routers["m"], net.spaces["m"]
    for name in "an":
        vn = next(peer for peer in net.routers[name].conf["peers"] if peer["name"] == "m")["vns"][0]
        vn["prefixes"] = ["10.9.0.5/32", "10.9.0.7/32"]
        net.routers[name].reload()
    router.conf["vns"][0]["addresses"] = ["10.9.0.5/24", "10.9.0.7/24"]
    router.reload()
    net.wait_owner("10.9.0.7", "m")
    assert net.ping(net.ha, "10.9.0.7") and net.ping(net.ha, net.m) and net.ping(net.n, "10.9.0.7")
    # The kernel takes the others of a subnet away with the first one.
    router.conf["vns"][0]["addresses"] = ["10.9.0.7/24"]
    router.reload()
    assert re.findall(r"inet (\S+)", space.ip(f"-4 addr show {DEVICE}")) == ["10.9.0.7/24"]
    assert routes(space) == ["10.1.0.0/24", "10.9.0.6"]
    assert net.ping(net.ha, "10.9.0.7") and net.ping(net.n, "10.9.0.7")
    assert not net.ping(net.ha, net.m, 1, wait=0.3)
    # All at once, and of another subnet.
    router.conf["vns"][0]["addresses"] = ["10.9.0.5/32"]
    router.reload()
    assert net.ping(net.ha, net.m) and net.ping(net.n, net.m)
    assert routes(space) == ["10.1.0.0/24", "10.9.0.6"]


def test_a_clash_at_a_reload_is_said_and_nothing_breaks(net):
    router, space = net.routers["m"], net.spaces["m"]
    space.ip("addr add 10.6.0.1/24 dev wan0")
    of_a = next(peer for peer in router.conf["peers"] if peer["name"] == "a")["vns"][0]
    of_a["prefixes"] = ["10.1.0.0/24", "10.6.0.0/24"]
    assert f"VN {VN}: this machine's addresses and routes are not all as they should be" in \
        str(router.reload())
    assert "10.6.0.1 of wan0 is within the prefix 10.6.0.0/24" in router.log()
    assert net.ping(net.m, net.ha) and net.ping(net.n, net.m)
    space.ip("addr del 10.6.0.1/24 dev wan0")
    router.reload()
    assert routes(space) == ["10.1.0.0/24", "10.6.0.0/24", "10.9.0.6"]


def test_the_model_does_not_change_at_a_reload(net):
    router = net.routers["m"]
    router.conf["vns"][0]["model"] = "router"
    with pytest.raises(LabError, match="need a restart"):
        router.reload()
    assert net.ping(net.m, net.ha)


# ---- a device that somebody changes ----

def test_routes_come_back_with_the_link(net):
    space = net.spaces["m"]
    space.ip(f"link set {DEVICE} down")
    wait_for(lambda: net.routers["m"].show("vr")["vns"][0]["link"] == "down", 3, "the link to be down")
    assert routes(space) == []
    # What a reload gives meanwhile comes with the link as well.
    net.routers["m"].conf["vns"][0]["mobile"] = [{"prefix": "10.5.0.0/24"}]
    net.routers["m"].reload()
    space.ip(f"link set {DEVICE} up")
    wait_route(space, "10.5.0.0/24")
    assert routes(space) == ["10.1.0.0/24", "10.5.0.0/24", "10.9.0.6"]
    net.wait_ping(net.m, net.ha)
    assert net.ping(net.ha, net.m)


def test_a_device_that_is_removed_is_made_anew(net):
    space, router = net.spaces["m"], net.routers["m"]
    net.wait_ping(net.ha, net.m)
    before, counted = kernel(space), router.port_counters()
    space.ip(f"link del {DEVICE}")
    wait_for(lambda: router.show("vr")["vns"][0]["link"] == "gone", 3, "the link to be gone")
    wait_for(lambda: router.show("vr")["vns"][0]["link"] == "up", 5, "the device to be back")
    assert kernel(space) == before and router.counts_on(counted)
    net.wait_ping(net.ha, net.m)
    transfer(net.m, net.ha, 1 << 20)
    assert router.stop() == 0


def test_what_takes_the_name_meanwhile_is_left_alone(net):
    space, router = net.spaces["m"], net.routers["m"]
    space.ip(f"link del {DEVICE}")
    space.ip(f"link add {DEVICE} type bridge")
    wait_for(lambda: "there is a device of this name" in router.log(), 5, "a try to make the device")
    assert router.show("vr")["vns"][0]["link"] == "gone"
    space.ip(f"link del {DEVICE}")
    net.wait_ping(net.m, net.ha)


def test_its_mtu_can_be_changed(net):
    net.spaces["m"].ip(f"link set {DEVICE} mtu 1000")
    wait_for(lambda: net.routers["m"].show("vr")["vns"][0]["mtu"] == 1000, 3, "the router to notice")
    transfer(net.ha, net.m, 1 << 20)
    transfer(net.m, net.ha, 1 << 20)
    # Who sends more is told so, once.
    said = net.ha.space.run("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", "1300", net.m.ip, check=False)
    assert "(mtu = 1000)" in said, said
    assert net.ping(net.ha, net.m, 2, 1400)
