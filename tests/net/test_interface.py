"""The interface model: machines that are their own routers, with each other and with a site in the router model."""
import re
import socket

import inside
import pytest
from lab.netns import run, wait_for
from machines import DEVICE, Machines, routes
from sites import VIRTUAL_MAC
from traffic import CHUNK, Connection, Stream, super_frame, transfer

INNER_MTU = 1432  # 1500 less IP, UDP and what a record adds
IP_RECVTTL = 12
IP_MTU_DISCOVER = 10


@pytest.fixture(scope="module")
def net():
    with Machines() as machines:
        machines.start()
        for name, peer in ("am", "ma", "mn", "nm"):
            machines.wait_mtu(name, peer)
        yield machines


def pairs(net):
    """Both models, and machines among each other, each way."""
    return ((net.m, net.ha), (net.ha, net.m), (net.m, net.n), (net.n, net.m))


def said_to(host, address, *more):
    """What ping(8) prints, also when nothing comes back."""
    return run("ip", "netns", "exec", host.space.full, "ping", "-n", "-c", "1", "-W", "2", *more, address,
               check=False)


def ttl_after(source, target, ttl):
    """The TTL of a datagram as it arrives."""
    with inside.udp(target.space, target.ip) as receiver, inside.udp(source.space, source.ip) as sender:
        receiver.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        sender.sendto(b"x", receiver.getsockname())
        _, said, _, _ = receiver.recvmsg(10, 64)
        return int.from_bytes(said[0][2][:4], "little")


# ---- reach and hops ----

@pytest.mark.parametrize("size", [0, 56, 1000, INNER_MTU - 28])
def test_all_models_reach_each_other(net, size):
    for one, other in pairs(net):
        assert net.ping(one, other, 5, size, whole=True)


def test_the_address_that_the_others_see_is_the_virtual_one(net):
    with Connection(net.m, net.ha) as connection:
        assert connection.server.getpeername()[0] == net.m.ip


def test_a_routed_packet_loses_one_hop_and_one_within_the_subnet_none(net):
    assert ttl_after(net.m, net.ha, 40) == 39
    assert ttl_after(net.ha, net.m, 40) == 39
    assert ttl_after(net.m, net.n, 1) == 1


def test_the_end_of_the_hops_is_said(net):
    assert "Time to live exceeded" in said_to(net.m, net.ha.ip, "-t", "1")
    assert "Time to live exceeded" in said_to(net.ha, net.m.ip, "-t", "1")


def test_what_nobody_has_is_said_to_be_unreachable(net):
    net.spaces["m"].ip(f"route add 10.77.0.0/24 dev {DEVICE}")
    text = said_to(net.m, "10.77.0.1")
    net.spaces["m"].ip(f"route del 10.77.0.0/24 dev {DEVICE}")
    assert "Destination Net Unreachable" in text, text


def test_a_machine_may_not_speak_for_others(net):
    before = net.drops("m", "source-not-local")
    net.spaces["m"].ip("address add 10.66.0.1/32 dev lo")
    assert not net.ping(net.m, net.ha, 2, source="10.66.0.1", wait=0.2)
    net.spaces["m"].ip("address del 10.66.0.1/32 dev lo")
    net.wait_drops("m", "source-not-local", before + 2)


def test_the_router_shows_what_it_serves(net):
    shown = {name: net.routers[name].show("vr")["vns"][0] for name in "am"}
    assert shown["a"]["model"] == "router"
    assert (shown["m"]["model"], shown["m"]["device"], shown["m"]["link"]) == ("interface", DEVICE, "up")
    assert shown["m"]["mac"] == VIRTUAL_MAC and shown["m"]["super_frames"]
    rows = {name: next(row for row in net.routers[name].show("hwdt") if row["eid"] == net.m.ip) for name in "am"}
    assert rows["a"]["vr"] == rows["m"]["vr"] == "m"
    assert rows["a"]["mac"] == rows["m"]["mac"] != VIRTUAL_MAC


# ---- TCP and UDP ----

def test_tcp_arrives_whole_each_way(net):
    for one, other in pairs(net):
        transfer(one, other, 8 << 20)


def test_udp_arrives_in_order_without_loss(net):
    for one, other in pairs(net):
        with Stream(one, other) as stream:
            stream.wait_received(200)
        assert (stream.lost(), stream.duplicated(), stream.reordered()) == (0, 0, 0)


@pytest.mark.parametrize("count,size", [(2, 1000), (40, 1200), (46, 1400), (64, 100)])
def test_udp_super_frames_arrive_datagram_by_datagram(net, count, size):
    for one, other in pairs(net):
        sent, received = super_frame(one, other, count, size)
        assert sent == received


def test_super_frames_pass_whole_between_kernel_and_router(net):
    before = net.routers["m"].show("stats")["ports"][0]
    transfer(net.m, net.ha, 8 << 20)
    after = net.routers["m"].show("stats")["ports"][0]
    sent = {key: after[key] - before[key] for key in after}
    assert sent["rx_bytes"] / sent["rx_frames"] > 3000


# ---- sizes ----

def test_a_packet_too_big_for_the_machine_is_answered_with_the_mtu(net):
    text = said_to(net.ha, net.m.ip, "-M", "do", "-s", str(INNER_MTU - 28 + 1))
    assert f"(mtu = {INNER_MTU})" in text, text
    net.ha.space.ip("route flush cache")


