"""OpenOverlayRouter, which nobody here has written, and routers of ours: as xTR at our map-server, as map-server of ours, and
beside a machine that moves."""
import itertools
import os
import re
import time

import pytest
import sniff
from lab import tools
from lab.capture import Capture, packed
from lab.netns import run, wait_for
from lisp_sites import CONTROL, DATA, inner, is_control, is_data
from oor import PROGRAM, SERVER, OorServer, OorSites
from sites import VN, mac_bytes
from traffic import CHUNK, Connection, Stream, transfer

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="openoverlayrouter is not installed")

# OOR's TUN device has this MTU.
TUN_MTU = 1440
MAP_REGISTER, MAP_NOTIFY = 3, 4
MOVES = 4
# From the machine's first frame at its new site to OOR's first packet there: an SMR, a question and an answer.
FOLLOWED_S = 0.5


def warm(net, one, other):
    """OOR drops what comes before it has an answer."""
    net.wait_ping(one, other)
    net.wait_ping(other, one)


def data_from(net, name, to):
    return lambda frame: is_data(frame) and frame.ip_from == net.address(name) and frame.ip_to == net.address(to)


def message(frame):
    return frame.body[8:]


@pytest.fixture(scope="module", params=["on", "off"], ids=["proxy-reply", "etr-replies"])
def net(request):
    """'off': Map-Requests for its EIDs go on to OOR, which answers them."""
    with OorSites(oor={"proxy": request.param}) as sites:
        sites.proxy = request.param == "on"
        sites.ha, sites.hb, sites.ho, sites.hp = (sites.host(name, 10) for name in "abop")
        sites.start()
        for one, other in itertools.combinations((sites.ha, sites.hb, sites.ho, sites.hp), 2):
            warm(sites, one, other)
        yield sites


# ---- OOR as xTR ----

def test_it_is_registered_and_told(net):
    for name, oor in net.oors.items():
        row = net.here(name)
        assert [locator["rloc"] for locator in row["locators"]] == [net.address(name)]
        assert (row["etr"], row["proxy"], row["xtr_id"]) == (net.address(name), net.proxy, None)
        oor.wait_said("Map-Notify message confirms correct registration")
    counts = net.counts("m", "map_server")
    assert (counts["auth_failed"], counts["key_unknown"], counts["malformed"]) == (0, 0, 0)
    assert (counts["forwarded"] > 0) == (not net.proxy)


def test_each_finds_the_other(net):
    for name in "ab":
        for host in net.ho, net.hp:
            assert net.locators(name, host.ip) == [net.address(host.site)]
            assert net.mapping(name, host.ip)["authoritative"] != net.proxy


@pytest.mark.parametrize("pair", ["oa", "ob", "pa", "op"])
@pytest.mark.parametrize("size", [0, 56, TUN_MTU - 28])
def test_hosts_reach_each_other(net, pair, size):
    one, other = (net.hosts[f"h{name}10"] for name in pair)
    assert net.ping(one, other, 20, size, whole=True)
    assert net.ping(other, one, 20, size, whole=True)


def test_data_is_plain_lisp_of_the_network(net):
    with sniff.Sniffer(net.spaces["a"], "wan0") as wire:
        assert net.ping(net.ho, net.ha, 5)
        for one, other in (("o", "a"), ("a", "o")):
            seen = wire.frames(data_from(net, one, other))
            assert len(seen) == 5
            # The I bit, and the Instance-ID.
            assert all(message(frame)[0] & 8 and message(frame)[4:7] == VN.to_bytes(3, "big") for frame in seen)
            assert {inner(frame).ip_from for frame in seen} == {net.hosts[f"h{one}10"].ip}


@pytest.mark.parametrize("pair", ["oa", "ao", "bo", "op"])
def test_tcp_arrives_whole(net, pair):
    transfer(*(net.hosts[f"h{name}10"] for name in pair), 4 << 20)


@pytest.mark.parametrize("pair", ["oa", "ao", "op"])
def test_a_file_is_fetched(net, pair):
    client, server = (net.hosts[f"h{name}10"] for name in pair)
    folder = net.lab.path(f"www-{pair}")
    run("mkdir", folder)
    with open(f"{folder}/file", "wb") as file:
        file.write(CHUNK)
    process = server.space.popen("/usr/bin/python3", "-m", "http.server", "-d", folder, "-b", "0.0.0.0", "8080",
                                 stdout=-3, stderr=-3)
    try:
        wait_for(lambda: ":8080" in server.space.run("ss", "-Hltn"), 10, "the server")
        client.space.run("curl", "-sS", "--fail", "-o", f"{folder}/got", f"http://{server.ip}:8080/file")
        with open(f"{folder}/got", "rb") as file:
            assert file.read() == CHUNK
    finally:
        net.lab.end(process)


