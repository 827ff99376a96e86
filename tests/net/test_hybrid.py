"""The hybrid model: one machine in two address spaces, whose peers on its own LAN bypass the overlay (seed 004, figure 7 and
table 1); and all three models in one network."""
import json

import pytest

from hybrids import BRIDGE, NIC, TAP, Hybrids
from lab.netns import LabError, wait_for
from sites import VIRTUAL_MAC
from traffic import Connection, Stream, transfer


@pytest.fixture(scope="module")
def net():
    with Hybrids() as hybrids:
        yield hybrids.start()


# Who reaches whom by which way: the LAN itself, or the overlay, in which the machines' own routers take part. A host in the
# router model has none.
WAYS = [("p", "q", "lan"), ("q", "p", "lan"), ("p", "r", "overlay"), ("r", "q", "overlay"),
        ("p", "m", "overlay"), ("m", "q", "overlay"), ("p", "ha", "overlay"), ("ha", "r", "overlay"),
        ("m", "ha", "overlay")]


@pytest.mark.parametrize("one,other,way", WAYS, ids=[f"{a}-{b}-{c}" for a, b, c in WAYS])
def test_who_reaches_whom_by_which_way(net, one, other, way):
    client, server = getattr(net, one), getattr(net, other)
    net.wait_ping(client, server)
    routed = [name for name in (one, other) if name in net.routers]
    before = {name: net.passed(name) for name in routed}
    # The far end sees the address in the network, not the native one.
    with Connection(client, server) as connection:
        assert connection.server.getpeername()[0] == client.ip
        connection.exchange(1 << 20)
    with Stream(client, server) as stream:
        stream.wait_received(300)
    assert (stream.lost(), stream.duplicated()) == (0, 0)
    for name in routed:
        passed = net.passed(name) - before[name]
        # What the machine floods comes by; what goes from peer to peer does not.
        assert passed > 300 if way == "overlay" else passed == 0, f"{name}: {passed} frames"


def test_the_lan_sees_no_virtual_mac_and_the_machines_own_for_its_peers(net):
    net.wait_ping(net.p, net.q)
    net.wait_ping(net.p, net.r)
    switch = net.switches["lan-1"]
    assert VIRTUAL_MAC not in switch.run("bridge", "fdb", "show", "br", "br0")
    neighbours = {row["dst"]: row.get("lladdr") for row in
                  json.loads(net.p.space.run("ip", "-j", "neigh", "show", "dev", BRIDGE))}
    assert neighbours[net.q.ip] == net.q.space.mac(BRIDGE) == net.q.space.mac(NIC)
    assert neighbours[net.r.ip] == VIRTUAL_MAC


def test_both_address_spaces_at_once(net):
    """The machine is reached by its native address, too, which the network knows nothing of."""
    before = net.passed("p")
    for source, target in ((net.p, "172.16.1.12"), (net.p, "172.16.1.1"), (net.r, "172.16.1.11")):
        assert net.ping(source, target)
    assert net.passed("p") == before


def test_a_namesake_on_the_lan_is_not_taken_for_a_peer(net):
    """Somebody on p's LAN has r's address in another address space."""
    net.wait_ping(net.p, net.r)
    stranger = net.lab.ns("stranger")
    switch = net.switches["lan-1"]
    net.lab.link(switch, "to-stranger", stranger, "eth0")
    switch.ip("link set to-stranger master br0")
    stranger.ip(f"address add {net.r.ip}/24 dev eth0")
    wait_for(lambda: switch.run("cat", "/sys/class/net/to-stranger/brport/state").strip() == "3", 3,
             "the stranger to be plugged in")
    before = net.drops("p", "namesake")
    net.p.space.ip(f"neigh flush dev {BRIDGE}")
    net.wait_ping(net.p, net.r)
    net.wait_drops("p", "namesake", before + 1)
    passed = net.passed("p")
    transfer(net.p, net.r, 1 << 20)
    assert net.passed("p") > passed
    switch.ip("link delete to-stranger")


# ---- the machine's devices ----

def net_of(space):
    """Addresses, routes and devices, as a person would compare them."""
    def rows(*command):
        text = space.run("ip", *command)
        return sorted(" ".join(row.split()) for row in text.splitlines())
    links = [row.split()[1].split("@")[0] for row in rows("-o", "link")]
    addresses = [row.split(None, 1)[1].split(" scope")[0] for row in rows("-o", "-4", "address")]
    return {"links": sorted(links), "addresses": addresses, "routes": rows("-4", "route")}


