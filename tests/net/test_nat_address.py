"""A router behind a NAT whose own address changes, or whose interface comes up again, in mid-flow: as soon as it sees that, its peer
is reached again, whichever way is used."""
from types import SimpleNamespace

import pytest
from lab.natnet import PORT, WAN, NatNet
from lab.netns import Lab, wait_for
from nat_paths import DIRECT, PUNCHED, RELAYED, wait_path
from relays import only_udp
from roam import LIMIT_MS, TRIES, Change, Load, restored

DELAY_MS = 10
# x and y; the path; how often what one sends to the other crosses the Internet; and the round trip that is promised. Where y's NAT
# lets in nobody from another port, the one way that is left is the relay.
CASES = [("apdm-apdf", "apdm-apdf", RELAYED, 2, 4), ("eim-apdf", "eim-adf", PUNCHED, 1, 2),
         ("eim-apdf", "eim-apdf", PUNCHED, 1, 4), ("eim-apdf", "none", DIRECT, 1, 2)]
# By which address it is reached at first.
FIRST = 2


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[2]}-{case[1]}")
def net(request):
    x, y, path, times, round_trip = request.param

    def configure(name, conf):
        only_udp(name, conf)
        # So that no hello says by chance where x is.
        conf["sync"] = {"hello_ms": 3000, "dead_ms": 12000}
        if name == "x":
            conf["listen"] = f"0.0.0.0:{PORT}"
    with Lab("address") as lab:
        made = NatNet(lab, x, y, configure=configure, delay_ms=DELAY_MS)
        made.path, made.one_way_ms, made.promised_ms = path, times * DELAY_MS, round_trip * DELAY_MS + LIMIT_MS
        wait_path(made.start().wait_ping(), path)
        yield made


def load_of(net):
    """The traffic between the two machines."""
    return Load(SimpleNamespace(lab=net.lab, ha=net.x.host, hb=net.y.host, delay_ms=net.one_way_ms))


def session(net):
    row = net.y.peer("x")
    return row["handshakes"] - row["rekeys"]


def test_another_address_behind_the_nat_costs_a_round_trip(net):
    before = session(net)

    def turn(number):
        wait_path(net, net.path)
        change = Change(net.x.space)
        return change.make(*net.x.readdress(number))
    with load_of(net) as load:
        restored(load, [lambda to=FIRST + i: turn(to) for i in range(1, TRIES + 1)], net.promised_ms)
        wait_path(net, net.path)
    assert session(net) == before


def test_an_interface_behind_the_nat_that_comes_up_again_costs_a_round_trip(net):
    before = session(net)
    up = ["link set wan0 up", f"route replace default via {net.x.address.rpartition('.')[0]}.1 dev {WAN}"]

    def turn():
        wait_path(net, net.path)
        lost = net.x.router.drops().get("send", 0)
        Change(net.x.space).make("link set wan0 down")
        wait_for(lambda: net.x.router.drops().get("send", 0) > lost, 3, "x to be cut off")
        return Change(net.x.space).make(*up)
    with load_of(net) as load:
        restored(load, [turn] * TRIES, net.promised_ms)
        wait_path(net, net.path)
    assert session(net) == before