@pytest.mark.parametrize("pair", ["oa", "ao"])
def test_a_flow_is_measured(net, pair):
    """Both ends are iperf3, which checks nothing; that the bytes are right is shown above."""
    client, server = (net.hosts[f"h{name}10"] for name in pair)
    process = server.space.popen("iperf3", "-s", "-1", "-B", server.ip, stdout=-3, stderr=-3)
    try:
        wait_for(lambda: ":5201" in server.space.run("ss", "-Hltn"), 10, "iperf3")
        text = client.space.run("iperf3", "-c", server.ip, "-t", "2", "-f", "m")
        rate = float(re.search(r"([\d.]+) Mbits/sec\s+receiver", text)[1])
        print(f"{client.name} to {server.name}: {rate} Mb/s")
        assert rate > 1
    finally:
        net.lab.end(process)


def test_authentication_is_as_it_does_it():
    """Key ID 0 and Algorithm ID 1, 20 bytes, the P bit; answered in kind."""
    with OorSites(names="m", oors="o") as sites:
        with sniff.Sniffer(sites.spaces["m"], "wan0") as wire:
            sites.start()
            seen = {}
            for kind, way in ((MAP_REGISTER, "ip_from"), (MAP_NOTIFY, "ip_to")):
                seen[kind] = message(wire.wait(lambda frame, kind=kind, way=way: is_control(frame) and
                                               message(frame)[0] >> 4 == kind and
                                               getattr(frame, way) == sites.address("o")))
            assert seen[MAP_REGISTER][0] & 8
            assert all(text[12:16] == bytes.fromhex("00010014") for text in seen.values())
            assert seen[MAP_REGISTER][4:12] == seen[MAP_NOTIFY][4:12]


@pytest.mark.parametrize("what,counter", [("another secret", "auth_failed"), ("cut", "key_unknown"), ("key id", "key_unknown")])
def test_what_does_not_fit_is_refused_and_counted(what, counter):
    def change(name, conf):
        key = next(key for key in conf["lisp"]["keys"] if key["name"] == "site-o")
        key.update({"cut": {"full_length": False}, "key id": {"id": 1}}.get(what, {}))
    with OorSites(names="m", oors="o", change=change,
                  oor={"secret": "another"} if what == "another secret" else {}) as sites:
        sites.wait_here = lambda name: None
        sites.start()
        wait_for(lambda: sites.counts("m", "map_server")[counter] > 1, 10, "the refusal to be counted")
        assert sites.here("o") is None
        assert not sites.oors["o"].said("confirms correct registration")


def test_one_that_starts_anew_is_registered_again():
    with OorSites(names="am", oors="o") as sites:
        ha, ho = sites.host("a", 10), sites.host("o", 10)
        sites.start()
        warm(sites, ho, ha)
        for _ in range(4):
            before = sites.counts("m", "map_server")["registers"]
            oor = sites.oors["o"]
            told = len(oor.said("confirms correct registration"))
            oor.end()
            oor.start()
            oor.wait_said("confirms correct registration", more_than=told)
            assert sites.counts("m", "map_server")["registers"] > before
            warm(sites, ho, ha)
            assert sites.ping(ha, ho, 10)
        assert sites.counts("m", "map_server")["replayed"] == 0


def test_locators_are_probed_both_ways():
    def change(name, conf):
        if name == "a":
            conf["lisp"]["probe_s"] = 1
    with OorSites(names="am", oors="o", oor={"probe_s": 2}, change=change) as sites:
        ha, ho = sites.host("a", 10), sites.host("o", 10)
        sites.start()
        warm(sites, ho, ha)
        oor = sites.oors["o"]
        with sniff.Sniffer(sites.spaces["a"], "wan0") as wire:
            oor.wait_said(f"Successfully probed RLOC {sites.address('a')}", more_than=1)
            asked = wire.wait(lambda frame: frame.ip_from == sites.address("o") and frame.port_to() == CONTROL and
                              message(frame)[0] >> 4 == 1)
            # Its source EID is none.
            assert message(asked)[0] & 2 and message(asked)[12:14] == b"\0\0"
            wait_for(lambda: sites.mapping("a", ho.ip)["locators"][0]["rtt_us"], 5, "an answer to a probe of ours")
        assert sites.mapping("a", ho.ip)["locators"][0]["state"] == "up"
        counts = sites.counts("a")
        assert counts["probes_answered"] > 1 and counts["malformed"] == 0
        # A is away: each finds out. A is back: so is what goes there.
        sites.spaces["a"].run("nft", "add table ip cut; add chain ip cut in { type filter hook input priority 0; };"
                              "add rule ip cut in iifname wan0 udp dport 4342 drop")
        oor.wait_said("Locator state changes to DOWN", timeout=20)
        wait_for(lambda: sites.mapping("a", ho.ip)["locators"][0]["state"] == "silent", 10, "A to find O silent")
        sites.spaces["a"].run("nft", "delete table ip cut")
        oor.wait_said("state changed to UP", timeout=20)
        wait_for(lambda: sites.mapping("a", ho.ip)["locators"][0]["state"] == "up", 10, "A to find O again")
        warm(sites, ho, ha)


