"""LISP sites behind a NAT: registered and reached through a router of ours that is RTR."""
import pytest
import sniff
from lab.netns import wait_for
from lisp_nat import FOREIGN_NET, FOREIGN_RLOC, KEEPALIVE, NatSites
from lisp_sites import CONTROL, DATA, ROUTER, is_control, is_data, source_port
from traffic import Connection, transfer


@pytest.fixture(scope="module", params=[False, True], ids=["port-restricted", "fully-random"])
def net(request):
    with NatSites(fully_random=request.param) as sites:
        for site in "acd":
            sites.host(site, 10)
        yield sites.start()


@pytest.fixture(scope="module")
def foreign(net):
    xtr = net.foreign()
    try:
        reply = xtr.ask()
        xtr.register(reply.rtrs[0])
        wait_for(lambda: xtr.notified, 3, "a Map-Notify")
        yield xtr
    finally:
        xtr.close()


def hosts(net):
    return (net.hosts[f"h{site}10"] for site in "acd")


# ---- a router of ours behind the NAT ----

def test_machines_of_the_network_and_behind_the_nat_ping_each_other(net):
    ha, hc, hd = hosts(net)
    for other in ha, hc:
        assert net.ping(hd, other)
        assert net.ping(other, hd)
        assert net.ping(other, hd, size=1300, whole=True) and net.ping(hd, other, size=1300, whole=True)


def test_tcp_arrives_whole_through_the_nat(net):
    ha, hc, hd = hosts(net)
    for one, other in ((ha, hd), (hd, ha), (hc, hd), (hd, hc)):
        transfer(one, other, 4 << 20)


def test_what_each_says_of_the_site(net):
    seen = net.behind(net.subnet("d"))
    assert seen["local"] == net.address("d") and seen["map_server"] == net.address("m")
    address, port = seen["seen"].split(":")
    # The port that the NAT shows for what goes from the data port to the RTR's control port.
    assert address == ROUTER and int(port) in net.translated(net.address("c"), CONTROL, net.address("d"), DATA)
    nat, = net.routers["d"].show("vr")["lisp"]["nat"]
    assert nat["state"] == "behind" and nat["rtr"] == net.address("c")
    assert nat["seen"].startswith(f"{ROUTER}:")
    assert net.registration("d", net.subnet("d"))["rtr"] == net.address("c")
    row, = [row for row in net.routers["m"].show("registrations") if row["prefix"] == net.subnet("d")]
    assert [locator["rloc"] for locator in row["locators"]] == [net.address("c")]
    assert row["behind"] == net.address("d") and row["etr"] == net.address("c") and row["proxy"]
    # A, a router of the network, has it from the map-server, and sends to C by their session.
    way = net.mapping("a", net.hosts["hd10"].ip)["locators"][0]
    assert (way["rloc"], way["way"], way["peer"]) == (net.address("c"), "sealed", "c")


def test_data_passes_between_the_ports_of_the_draft(net):
    _, hc, hd = hosts(net)
    with sniff.Sniffer(net.spaces["d"], "wan0") as wire:
        assert net.ping(hd, hc, 5)
        frames = wire.frames(lambda frame: frame.protocol == sniff.UDP and not frame.is_fragment)
    out = [frame for frame in frames if is_data(frame) and frame.ip_to == net.address("c")]
    back = [frame for frame in frames if is_data(frame) and frame.ip_from == net.address("c")]
    assert len(out) >= 5 and all(source_port(frame) == DATA for frame in out)
    assert len(back) >= 5 and all(source_port(frame) == CONTROL for frame in back)
    # All that the site speaks to is its RTR and its map-server.
    assert {frame.ip_to for frame in frames if frame.ip_from == net.address("d")} <= {net.address("c"), net.address("m")}
    assert all(frame.ip_to == net.address("m") or frame.ip_from == net.address("m") or frame.ip_to == net.address("c")
               for frame in frames if is_control(frame))


def test_a_rebinding_is_recovered_by_the_keepalive(net):
    ha, _, hd = hosts(net)
    before, rebound = net.behind(net.subnet("d"))["seen"], net.rtr_counts()["rebound"]
    with Connection(ha, hd) as connection:
        connection.exchange(64 << 10)
        net.rebind()
        wait_for(lambda: net.behind(net.subnet("d"))["seen"] != before, KEEPALIVE + 1, "the RTR to see the new port")
        assert net.rtr_counts()["rebound"] > rebound
        net.wait_ping(ha, hd, 2)
        connection.exchange(64 << 10)


# ---- one that is not ours ----

def test_a_foreign_xtr_is_told_how_it_is_seen(net, foreign):
    reply = foreign.ask()
    assert foreign.asked[4:12] == reply.nonce.to_bytes(8, "big")
    assert reply.etr == ROUTER
    assert reply.etr_port in net.translated(net.address("m"), CONTROL, FOREIGN_RLOC)
    assert (reply.ms, reply.ms_port, reply.private) == (net.address("m"), CONTROL, None)
    assert reply.rtrs == [net.address("c")] and reply.ttl > 0 and reply.mask == 24


def test_a_foreign_xtr_and_the_network_reach_each_other(net, foreign):
    ha, hc, hd = hosts(net)
    for other in ha, hc, hd:
        assert net.ping(foreign, other)
        assert net.ping(other, foreign)
        transfer(foreign, other, 1 << 20)
        transfer(other, foreign, 1 << 20)
    assert net.behind(FOREIGN_NET)["xtr_id"] == foreign.xtr_id.hex()
