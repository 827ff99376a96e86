"""A LAN device that changes, vanishes and comes back under a running router."""
import re

import pytest
from lab.netns import wait_for
from sites import Sites
from traffic import Connection


def configure(mac):
    def change(_, conf):
        conf["vns"][0]["mac"] = mac
    return change


class Device:
    """The LAN of site A as its router has it."""

    def __init__(self, net):
        self.net, self.router, self.space = net, net.routers["a"], net.spaces["a"]
        self.name = "lan0" if net.lan == "nic" else "br0"

    def shown(self):
        return self.router.show("vr")["vns"][0]

    def wait(self, **values):
        wait_for(lambda: values.items() <= self.shown().items(), 3, f"{values} instead of {self.shown()}")

    def said(self, what):
        """How often the log has a line about the device."""
        return len(re.findall(rf"port: {self.name}: {what}", self.router.log()))

    def drops(self, reason):
        """A counter of the port's."""
        return next(row["count"] for row in self.router.show("drops")
                    if row["where"].startswith("port") and row["reason"] == reason)

    def remove(self):
        self.space.ip(f"link del {self.name}")

    def make(self):
        """The device again, with everything that was plugged into it; it is down."""
        if self.net.lan == "nic":
            self.net.switches["a"].ip(f"link add to-router type veth peer name lan0 netns {self.space.full}")
            self.net.switches["a"].ip("link set to-router master br0 up")
        else:
            self.space.ip("link add br0 type bridge forward_delay 0")
            self.space.ip(f"link set {self.net.ha.cable} master br0")

    def up(self):
        self.space.ip(f"link set {self.name} up")


@pytest.fixture(params=[("nic", "virtual"), ("nic", "nic"), ("bridge", "virtual"), ("bridge", "nic")], ids="-".join)
def net(request):
    lan, mac = request.param
    with Sites(lan=lan, configure=configure(mac)) as sites:
        sites.ha, sites.hb = sites.start_pair()
        sites.device = Device(sites)
        yield sites
        router = sites.routers["a"]
        assert router.process.poll() is None and router.stop() == 0
        assert sites.spaces["a"].run("nft", "list", "ruleset") == ""
        assert "-vr" not in sites.spaces["a"].ip("-br link")


@pytest.fixture
def nic():
    with Sites(lan="nic", configure=configure("nic")) as sites:
        sites.ha, sites.hb = sites.start_pair()
        sites.device = Device(sites)
        yield sites


def test_a_device_that_vanishes_and_comes_back_is_used_again(net):
    device = net.device
    device.wait(link="up")
    with Connection(net.hb, net.ha) as connection:
        connection.exchange(1 << 16)
        for turn in (1, 2):
            counted = device.router.port_counters()
            device.remove()
            device.wait(link="gone")
            before = device.drops("tx")
            assert not net.ping(net.hb, net.ha, 3, wait=0.3)
            assert device.drops("tx") > before
            device.make()
            device.wait(link="down")
            device.up()
            device.wait(link="up")
            assert device.router.counts_on(counted)
            net.wait_ping(net.ha, net.hb)
            connection.exchange(1 << 16)
            assert device.said("link gone") == turn and device.said("link up") == turn
    assert net.ping(net.hb, net.ha, 5, 1400)
    if device.shown()["mac"] == net.spaces["a"].mac(device.name):
        assert "vrd_lan0" in net.spaces["a"].run("nft", "list", "tables")


def test_a_device_replaced_at_one_stroke_is_used_again(net):
    device = net.device
    device.remove()
    device.make()
    device.up()
    device.wait(link="up")
    net.wait_ping(net.ha, net.hb)
    assert net.ping(net.hb, net.ha, 5)


def test_a_device_set_down_and_up_again_goes_on(net):
    device = net.device
    for turn in (1, 2):
        net.spaces["a"].ip(f"link set {device.name} down")
        device.wait(link="down")
        assert not net.ping(net.hb, net.ha, 2, wait=0.2)
        device.up()
        device.wait(link="up")
        net.wait_ping(net.ha, net.hb)
        assert device.said("link down") == turn
    assert device.said("Network is down") == 0


def test_a_changed_mtu_is_obeyed(net):
    device = net.device
    assert net.ping(net.hb, net.ha, 2, 1400 - 28, whole=True)
    for mtu in (1300, 1500):
        net.spaces["a"].ip(f"link set {device.name} mtu {mtu}")
        device.wait(mtu=mtu)
        net.wait_ping(net.ha, net.hb)
        # What the LAN cannot carry is answered by the router, which knows, and not lost on the device.
        before = device.drops("too-large")
        assert net.ping(net.hb, net.ha, 2, 1272, whole=True)
        assert net.ping(net.hb, net.ha, 2, 1400 - 28, whole=True, wait=0.5) == (mtu == 1500)
        assert device.drops("too-large") == before
        net.hb.space.ip("route flush cache")
    assert device.said("MTU 1300") == 1


def test_a_cable_that_is_unplugged_is_shown(nic):
    nic.switches["a"].ip("link set to-router down")
    nic.device.wait(link="down")
    nic.switches["a"].ip("link set to-router up")
    nic.device.wait(link="up")
    nic.wait_ping(nic.ha, nic.hb)


def test_the_nics_new_mac_is_the_routers_and_its_hosts_are_told(nic):
    new = "02:00:00:00:aa:01"
    assert nic.ha.neighbour("10.1.0.1") != new
    nic.spaces["a"].ip(f"link set lan0 address {new}")
    nic.device.wait(mac=new)
    wait_for(lambda: nic.ha.neighbour("10.1.0.1") == new, 1, "the gratuitous ARP")
    assert nic.ping(nic.ha, nic.hb, 5) and nic.ping(nic.hb, nic.ha, 5)
    row = [row for row in nic.routers["b"].show("hwdt") if row["eid"] == "10.1.0.1"]
    assert [each["mac"] for each in row] == [new]


def test_a_device_of_another_name_is_another_device(nic):
    space = nic.spaces["a"]
    space.ip("link set lan0 down")
    space.ip("link set lan0 name other0")
    nic.device.wait(link="gone")
    space.ip("link set other0 up")
    assert not nic.ping(nic.hb, nic.ha, 2, wait=0.2)
    assert space.run("nft", "list", "ruleset") == ""
    space.ip("link set other0 down")
    space.ip("link set other0 name lan0")
    space.ip("link set lan0 up")
    nic.device.wait(link="up")
    nic.wait_ping(nic.ha, nic.hb)


def test_a_port_taken_from_the_router_on_a_bridge_is_made_anew():
    with Sites() as net:
        net.ha, net.hb = net.start_pair()
        space = net.spaces["a"]
        own = next(name for name in space.ports("br0") if "-vr" in name)
        space.ip(f"link del {own}")
        wait_for(lambda: [name for name in space.ports("br0") if "-vr" in name], 3, "another port")
        net.wait_ping(net.ha, net.hb)
