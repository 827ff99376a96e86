"""A machine with a public address moves into a private LAN behind a NAT and home again: an Internet client that knows nothing,
and natives of both LANs, keep their connections to it; its home site goes on attracting its address."""
import os
import shutil
import time

import pytest

import inside
from lab.netns import Lab, wait_for
from moves import watch
from publics import CLIENT, NAT, UNDERLAY, PublicSubnets, Wires
from survive import Connection, Traffic

# A hypervisor that the machine has left repeats its RARP for so long: a return is doubted before.
APART = 1.2
# What may be lost of a stream of 1 kHz at a move beside the pause: until it is heard and acted upon.
STARTING_MS = 5


@pytest.fixture(scope="module", params=["bridge", "nic"])
def public(request):
    with Lab("public") as lab:
        yield PublicSubnets(lab, request.param).start()


@pytest.fixture
def vm(public):
    yield public.machine("a")
    public.retire()
    public.check()


def gateway_mac(public, vm):
    """Which MAC the public LAN's gateway has for the machine's address."""
    row = public.gw.ip(f"neigh show {vm.ip} dev lan0").split()
    return row[row.index("lladdr") + 1] if "lladdr" in row else None


def test_connections_survive_the_move_into_a_private_lan_and_home(public, vm):
    allowed = 0
    with Traffic(public, vm) as traffic, Wires(public, vm) as wires:
        for number in range(4):
            site = "ba"[number % 2]
            wait_for(lambda: time.monotonic() > vm.moved + APART, APART + 1, "the next move")
            vm.move(site)
            allowed += vm.paused_ms + STARTING_MS
            public.wait_owner(vm, site, asked=public.places)
            settled = time.time() - wires.epoch + 0.05
            traffic.must_go_on()
            wires.take().nothing_came_twice()
            # The Internet knows one way to the address, and it is the home site's; also for the answers.
            came, went = wires.outside("gw", settled)
            assert len(came) > 100 and len(went) > 100
            assert wires.outside("nat", 0) == ([], [])
        lost = {name: wires.missing(name) for name in traffic.hosts}
    print(f"lost of 1 kHz in 4 moves: {lost}, allowed {allowed:.0f}; drops "
          f"{[public.routers[site].drops() for site in 'ab']}")
    assert max(lost.values()) <= allowed
    assert [(row["from"], row["to"]) for row in public.records(vm, public.places)] == \
        [("a", "b"), ("b", "a")] * 2


def test_the_home_site_goes_on_attracting_the_address(public, vm):
    vm.move("b")
    public.wait_owner(vm, "b", asked=public.places)
    public.wait_ping("inet", vm)
    router = public.router_mac("a")
    wait_for(lambda: gateway_mac(public, vm) == router, 3, "the gateway to be told")
    # A gateway that has forgotten asks, and the router answers for the machine that is away.
    public.gw.ip("neigh flush dev lan0")
    public.wait_ping("inet", vm)
    assert gateway_mac(public, vm) == router
    vm.move("a")
    public.wait_owner(vm, "a", asked=public.places)
    public.wait_ping("inet", vm)
    wait_for(lambda: gateway_mac(public, vm) == vm.mac, 3, "the gateway to be told of the return")


def source_seen(public, vm, payload):
    """The source address with which a datagram of the machine's comes to the Internet's client."""
    with inside.udp(public.hosts["inet"], CLIENT) as receiver, \
            inside.udp(vm.space, vm.ip) as sender:
        sender.sendto(payload, receiver.getsockname())
        data, source = receiver.recvfrom(2000)
        assert data == payload
        receiver.sendto(data[::-1], source)
        assert sender.recv(2000) == payload[::-1]
        return source[0]


def test_new_connections_in_both_directions_while_it_is_away(public, vm):
    vm.move("b")
    public.wait_owner(vm, "b", asked=public.places)
    for host in public.hosts:
        with Connection(public.hosts[host], vm) as connection:
            connection.say()
    # It calls out with its own address, not with the NAT's.
    assert source_seen(public, vm, b"from behind the NAT") == vm.ip
    # Natives still leave their LAN by its NAT, and those of the public LAN by its gateway.
    for host in ("native_a", "native_b"):
        assert "1 received" in public.hosts[host].run("ping", "-c", "1", "-W", "2", CLIENT)


def test_natives_of_both_lans_talk_to_each_other(public, vm):
    one, other = public.hosts["native_a"], public.hosts["native_b"]
    with inside.udp(other, "192.168.7.10") as receiver, inside.udp(one, "203.0.113.10") as sender:
        sender.sendto(b"hello", receiver.getsockname())
        assert receiver.recvfrom(100) == (b"hello", sender.getsockname())


def test_what_the_routers_say_to_each_other_places_nobody(public, vm):
    """On the private LAN everything of the public one has the NAT's MAC, also the other router's records: whoever took them
    for that router's own words would say that its address has moved here, and cut off both."""
    router = public.routers["b"]
    device = "lan0" if public.lan == "nic" else "br0"
    nat = public.nat.mac("lan0")
    # The router starts with no memory, on a host that has long known its NAT and does not ask for it.
    router.stop()
    shutil.rmtree(f"{router.folder}/state")
    os.mkdir(f"{router.folder}/state")
    router.space.ip(f"neigh replace {NAT} lladdr {nat} dev {device} nud permanent")
    router.start()
    public.wait_peers()
    watch(lambda: all(public.owner(UNDERLAY["a"], site) in (None, "a") for site in "ab"), 1,
          "the other router is where it is")
    assert router.peers_up()
    router.space.ip(f"neigh del {NAT} dev {device}")
    public.wait_ping("native_b", vm)
