"""What a proxy takes in, what it lets out, and what it refuses; machines on both sides that do not move."""
import contextlib
from types import SimpleNamespace

import inside
import pytest
import sniff
from echo import ping
from lab.layout import UNDERLAY, VN
from lab.netns import Lab, wait_for
from lab.tools import built
from lab.topology import BRIDGE, WAN_DEVICE
from lisp_sites import forged, inner, is_data
from proxies import CLIENT, INET, LOCATOR, NET, NOT_SERVED, OUTSIDE, PROXY, ROUTER, ProxyClouds
from rack import ip_packet
from traffic import CHUNK, Connection, transfer

INNER_MTU = 1500 - 36
OVER_TCP = 40


@pytest.fixture(scope="module")
def net():
    with Lab("proxy") as lab:
        world = ProxyClouds(lab)
        world.start()
        world.client = SimpleNamespace(space=world.hosts[INET], ip=CLIENT)
        world.ha, world.hb, world.hc = (
            SimpleNamespace(space=world.hosts[name], ip=world.layout.hosts[name].split("/")[0])
            for name in ("native_a", "native_b", "client"))
        for host in (world.ha, world.hb):
            wait_for(lambda to=host: ping(world.client.space, to.ip, 1, wait=0.5), 8, "an answer")
        yield world
        world.check()


def reaches(one, other, *more, **options):
    return sorted(ping(one.space, other if isinstance(other, str) else other.ip, *more, **options))


def said_to(host, address, *more):
    """What ping(8) prints, also when nothing comes back."""
    return host.space.run("ping", "-n", "-c", "1", "-W", "2", *more, address, check=False)


# ---- a packet's way ----

@pytest.mark.parametrize("size", [0, 56, 1000, INNER_MTU - 28])
def test_both_sides_reach_each_other(net, size):
    for one, other in ((net.client, net.ha), (net.ha, net.client), (net.client, net.hb),
                       (net.hb, net.client)):
        assert reaches(one, other, 5, size, whole=True) == list(range(5))


@pytest.mark.parametrize("to_client", [False, True])
def test_tcp_arrives_whole(net, to_client):
    ends = (net.ha, net.client) if to_client else (net.client, net.ha)
    transfer(*ends, 4 << 20)


@pytest.mark.parametrize("to_client", [False, True])
def test_a_file_is_fetched(net, to_client):
    here, there = (net.ha, net.client) if to_client else (net.client, net.ha)
    folder = net.lab.path("www")
    here.space.run("mkdir", "-p", folder)
    with open(f"{folder}/file", "wb") as file:
        file.write(CHUNK)
    server = there.space.popen("/usr/bin/python3", "-m", "http.server", "-d", folder, "-b", there.ip,
                               "8080", stdout=-3, stderr=-3)
    try:
        wait_for(lambda: ":8080" in there.space.run("ss", "-Hltn"), 10, "the server")
        here.space.run("curl", "-sS", "--fail", "-o", f"{folder}/got", f"http://{there.ip}:8080/file")
        with open(f"{folder}/got", "rb") as file:
            assert file.read() == CHUNK
    finally:
        net.lab.end(server)


def test_the_way_is_encapsulated_both_ways(net):
    """To the site's locator, and back to the proxy's; the machine's own site lets nothing out by itself."""
    with sniff.Sniffer(net.sites[PROXY].space, WAN_DEVICE) as wire:
        assert reaches(net.client, net.ha, 3) == [0, 1, 2]
        frames = wire.frames(is_data)
    ways = {(frame.ip_from, frame.ip_to, inner(frame).ip_from, inner(frame).ip_to) for frame in frames}
    assert ways == {(LOCATOR, UNDERLAY["a"], CLIENT, net.ha.ip),
                    (UNDERLAY["a"], LOCATOR, net.ha.ip, CLIENT)}


