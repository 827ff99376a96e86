"""OpenOverlayRouter behind a NAT, reached through a router of ours that is RTR."""
import os

import pytest
import sniff
from lab.netns import wait_for
from lisp_sites import CONTROL, DATA, ROUTER, is_control, is_data
from oor import PROGRAM
from oor_nat import REGISTER_S, SITE, OorNat
from traffic import Connection, Stream, transfer

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="openoverlayrouter is not installed")

CONFIRMED = "Map-Notify message confirms correct registration"
# A sealed session between A and C carries this much.
SEALED_SIZE = 1300


@pytest.fixture(scope="module", params=[False, True], ids=["port-restricted", "fully-random"])
def net(request):
    with OorNat(fully_random=request.param) as sites:
        for site in "acdo":
            sites.host(site, 10)
        with sniff.Sniffer(sites.spaces[SITE], "wan0") as wire:
            sites.start()
            sites.oor.wait_said(CONFIRMED)
            sites.first = wire.frames(is_control)
        yield sites


def hosts(net):
    return (net.hosts[f"h{site}10"] for site in "acdo")


def test_what_it_sends_is_of_an_early_draft(net):
    """The first word of the ECM, without R; the Map-Register within says P, I, R and M; two locators, of which the own one is
    said not to be reachable."""
    frame, = [frame for frame in net.first if frame.ip_to == net.address("c")]
    message = frame.body[8:]
    assert frame.body[:4] == DATA.to_bytes(2, "big") + CONTROL.to_bytes(2, "big")
    assert message[:4] == bytes.fromhex("80400000")
    register = message[32:]
    assert register[:4] == bytes.fromhex("3b000101")
    record = register[36:]
    assert record[4] == 2
    first, second = record[12 + 16:][:12], record[12 + 16 + 12:][:12]
    assert first[4:8] == bytes.fromhex("00010001") and second[4:8] == bytes.fromhex("00040001")
    assert bytes(first[8:]) == bytes([192, 0, 2, 3]) and bytes(second[8:]) == bytes(int(part) for part in
                                                                                  net.address(SITE).split("."))


def test_it_is_registered_by_its_rtr_alone(net):
    row = net.registered()
    assert [locator["rloc"] for locator in row["locators"]] == [net.address("c")]
    assert (row["behind"], row["etr"], row["proxy"]) == (net.address(SITE), net.address("c"), True)
    seen = net.behind(net.subnet(SITE))
    assert seen["local"] == net.address(SITE) and seen["xtr_id"] == row["xtr_id"]
    address, port = seen["seen"].split(":")
    assert address == ROUTER and int(port) in net.translated(net.address("c"), CONTROL, net.address(SITE), DATA)
    assert not net.oor.said("did not receive reply")


@pytest.mark.parametrize("site", "acd")
@pytest.mark.parametrize("size", [56, SEALED_SIZE])
def test_hosts_reach_each_other(net, site, size):
    """A is a peer of the RTR, C the RTR itself, D a router of ours behind the same NAT."""
    one, other = net.hosts[f"h{site}10"], net.hosts["ho10"]
    assert net.ping(one, other, 20, size, whole=True)
    assert net.ping(other, one, 20, size, whole=True)


@pytest.mark.parametrize("site", "acd")
def test_tcp_arrives_whole(net, site):
    ho = net.hosts["ho10"]
    transfer(net.hosts[f"h{site}10"], ho, 4 << 20)
    transfer(ho, net.hosts[f"h{site}10"], 4 << 20)


def test_data_passes_by_the_rtr(net):
    _, hc, _, ho = hosts(net)
    with sniff.Sniffer(net.spaces[SITE], "wan0") as wire:
        assert net.ping(ho, hc, 5)
        frames = wire.frames(is_data)
    out = [frame for frame in frames if frame.ip_from == net.address(SITE)]
    back = [frame for frame in frames if frame.ip_to == net.address(SITE)]
    assert len(out) >= 5 and {frame.ip_to for frame in out} == {net.address("c")}
    assert len(back) >= 5 and {(frame.ip_from, int.from_bytes(frame.body[:2], "big")) for frame in back} == \
        {(net.address("c"), CONTROL)}


def test_a_rebinding_is_recovered_by_its_next_map_register(net):
    """No later than one of its intervals. What the site sends goes on to arrive meanwhile."""
    ha, _, _, ho = hosts(net)
    before, rebound = net.behind(net.subnet(SITE))["seen"], net.rtr_counts()["rebound"]
    with Connection(ha, ho) as connection:
        connection.exchange(64 << 10)
        net.rebind()
        with Stream(ho, ha, hertz=50) as stream:
            stream.wait_received(20)
        wait_for(lambda: net.behind(net.subnet(SITE))["seen"] != before, REGISTER_S + 5, "the RTR to see the new port")
        assert net.rtr_counts()["rebound"] > rebound
        net.wait_ping(ha, ho, 2)
        connection.exchange(64 << 10)


def test_one_that_starts_anew_is_reached_again(net):
    ha, _, _, ho = hosts(net)
    told = len(net.oor.said(CONFIRMED))
    net.oor.end()
    net.oor.start()
    net.oor.wait_said(CONFIRMED, more_than=told)
    net.wait_ping(ho, ha)
    net.wait_ping(ha, ho)


def test_nothing_was_refused(net):
    assert all(net.rtr_counts()[name] == 0 for name in ("malformed", "no_xtr_id", "server_unknown", "ambiguous"))
    counts = net.counts("m", "map_server")
    assert (counts["auth_failed"], counts["key_unknown"], counts["malformed"], counts["replayed"]) == (0, 0, 0, 0)


def test_by_default_an_rtr_does_not_take_it():
    with OorNat(old_drafts=False, names="acdm") as sites:
        sites.start()
        sites.oor.wait_said("Sent Encap Map-Register retry")
        assert sites.behind(sites.subnet(SITE)) is None and sites.registered() is None
        assert not sites.oor.said(CONFIRMED)
        # The others are not harmed.
        assert sites.behind(sites.subnet("d"))