@pytest.mark.parametrize("size", [INNER_MTU - 28 + 1, 1472, 4000, 20000])
def test_what_may_be_fragmented_arrives_whole(net, size):
    for one, other in pairs(net):
        with inside.udp(other.space, other.ip) as receiver, inside.udp(one.space, one.ip) as sender:
            sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, 0)
            sender.sendto(CHUNK[:size], receiver.getsockname())
            assert receiver.recv(65536) == CHUNK[:size]


def test_an_underlay_narrower_than_the_device_is_no_black_hole():
    def short_search(_, conf):
        conf["session"]["mtu_max"] = 1420
    with Machines(configure=short_search) as net:
        for name in "an":
            # A veth takes four more than its MTU, for a VLAN tag.
            net.spaces[name].ip("link set wan0 mtu 1296")
        net.start()
        for one, other in pairs(net):
            transfer(one, other, 2 << 20)
        small = net.wait_mtu("m", "a", 1300 - 68)
        net.wait_mtu("m", "n", 1300 - 68)
        for other in (net.ha, net.n):
            told = re.search(r"\(mtu = (\d+)\)", said_to(net.m, other.ip, "-M", "do", "-s", "1300"))
            assert told and small - 8 <= int(told[1]) <= 1300 - 68
            transfer(net.m, other, 2 << 20)


# ---- without features of the kernel ----

CASES = [("vnet_hdr",), ("udp_super_frames",), ("super_frames",),
         ("udp_segment", "udp_gro", "vnet_hdr", "udp_super_frames")]


@pytest.mark.parametrize("off", CASES, ids="+".join)
def test_without_these_features_everything_works(off):
    def configure(name, conf):
        for feature in off if name == "m" else ():
            if feature == "super_frames":
                conf["vns"][0]["super_frames"] = False
            else:
                conf["features"][feature] = False
    with Machines(configure=configure) as net:
        net.start()
        shown = net.routers["m"].show("vr")["vns"][0]
        assert shown["super_frames"] == (not {"vnet_hdr", "super_frames"} & set(off))
        assert not shown["udp_super_frames"]
        for one, other in pairs(net):
            net.wait_ping(one, other)
            transfer(one, other, 2 << 20)
            sent, received = super_frame(one, other, 30, 1200)
            assert sent == received
            with Stream(one, other) as stream:
                stream.wait_received(100)
            assert (stream.lost(), stream.duplicated(), stream.reordered()) == (0, 0, 0)


# ---- machines with an address of a site's subnet ----

def at_home_elsewhere(name, conf):
    """The machine m has an address of site a's subnet, whose machines may be at both."""
    conf["vns"][0]["mobile"] = [{"prefix": "10.1.0.0/24", "hosts": ["a", "m"]}]
    if name == "m":
        conf["vns"][0]["addresses"] = ["10.1.0.77/24"]
    for peer in conf["peers"]:
        if peer["name"] == "m":
            peer["vns"][0]["prefixes"] = []


def test_a_machine_takes_its_address_of_a_sites_subnet_along():
    with Machines(configure=at_home_elsewhere) as net:
        net.virtual = lambda name: "10.1.0.77" if name == "m" else "10.9.0.6"
        net.m.ip = "10.1.0.77"
        net.start()
        assert routes(net.spaces["m"]) == ["10.9.0.6"]
        for one, other in pairs(net):
            net.wait_ping(one, other)
            transfer(one, other, 1 << 20)
        # On the site's LAN the router stands in for it.
        assert net.ha.neighbour("10.1.0.77") == VIRTUAL_MAC
        assert ttl_after(net.ha, net.m, 1) == 1


def test_a_machine_that_is_silent_is_kept():
    """It answers for itself when its router asks whether it is still there."""
    def configure(_, conf):
        conf["hwdt"] = {"expiry_s": 2}
    with Machines(configure=configure) as net:
        net.start()

        def control():
            return net.routers["m"].show("stats")["ports"][0]["rx_control"]
        first = control()
        wait_for(lambda: control() >= first + 3, 8, "the machine to be asked")
        assert net.owner("m", net.m.ip) == net.owner("a", net.m.ip) == "m"


def test_one_router_serves_a_lan_and_its_own_machine():
    """Two networks of one router, of either model."""
    def configure(name, conf):
        if name != "n":
            conf["vns"].append({"id": 8, "device": "vn8" if name == "m" else "br8",
                                "model": "router" if name == "a" else "interface",
                                "addresses": [f"10.8.{'am'.index(name)}.1/24"], "local":
                                [f"10.8.{'am'.index(name)}.0/24"]})
            for peer in conf["peers"]:
                if peer["name"] != "n":
                    peer["vns"].append({"id": 8, "prefixes": [f"10.8.{'am'.index(peer['name'])}.0/24"]})
    with Machines(configure=configure) as net:
        net.spaces["a"].bridge("br8")
        net.start()
        net.wait_ping(net.m, net.ha)
        # The router's own address in the one, the machine's in the other.
        assert net.ping(net.m, "10.8.0.1", source="10.8.1.1")
        assert routes(net.spaces["m"], "vn8") == ["10.8.0.0/24"]
        assert routes(net.spaces["m"]) == ["10.1.0.0/24", "10.9.0.6"]
