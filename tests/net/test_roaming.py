"""A router whose underlay address changes in mid-flow: what goes on, and how soon."""
import time

import pytest
from lab.netns import wait_for
from roam import LIMIT_MS, NEW, OLD, PORT, TRIES, Change, Load, Roaming, restored


@pytest.fixture(scope="module", params=[0, 20], ids="{}ms".format)
def net(request):
    with Roaming(delay_ms=request.param) as sites:
        yield sites.start()


def use(net, prefix, host):
    """Lines that give A this address and the default route that belongs to it, and nothing else."""
    return ["address flush dev wan0", f"address add {prefix}.{host}/24 dev wan0",
            f"route replace default via {prefix}.254 dev wan0"]


@pytest.fixture(autouse=True)
def at_home(net):
    """Each test starts from the first address."""
    Change(net.spaces["a"]).make("link set wan0 up", *use(net, OLD, 1))
    wait_for(lambda: net.endpoint_of_a() == f"{OLD}.1:{PORT}", 8, "A to be at home")
    net.wait_ping(net.hb, net.ha)


def promised(net):
    return 2 * net.delay_ms + LIMIT_MS


def test_an_address_that_is_replaced_costs_a_round_trip(net):
    roams = net.peer("b", "a")["roams"]
    with Load(net) as load:
        restored(load, [lambda host=host: Change(net.spaces["a"]).make(*use(net, OLD, host))
                        for host in range(11, 11 + TRIES)], promised(net))
        assert net.endpoint_of_a().startswith(f"{OLD}.1")
    assert net.peer("b", "a")["roams"] > roams
    assert net.peer("b", "a")["handshakes"] == net.peer("b", "a")["rekeys"] + 1


def test_a_lease_in_another_subnet_costs_a_round_trip(net):
    with Load(net) as load:
        restored(load, [lambda to=to: Change(net.spaces["a"]).make(*use(net, *to))
                        for to in ((NEW, 7), (OLD, 7), (NEW, 8), (OLD, 8), (NEW, 9))], promised(net))


def test_an_interface_that_comes_up_again_costs_a_round_trip(net):
    def turn():
        before = net.drops("a", "send")
        Change(net.spaces["a"]).make("link set wan0 down")
        wait_for(lambda: net.drops("a", "send") > before, 3, "A to be cut off")
        return Change(net.spaces["a"]).make("link set wan0 up", *use(net, OLD, 1))
    with Load(net) as load:
        restored(load, [turn] * TRIES, promised(net))


def test_a_site_that_only_listens_is_found_at_its_new_address(net):
    """Nobody at A says anything: its router does."""
    with Load(net, quiet=True) as load:
        restored(load, [lambda host=host: Change(net.spaces["a"]).make(*use(net, OLD, host))
                        for host in range(21, 21 + TRIES)], promised(net))


def test_without_keys_the_peer_is_called_when_there_is_a_way():
    """A starts without any address: when it has one it does not wait for its next try."""
    with Roaming() as net:
        space = net.spaces["a"]
        net.underlay.start()
        space.ip("address flush dev wan0")
        for router in net.routers.values():
            router.start()
        # Tries are seconds apart by then.
        wait_for(lambda: net.routers["a"].drops().get("send", 0) >= 6, 15, "some tries")
        moment = Change(space).make(*use(net, OLD, 1))
        wait_for(lambda: net.peer("a", "b")["session"], 5, "keys", 0.005)
        took = (time.monotonic() - moment) * 1000
        print(f"keys after {took:.0f} ms")
        assert took < 500


def test_routes_and_devices_that_concern_no_peer_make_nobody_say_anything(net):
    space = net.spaces["a"]
    net.wait_mtu("a", "b")
    space.ip("link add other0 type veth peer name other1")
    try:
        before = net.peer("a", "b")["tx_records"]
        Change(space).make("link set other0 up", "link set other1 up",
                           *[f"route add 10.99.{i}.0/24 dev other0" for i in range(20)])
        said = net.peer("a", "b")["tx_records"] - before
        Change(space).make("route add 192.0.2.2/32 via 203.0.113.254 dev wan0")
        wait_for(lambda: net.peer("a", "b")["tx_records"] > before + said, 2, "a route to B to matter")
    finally:
        space.ip("link del other0")
        space.ip("route del 192.0.2.2/32")
    # A hello may fall into that time.
    assert said <= 1