def test_the_mss_of_both_directions_fits_the_path(net):
    def syn_to(address):
        return lambda frame: frame.is_syn() and frame.ip_to == address
    with sniff.Sniffer(net.client.space, "eth0") as left, sniff.Sniffer(net.ha.space, "eth0") as right, \
            Connection(net.client, net.ha):
        assert right.wait(syn_to(net.ha.ip)).mss() == INNER_MTU - OVER_TCP
        assert left.wait(syn_to(CLIENT)).mss() == INNER_MTU - OVER_TCP


def test_super_frames_stay_whole_on_the_outside(net):
    device = f"to-{NET}"
    with sniff.Sniffer(net.sites[PROXY].space, device) as port, Connection(net.client, net.ha) as connection:
        connection.exchange(8 << 20)
        large = [frame for frame in port.frames(lambda seen: seen.protocol == sniff.TCP)
                 if len(frame.ip) > 4 * INNER_MTU]
    assert any(frame.ip_from == CLIENT for frame in large)
    assert any(frame.ip_to == CLIENT for frame in large)


def test_a_packet_too_big_is_answered_with_the_mtu(net):
    text = said_to(net.client, net.ha.ip, "-M", "do", "-s", str(INNER_MTU - 28 + 1))
    assert f"From {OUTSIDE}" in text and f"mtu = {INNER_MTU}" in text
    # One that may be cut arrives.
    net.client.space.run("ip", "route", "flush", "cache")
    assert reaches(net.client, net.ha, 3, 4000) == [0, 1, 2]


def test_hops_are_counted(net):
    assert f"From {OUTSIDE}" in said_to(net.client, net.ha.ip, "-t", "2")
    assert f"From {ROUTER}" in said_to(net.ha, CLIENT, "-t", "2")
    assert "1 received" in said_to(net.client, net.ha.ip, "-t", "3")


def test_the_proxy_itself_is_reached_from_both_sides(net):
    assert reaches(net.client, OUTSIDE, 3) == [0, 1, 2]
    assert reaches(net.ha, OUTSIDE, 3) == [0, 1, 2]


def test_a_proxy_may_use_the_mac_of_its_nic():
    """Its host forwards, and has ways for both ends: it leaves these packets alone."""
    with Lab("proxy") as lab:
        world = ProxyClouds(lab, nic=True)
        world.start()
        space, client = world.sites[PROXY].space, world.hosts[INET]
        space.ip(f"address add 198.18.0.7/24 dev to-{NET}")
        for way in ("10.1.0.0/24", "198.19.0.0/24"):
            space.ip(f"route add {way} via {ROUTER}")
        wait_for(lambda: ping(client, "10.1.0.10", 1, wait=0.5), 8, "an answer")
        with sniff.Sniffer(world.net, "lisp0") as outside:
            assert sorted(ping(client, "10.1.0.10", 5)) == list(range(5))
            assert sorted(ping(world.hosts["native_a"], CLIENT, 5)) == list(range(5))
            assert sorted(ping(client, OUTSIDE, 5)) == list(range(5))
            seen = outside.frames(lambda frame: frame.protocol == sniff.ICMP)
        # Each request and each answer once, and nothing of anybody else.
        assert len(seen) == 30
        world.check()


# ---- the mapping system ----

def test_a_proxy_registers_nothing_and_asks(net):
    assert net.routers[PROXY].show("registrations") == []
    here = [row for row in net.routers["m"].show("registrations") if row["kind"] == "here"]
    assert here and all(locator["rloc"] != LOCATOR for row in here for locator in row["locators"])
    assert net.routers[PROXY].show("stats")["xtr"]["requests"] > 0
    assert net.routers[PROXY].show("hwdt") == []


def test_a_site_knows_that_the_proxy_sends(net):
    """So that it is told of a move."""
    assert reaches(net.client, net.ha, 1) == [0]
    wait_for(lambda: any(row["eid"] == net.ha.ip and row["rloc"] == LOCATOR
                         for row in net.routers["a"].show("askers")), 3, "A to know the proxy")