# ---- OOR as map-server and map-resolver ----

@pytest.fixture(scope="module", params=[(True, True), (False, True), (True, False)],
                ids=["ids", "no-ids", "etr-replies"])
def served(request):
    ids, proxy = request.param
    with OorServer(ids=ids, proxy=proxy) as sites:
        sites.ha, sites.hd = sites.host("a", 10), sites.host("d", 10)
        sites.start()
        yield sites


def test_it_acknowledges_registrations(served):
    for name in "ad":
        assert served.is_registered(name)
        assert served.counts(name)["registered"] > 0 and served.counts(name)["auth_failed"] == 0
    assert served.oor.said(f"Map-Register.*IP: {served.address('a')}")


def test_what_it_resolves_is_reached(served):
    warm(served, served.ha, served.hd)
    for one, other in itertools.permutations((served.ha, served.hd), 2):
        assert served.locators(one.site, other.ip) == [served.address(other.site)]
        assert served.ping(one, other, 20, 1000, whole=True)
    transfer(served.ha, served.hd, 4 << 20)


def test_registrations_are_refreshed(served):
    before = served.counts("a")["registered"]
    wait_for(lambda: served.counts("a")["registered"] > before + 1, 15, "two more Map-Notifies")


@pytest.mark.parametrize("eid", ["10.4.0.10", "10.9.9.9"])
def test_lig_has_its_answers(served, eid):
    text = served.spaces["a"].run(tools.built("vrctl"), "-s", served.routers["a"].conf["control_socket"],
                                  "lig", eid, "--vn", str(VN), check=False)
    rows = [row.split() for row in text.splitlines() if "/" in row.split()[0]]
    if eid.startswith("10.4."):
        row, = rows
        assert (row[0], served.address("d") in row) == (served.subnet("d"), True)
        assert served.proxy == (f"an answer of {served.address(SERVER)}:{CONTROL}" in text)
    else:
        row, = rows
        assert row[1] in ("no-action", "native-forward") and served.address("d") not in text


# ---- a machine that moves ----

class Watch:
    """What a site's router hears of the machine on its LAN, and of OOR on the underlay."""

    def __init__(self, net, name, epoch):
        self.net, self.found = net, []
        self.capture = Capture(net.spaces[name], ["wan0", "br0"], epoch)

    def take(self):
        self.capture.flush()
        self.found += self.capture.finish_flush()
        return self

    def heard(self, host, after):
        """When the machine first spoke here."""
        mac = mac_bytes(host.mac)
        return next(frame.time for frame in self.found
                    if frame.port == "br0" and frame.source == mac and frame.time > after)

    def data(self, after=0):
        """Times of OOR's data packets to this router."""
        return [frame.time for frame in self.found if frame.port == "wan0" and not frame.outbound and frame.udp_to == DATA and
                frame.ip_from == packed(self.net.address("o")) and frame.time > after]


def test_a_machine_that_moves_is_followed():
    with OorSites(oors="o") as sites:
        ha, ho = sites.host("a", 10), sites.host("o", 10)
        sites.start()
        warm(sites, ho, ha)
        epoch = time.time()
        sites_of = {name: Watch(sites, name, epoch) for name in "ab"}
        times, lost = [], []
        with Connection(ho, ha) as connection:
            connection.exchange()
            for site in "ba" * (MOVES // 2):
                old = sites_of[ha.site]
                with Stream(ho, ha, hertz=500) as stream:
                    stream.wait_received(50)
                    start = time.time() - epoch
                    ha.move(site)
                    ha.rarp()
                    stream.wait_received(1000)
                lost.append(stream.lost())
                assert stream.duplicated() == 0
                there = sites_of[site].take()
                moved = there.heard(ha, start)
                times.append(there.data(moved)[0] - moved)
                last = max(old.take().data(start))
                assert last < moved + FOLLOWED_S and len(there.data(moved)) > 500
                connection.exchange()
                # All of that went to where the machine is.
                assert max(old.take().data(start)) == last
        print(f"the machine's first frame at its new site to OOR's first packet there: {[f'{1000 * time:.1f} ms' for time in times]}; "
              f"lost of 500 in a second: {lost}")
        assert max(times) < FOLLOWED_S