@pytest.fixture
def own():
    """p and q with routes of their own, not yet started: with what they had before."""
    with Hybrids() as hybrids:
        space = hybrids.p.space
        space.ip("route add 198.18.0.0/15 via 172.16.1.1 metric 7")
        space.ip("route add 198.51.100.0/24 via 198.18.0.9 dev eth0 onlink")
        space.ip(f"address add 172.16.9.1/24 dev {NIC}")
        hybrids.before = net_of(space)
        hybrids.start()
        yield hybrids


def test_the_nic_is_as_it_was_found_and_connections_go_on(own):
    space = own.p.space
    assert net_of(space)["links"] == sorted(own.before["links"] + [f"{BRIDGE}:", f"{TAP}:"])
    native = type(own.p)(space, "native", "172.16.1.11")
    router = type(own.p)(own.q.space, "far", "172.16.1.12")
    with Connection(native, router) as connection:
        connection.exchange(1 << 16)
        assert own.routers["p"].stop() == 0
        assert net_of(space) == own.before
        connection.exchange(1 << 16)
        own.routers["p"].start()
        connection.exchange(1 << 16)
    own.wait_peers()
    own.wait_ping(own.p, own.r)


def test_after_a_kill_the_machine_is_on_its_lan_and_the_next_run_takes_over(own):
    space = own.p.space
    own.wait_ping(own.p, own.q)
    own.routers["p"].kill()
    assert TAP not in space.run("ip", "link")
    assert own.ping(own.p, "172.16.1.1") and own.ping(own.p, own.q)
    own.routers["p"].start()
    own.wait_peers()
    own.wait_ping(own.p, own.r)
    assert own.routers["p"].stop() == 0
    assert net_of(space) == own.before


def test_a_bridge_that_is_there_is_used_and_stays():
    with Hybrids() as hybrids:
        space = hybrids.p.space
        space.bridge("br0")
        space.ip(f"address del 172.16.1.11/24 dev {NIC}")
        space.ip(f"link set {NIC} master br0")
        space.ip("address add 172.16.1.11/24 dev br0")
        space.ip("route add default via 172.16.1.1")
        before = net_of(space)
        hybrids.start()
        hybrids.wait_ping(hybrids.p, hybrids.q)
        hybrids.wait_ping(hybrids.p, hybrids.r)
        assert BRIDGE not in space.run("ip", "link")
        hybrids.routers["p"].stop()
        assert net_of(space) == before


def test_what_somebody_removes_is_made_again(own):
    space, router = own.p.space, own.routers["p"]
    own.wait_ping(own.p, own.r)
    counted = router.port_counters()
    space.ip(f"link delete {TAP}")
    wait_for(lambda: TAP in space.run("ip", "link"), 5, "the TAP device to be back")
    own.wait_ping(own.p, own.r)
    assert router.counts_on(counted)
    space.ip(f"link set {NIC} nomaster")
    wait_for(lambda: NIC in space.ports(BRIDGE), 5, "the NIC to be a port again")
    own.wait_ping(own.p, own.q)
    own.wait_ping(own.p, own.r)


def test_a_peer_that_comes_to_the_lan_is_reached_there():
    """q starts later: until then p's packets for it go nowhere, and then not by the overlay."""
    with Hybrids() as hybrids:
        hybrids.start()
        hybrids.wait_ping(hybrids.q, hybrids.r)
        hybrids.p.space.ip(f"neigh replace {hybrids.q.ip} lladdr {VIRTUAL_MAC} dev {BRIDGE} nud reachable")
        hybrids.wait_ping(hybrids.p, hybrids.q)
        # q speaks on the LAN: p's router tells p where it is.
        hybrids.q.space.run("arping", "-U", "-c", "1", "-I", BRIDGE, hybrids.q.ip, check=False)
        wait_for(lambda: hybrids.q.space.mac(BRIDGE) in
                 hybrids.p.space.ip(f"neigh show {hybrids.q.ip}"), 5, "p to know where q is")


def test_a_bridge_is_no_nic(own):
    router = own.routers["p"]
    assert all(row["model"] == "hybrid" for row in router.show("vr")["vns"])
    router.stop()
    router.conf["vns"][0]["device"] = "br9"
    own.p.space.bridge("br9")
    with pytest.raises(LabError, match="it is a bridge: name the NIC"):
        router.start()
    assert TAP not in own.p.space.run("ip", "link")


def test_another_address_by_a_reload(own):
    conf = own.routers["p"].conf["vns"][0]
    conf["addresses"] = ["10.9.0.111/24"]
    own.routers["p"].reload()
    addresses = own.p.space.ip(f"-4 address show dev {BRIDGE}")
    assert "10.9.0.111/24" in addresses and "10.9.0.11/24" not in addresses
    assert "172.16.1.11/24" in addresses