def test_what_is_shown(net):
    assert reaches(net.client, net.ha, 1) == [0]
    here, = net.routers[PROXY].show("proxies")
    assert here["kind"] == "here" and here["vn"] == VN and here["device"] == BRIDGE
    assert here["prefixes"] == net.routers[PROXY].conf["vns"][0]["proxy"]["prefixes"]
    assert here["ingress"] and here["egress"] and here["check_locators"]
    assert here["taken_in"] > 0 and here["let_out"] > 0 and here["neighbours"] == 1
    used, = net.routers["a"].show("proxies")
    assert used == {"vn": VN, "kind": "used", "rloc": LOCATOR, "peer": None, "way": "plain", "state": None}
    assert net.routers["m"].show("proxies") == []
    router = net.routers[PROXY]
    table = router.space.run(built("vrctl"), "-s", router.conf["control_socket"], "show", "proxies").split("\n")
    assert table[0].split()[:2] == ["VN", "PROXY"] and table[1].split()[:2] == [str(VN), BRIDGE]


# ---- without a PETR ----

def test_a_machine_at_home_may_answer_natively(net):
    """RFC 6832 section 5.2, steps 8 and 9: in through the proxy, out through the site's own router."""
    gateway, vn = "10.1.0.254", net.routers["a"].conf["vns"][0]
    switch = net.sites["a"].space
    net.lab.link(switch, "to-gateway", net.net, "a0")
    switch.ip(f"link set to-gateway master {BRIDGE}")
    net.net.ip(f"address add {gateway}/32 dev a0")
    # What comes from the machine does not come from where its prefix is routed to.
    for device in ("all", "a0"):
        net.net.sysctl(f"net.ipv4.conf.{device}.rp_filter", 0)
    petrs = vn["lisp"].pop("petrs")
    vn["native_gateway"] = gateway
    try:
        net.routers["a"].reload()
        wait_for(lambda: reaches(net.client, net.ha, 1, wait=0.5) == [0], 5, "an answer")
        with sniff.Sniffer(net.sites[PROXY].space, WAN_DEVICE) as wire, sniff.Sniffer(net.net, "a0") as native:
            assert reaches(net.client, net.ha, 5) == list(range(5))
            ways = {(inner(frame).ip_from, inner(frame).ip_to) for frame in wire.frames(is_data)}
            assert ways == {(CLIENT, net.ha.ip)}
            assert len(native.frames(lambda seen: seen.ip_from == net.ha.ip and seen.ip_to == CLIENT)) == 5
        transfer(net.client, net.ha, 1 << 20)
    finally:
        del vn["native_gateway"]
        vn["lisp"]["petrs"] = petrs
        net.routers["a"].reload()
    assert reaches(net.client, net.ha, 3) == [0, 1, 2]


# ---- who is refused ----

def wait_drop(net, reason, before, site=PROXY):
    wait_for(lambda: net.drops(site, reason) > before, 3,
             f"one more of {reason} than {before}: {net.routers[site].drops()}")


@contextlib.contextmanager
def from_outside(net, source, target):
    """A packet of the router outside, with any source; nothing of it reaches the underlay."""
    with sniff.Sniffer(net.sites[PROXY].space, WAN_DEVICE) as wire, inside.raw_ip(net.net) as sender:
        sender.sendto(ip_packet(source, target, b"forged"), (target, 0))
        yield
        assert not wire.frames(lambda frame: b"forged" in frame.ip)


@pytest.mark.parametrize("target", [NOT_SERVED.replace(".0/24", ".10"), "10.3.0.77"])
def test_prefixes_that_are_not_served_are_not_encapsulated(net, target):
    before = net.drops(PROXY, "proxy-prefix")
    with from_outside(net, CLIENT, target):
        wait_drop(net, "proxy-prefix", before)
    assert "Destination Net Unreachable" in said_to(net.client, target)


@pytest.mark.parametrize("source", ["10.1.0.10", "10.2.0.99", "127.0.0.5"])
def test_a_machine_outside_cannot_pass_for_one_inside(net, source):
    before = net.drops(PROXY, "proxy-outside")
    with from_outside(net, source, net.hb.ip):
        wait_drop(net, "proxy-outside", before)


def test_a_packet_like_the_forged_ones_is_encapsulated(net):
    """The checks above can fail."""
    with sniff.Sniffer(net.sites[PROXY].space, WAN_DEVICE) as wire, inside.raw_ip(net.net) as sender:
        sender.sendto(ip_packet("198.19.0.99", net.hb.ip, b"forged"), (net.hb.ip, 0))
        wire.wait(lambda frame: is_data(frame) and b"forged" in frame.ip)


# What the inner source is, where it comes from, of which network, where to, and why it is refused.
FORGED = {
    "of no EID": ("172.31.0.1", "a", VN, CLIENT, "proxy-source"),
    "of an EID that is not served": ("10.3.0.10", "c", VN, CLIENT, "proxy-source"),
    "of a machine outside": (CLIENT, "a", VN, ROUTER, "proxy-source"),
    "of the proxy itself": (OUTSIDE, "a", VN, CLIENT, "proxy-source"),
    "of another site": ("10.2.0.10", "a", VN, CLIENT, "proxy-locator"),
    "from somebody who has no EIDs": ("10.1.0.10", "m", VN, CLIENT, "proxy-locator"),
    "of another network": ("10.1.0.10", "a", 12345, CLIENT, "plain-vn"),
    "of the map-server's network": ("10.1.0.10", "a", 99, CLIENT, "plain-vn"),
    "from a multicast address": ("224.0.0.9", "a", VN, CLIENT, "plain-source"),
    "to an EID": ("10.1.0.10", "a", VN, "10.2.0.10", "not-here"),
    "to everybody outside": ("10.1.0.10", "a", VN, "198.18.0.255", "not-here"),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_may_not_leave_is_dropped_and_counted(net, what):
    source, site, vn, target, reason = FORGED[what]
    # What the proxy knows of the source is what the mapping system says.
    assert reaches(net.client, net.ha, 1) and reaches(net.client, net.hb, 1)
    before = net.drops(PROXY, reason)
    with sniff.Sniffer(net.sites[PROXY].space, BRIDGE) as outside, \
            sniff.Sniffer(net.sites[PROXY].space, f"to-{NET}") as cable, \
            inside.raw_ip(net.sites[site].space) as wire:
        wire.sendto(forged(UNDERLAY.get(site, "192.0.2.5"), (LOCATOR, target), source, vn), (LOCATOR, 0))
        wait_drop(net, reason, before)
        for seen in (outside, cable):
            assert not seen.frames(lambda frame: b"forged" in frame.ip)


def test_a_source_that_is_registered_nowhere_is_asked_for_and_dropped(net):
    """In a prefix that is served, and in none that any site has."""
    before = net.drops(PROXY, "proxy-source")
    asked = net.routers[PROXY].show("stats")["xtr"]["requests"]
    net.routers[PROXY].conf["vns"][0]["proxy"]["prefixes"].append("10.99.0.0/16")
    net.routers[PROXY].reload()
    with inside.raw_ip(net.sites["a"].space) as wire:
        wire.sendto(forged(UNDERLAY["a"], (LOCATOR, CLIENT), "10.99.0.1"), (LOCATOR, 0))
        wait_drop(net, "proxy-source", before)
    assert net.routers[PROXY].show("stats")["xtr"]["requests"] == asked + 1


def test_a_packet_from_where_its_source_is_leaves(net):
    """The checks above can fail."""
    with sniff.Sniffer(net.client.space, "eth0") as cable, inside.raw_ip(net.sites["a"].space) as wire:
        wire.sendto(forged(UNDERLAY["a"], (LOCATOR, CLIENT), "10.1.0.77"), (LOCATOR, 0))
        cable.wait(lambda frame: frame.ip_to == CLIENT and b"forged" in frame.ip)


def test_a_site_without_a_proxy_keeps_its_ways(net):
    """C's configuration loses its proxy: nothing leaves there."""
    router = net.routers["c"]
    before = net.drops("c", "no-route")
    petrs = router.conf["vns"][0]["lisp"].pop("petrs")
    router.reload()
    assert "Destination Net Unreachable" in said_to(net.hc, CLIENT)
    assert net.drops("c", "no-route") > before
    router.conf["vns"][0]["lisp"]["petrs"] = petrs
    router.reload()
