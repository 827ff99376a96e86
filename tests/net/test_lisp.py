"""A plain LISP site, and routers of ours that speak plain LISP to it: what they say to the map-server and on the wire."""
import itertools
import socket

import inside
import pytest
import sniff
from lab.netns import run, wait_for
from lisp_sites import (CONTROL, DATA, OTHER_VN, LispSites, forged, inner, is_control, is_data,
                        outer_checksum, source_port)
from sites import PORT, VN
from test_lisp_dissect import FAULTS, complaints, dissect
from traffic import CHUNK, Connection, Stream, super_frame, transfer

UNDERLAY_MTU = 1500
OVERHEAD = 20 + 8 + 8
INNER_MTU = UNDERLAY_MTU - OVERHEAD
POOL = 16


@pytest.fixture(scope="module")
def net():
    with LispSites() as sites:
        sites.ha, sites.hb, sites.hd = (sites.host(name, 10) for name in "abd")
        sites.start()
        for one, other in itertools.permutations((sites.ha, sites.hb, sites.hd), 2):
            sites.wait_ping(one, other)
        yield sites


def said_to(host, address, *more):
    """What ping(8) prints, also when nothing comes back."""
    return run("ip", "netns", "exec", host.space.full, "ping", "-n", "-c", "1", "-W", "2", *more,
               address, check=False)


def data_to(net, name):
    """Data packets to a site's locator."""
    return lambda frame: is_data(frame) and frame.ip_to == net.address(name)


# ---- registrations ----

def test_every_site_is_registered_and_found(net):
    for name in net.xtrs:
        assert net.is_registered(name)
        row, = [row for row in net.routers["m"].show("registrations")
                if row["kind"] == "here" and row["prefix"] == net.subnet(name)]
        assert [locator["rloc"] for locator in row["locators"]] == [net.address(name)]
    assert net.locators("a", net.hd.ip) == [net.address("d")]
    assert net.locators("d", net.ha.ip) == [net.address("a")]


def test_routers_of_ours_need_no_mapping_of_each_other(net):
    assert net.ping(net.ha, net.hb)
    assert net.mapping("a", net.hb.ip) is None and net.mapping("b", net.ha.ip) is None


def test_a_plain_site_has_no_session_with_anybody(net):
    assert net.routers["d"].show("peers") == []
    with sniff.Sniffer(net.spaces["d"], "wan0") as seen:
        assert net.ping(net.hd, net.ha, 5) and net.ping(net.hd, net.hb, 5)
        frames = seen.frames(lambda frame: frame.protocol == sniff.UDP)
        assert sum(map(is_data, frames)) == 20
        assert all(is_data(frame) or is_control(frame) for frame in frames)


@pytest.mark.parametrize("to", ["a", "d"])
def test_no_packet_of_a_cold_flow_is_lost(to):
    with LispSites(names="adm", delay_ms=20) as sites:
        hosts = {name: sites.host(name, 10) for name in "ad"}
        source, target = hosts["d" if to == "a" else "a"], hosts[to]
        sites.start()
        # Only the mapping is cold. A kernel that has just resolved a neighbour may send the next packet before those that waited.
        sites.spaces[source.site].run("ping", "-c1", "-W1", sites.rloc(target.site))
        source.space.run("ping", "-c1", "-W1", sites.gateway(source.site))
        assert sites.mapping(source.site, target.ip) is None
        # What is behind the first packet waits with it; so does what comes back.
        with Stream(source, target) as stream:
            stream.wait_received(500)
        assert stream.lost() == 0 and stream.duplicated() == 0 and stream.reordered() == 0
        assert stream.sent > 0 and sites.counts(source.site)["requests"] == 1


def test_a_map_server_may_be_a_router_of_a_site():
    with LispSites(names="abd", server="b") as sites:
        ha, hb, hd = (sites.host(name, 10) for name in "abd")
        sites.start()
        sites.wait_ping(hd, ha)
        for one, other in itertools.permutations((ha, hb, hd), 2):
            assert sites.ping(one, other)


# ---- a packet's way ----

@pytest.mark.parametrize("size", [0, 1, 56, 1000, INNER_MTU - 28])
def test_hosts_reach_each_other(net, size):
    for one, other in ((net.ha, net.hd), (net.hd, net.ha), (net.hb, net.hd)):
        assert net.ping(one, other, 5, size, whole=True)


@pytest.mark.parametrize("one,other", ["ad", "da", "db"])
def test_tcp_arrives_whole(net, one, other):
    transfer(net.hosts[f"h{one}10"], net.hosts[f"h{other}10"], 4 << 20)


def test_a_file_is_fetched(net):
    folder = net.lab.path("www")
    run("mkdir", "-p", folder)
    with open(f"{folder}/file", "wb") as file:
        file.write(CHUNK)
    server = net.ha.space.popen("/usr/bin/python3", "-m", "http.server", "-d", folder, "-b", net.ha.ip,
                                "8080", stdout=-3, stderr=-3)
    try:
        wait_for(lambda: ":8080" in net.ha.space.run("ss", "-Hltn"), 10, "the server")
        net.hd.space.run("curl", "-sS", "--fail", "-o", f"{folder}/got", f"http://{net.ha.ip}:8080/file")
        with open(f"{folder}/got", "rb") as file:
            assert file.read() == CHUNK
    finally:
        net.lab.end(server)


def test_the_mss_of_both_directions_fits_the_path(net):
    def syn_to(address):
        return lambda frame: frame.is_syn() and frame.ip_to == address
    with sniff.Sniffer(net.ha.space, "eth0") as left, sniff.Sniffer(net.hd.space, "eth0") as right, \
            Connection(net.ha, net.hd):
        assert right.wait(syn_to(net.hd.ip)).mss() == INNER_MTU - 40
        assert left.wait(syn_to(net.ha.ip)).mss() == INNER_MTU - 40


def test_super_frames_are_cut_for_the_wire_and_coalesced_behind_it(net):
    with sniff.Sniffer(net.spaces["a"], "wan0") as wire, sniff.Sniffer(net.hd.space, "eth0") as lan, \
            Connection(net.ha, net.hd) as connection:
        connection.exchange(8 << 20)
        packets = wire.frames(data_to(net, "d"))
        assert packets and all(len(packet.ip) <= UNDERLAY_MTU for packet in packets if not packet.outgoing)
        large = lan.frames(lambda frame: frame.protocol == sniff.TCP and frame.ip_to == net.hd.ip
                           and len(frame.ip) > INNER_MTU)
        assert large, "nothing was coalesced"


@pytest.mark.parametrize("count,size", [(2, 1000), (40, 1200), (44, INNER_MTU - 28), (64, 100)])
def test_udp_super_frames_arrive_datagram_by_datagram_in_order(net, count, size):
    for source, target in ((net.ha, net.hd), (net.hd, net.ha)):
        sent, received = super_frame(source, target, count, size)
        assert sent == received


@pytest.mark.parametrize("size", [INNER_MTU - 28 + 1, 1472, 4000, 20000])
def test_what_may_be_fragmented_arrives_whole(net, size):
    with inside.udp(net.hd.space, net.hd.ip) as receiver, inside.udp(net.ha.space) as sender, \
            sniff.Sniffer(net.hd.space, "eth0") as seen, sniff.Sniffer(net.spaces["a"], "wan0") as wire:
        sender.setsockopt(socket.IPPROTO_IP, 10, 0)
        sender.sendto(CHUNK[:size], receiver.getsockname())
        assert receiver.recv(65536) == CHUNK[:size]
        pieces = seen.frames(lambda frame: frame.protocol == sniff.UDP)
        assert len(pieces) > 1 and all(piece.sums_are_right() for piece in pieces)
        assert all(len(piece.ip) <= INNER_MTU for piece in pieces)
        # The outer packets are no fragments, and all of a datagram have one way.
        outer = wire.frames(lambda frame: frame.ip_to == net.address("d") and frame.protocol == sniff.UDP)
        assert len({source_port(frame) for frame in outer if is_data(frame)}) == 1
        assert not any(frame.is_fragment and frame.ip[6] & 0x20 for frame in outer)


# ---- paths ----

def test_a_packet_too_big_is_answered_by_the_gateway_with_the_mtu(net):
    text = said_to(net.ha, net.hd.ip, "-M", "do", "-s", str(INNER_MTU - 28 + 1))
    assert f"From {net.gateway('a')} " in text and f"(mtu = {INNER_MTU})" in text, text
    net.ha.space.ip("route flush cache")


def test_a_narrow_path_is_learned_and_told():
    narrow = 1300
    with LispSites(names="adm") as sites:
        ha, hd = sites.host("a", 10), sites.host("d", 10)
        sites.start()
        sites.wait_ping(hd, ha)
        with Connection(ha, hd) as connection:
            connection.exchange()
            sites.narrow(narrow)
            # Segments as large as before do not arrive, until the sender has heard of it.
            connection.exchange()
            with Connection(ha, hd) as later:
                later.exchange()
                assert later.mss()[0] <= narrow - OVERHEAD - 40
        ha.space.ip("route flush cache")
        text = said_to(ha, hd.ip, "-M", "do", "-s", str(1400))
        assert f"(mtu = {narrow - OVERHEAD})" in text, text
        ha.space.ip("route flush cache")
        assert sites.ping(ha, hd, 1, narrow - OVERHEAD - 28, whole=True)
        sent, received = super_frame(ha, hd, 20, 1200)
        assert sent == received


def test_the_gateway_answers_when_the_hops_are_used_up(net):
    text = said_to(net.hd, net.ha.ip, "-t", "1")
    assert f"From {net.gateway('d')} " in text and "Time to live exceeded" in text, text


def test_hops_of_the_underlay_count(net):
    """The inner TTL goes out with the packet, and what R took of it is taken from the inner one."""
    with sniff.Sniffer(net.ha.space, "eth0") as lan, sniff.Sniffer(net.spaces["d"], "wan0") as wire:
        assert net.ping(net.hd, net.ha, 1, ttl=40)
        assert wire.wait(lambda frame: is_data(frame) and frame.ip_to == net.address("a")).ttl == 39
        assert lan.wait(lambda frame: frame.protocol == sniff.ICMP and frame.ip_to == net.ha.ip).ttl == 38


@pytest.mark.parametrize("tos", [0x00, 0xb8, 0xb9, 0xba, 0xbb])
def test_dscp_and_ecn_go_out_with_the_packet(net, tos):
    with sniff.Sniffer(net.spaces["a"], "wan0") as wire, sniff.Sniffer(net.hd.space, "eth0") as lan:
        with inside.udp(net.ha.space) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            sender.sendto(b"marked", (net.hd.ip, 9))
        assert wire.wait(data_to(net, "d")).ip[1] == tos
        assert lan.wait(lambda frame: frame.protocol == sniff.UDP and frame.ip_to == net.hd.ip).ip[1] == tos


def test_congestion_on_the_underlay_reaches_the_host(net):
    net.transit.run("nft", "add table ip jam; add chain ip jam out { type filter hook forward priority 0; };"
                    "add rule ip jam out udp dport 4341 ip ecn set ce")
    try:
        with sniff.Sniffer(net.hd.space, "eth0") as lan, inside.udp(net.ha.space) as sender:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x02)
            sender.sendto(b"capable", (net.hd.ip, 9))
            assert lan.wait(lambda frame: frame.protocol == sniff.UDP and frame.ip_to == net.hd.ip).ip[1] == 3
            before = net.drops("d", "lisp-congested")
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0)
            sender.sendto(b"not capable", (net.hd.ip, 9))
            net.wait_drops("d", "lisp-congested", before + 1)
    finally:
        net.transit.run("nft", "delete table ip jam")


# ---- the outer header ----

def test_flows_spread_over_source_ports_and_each_keeps_its_own(net):
    ports = {}
    with sniff.Sniffer(net.spaces["a"], "wan0") as wire, inside.udp(net.ha.space, net.ha.ip) as sender:
        def seen():
            return [frame for frame in wire.frames(data_to(net, "d")) if inner(frame).protocol == sniff.UDP]
        for turn in range(1, 4):
            for flow in range(20000, 20300):
                sender.sendto(b"x", (net.hd.ip, flow))
            wait_for(lambda wanted=300 * turn: len(seen()) >= wanted, 3, "all to be sent on")
        for frame in seen():
            ports.setdefault(inner(frame).port_to(), []).append(source_port(frame))
    assert len(ports) == 300 and all(len(used) == 3 for used in ports.values())
    assert all(len(set(used)) == 1 for used in ports.values())
    assert len({used[0] for used in ports.values()}) == POOL


def test_source_ports_leave_the_port_of_the_sessions_free():
    """The kernel chooses them from few, of which the sessions' is one."""
    with LispSites(names="adm") as sites:
        ha, hd = sites.host("a", 10), sites.host("d", 10)
        for space in sites.spaces.values():
            space.sysctl("net.ipv4.ip_local_port_range", f"{PORT} {PORT + POOL}")
        sites.start()
        sites.wait_ping(hd, ha)


def test_the_outer_checksum_is_right_or_zero_where_that_is_wanted(net):
    router = net.routers["a"]

    def checksums():
        with sniff.Sniffer(net.spaces["d"], "wan0") as wire:
            transfer(net.ha, net.hd, 1 << 20)
            packets = wire.frames(data_to(net, "d"))
            assert packets and all(packet.sums_are_right() for packet in packets if packet.ready)
            return {outer_checksum(packet) == 0 for packet in packets}
    assert checksums() == {False}
    router.conf["lisp"]["locators"] = [{"address": net.address("d"), "zero_checksum": True}]
    router.reload()
    try:
        assert checksums() == {True}
    finally:
        del router.conf["lisp"]["locators"]
        router.reload()
    assert checksums() == {False}


def test_another_program_understands_all_that_is_on_the_wire(tmp_path):
    with LispSites(subscribe="d") as sites:
        hosts = [sites.host(name, 10) for name in "abd"]
        files = {name: tmp_path / f"{name}.pcap" for name in "dm"}
        for space in sites.spaces.values():
            # So that checksums are finished where they are captured.
            space.run("ethtool", "-K", "wan0", "tx", "off")
        dumps = [sites.spaces[name].popen("tcpdump", "-Z", "root", "-i", "wan0", "--immediate-mode", "-U",
                                          "-w", str(file), "udp", stdout=-3, stderr=-3) for name, file in files.items()]
        wait_for(lambda: all(file.exists() for file in files.values()), 5, "tcpdump")
        sites.start()
        for one, other in itertools.permutations(hosts, 2):
            sites.wait_ping(one, other)
        transfer(hosts[2], hosts[0], 1 << 20)
        said_to(hosts[0], hosts[2].ip, "-s", "4000")
        for dump in dumps:
            sites.lab.end(dump)
    for file in files.values():
        rows = dissect(file, "udp.dstport", "lisp.type", *FAULTS)
        lisp = [row for row in rows if {str(DATA), str(CONTROL)} & set(row[0].split(","))]
        bad = [row for row in lisp if complaints(row[2:])]
        assert lisp and bad == []
    kinds = {row[1].split(",")[0] for row in dissect(files["m"], "udp.dstport", "lisp.type")}
    assert {"8", "2", "3", "4"} <= kinds, kinds


# ---- restarts, keys ----

def test_a_map_server_that_starts_anew_has_all_registrations_soon():
    with LispSites() as sites:
        ha, _, hd = (sites.host(name, 10) for name in "abd")
        sites.start()
        sites.wait_ping(hd, ha)
        for ending in ("stop", "kill"):
            before = sites.counts("a")["registered"]
            getattr(sites.routers["m"], ending)()
            assert sites.ping(hd, ha)
            sites.routers["m"].start()
            wait_for(lambda: {row["prefix"] for row in sites.routers["m"].show("registrations")}
                     == {sites.subnet(name) for name in sites.xtrs}, 12, "all to be registered again")
            # Their nonces were behind what it had kept for safety, at the most.
            wait_for(lambda count=before: sites.counts("a")["registered"] > count, 12, "a Map-Notify")
            assert sites.ping(hd, ha)


def test_an_xtr_that_starts_anew_is_registered_and_reached_at_once():
    with LispSites() as sites:
        ha, _, hd = (sites.host(name, 10) for name in "abd")
        sites.start()
        sites.wait_ping(hd, ha)
        for name, ending in (("a", "stop"), ("a", "kill"), ("d", "kill")):
            getattr(sites.routers[name], ending)()
            sites.routers[name].start()
            sites.wait_registered(2)
            sites.wait_ping(hd, ha)
            sites.wait_ping(ha, hd)
        assert sites.counts("m", "map_server")["replayed"] == 0


def test_a_site_with_a_wrong_key_is_not_registered():
    def change(name, conf):
        if name == "d":
            with open(conf["lisp"]["keys"][0]["secret_file"], "w", encoding="ascii") as file:
                file.write("another secret\n")
    with LispSites(change=change) as sites:
        ha, hd = sites.host("a", 10), sites.host("d", 10)
        sites.wait_registered = lambda timeout=5: None
        sites.start()
        wait_for(lambda: sites.is_registered("a") and sites.counts("m", "map_server")["auth_failed"] > 1,
                 8, "the refusal to be counted")
        assert not sites.is_registered("d")
        assert not sites.ping(ha, hd, 1, wait=0.5)
        assert sites.mapping("a", hd.ip)["locators"] == []
        assert all(row["prefix"] != sites.subnet("d")
                   for row in sites.routers["m"].show("registrations"))


# ---- plain or sealed ----

def test_a_locator_of_a_peer_is_reached_sealed_unless_plain_is_wanted():
    """A and B are peers that know nothing of each other's prefixes: the mapping system leads to the session."""
    def change(name, conf):
        for peer in conf["peers"]:
            peer["vns"][0]["prefixes"] = []
        if name in "ab":
            conf["vns"][0]["mobile"] = []
    with LispSites(names="abm", change=change) as sites:
        ha, hb = sites.start_pair()

        def ways():
            with sniff.Sniffer(sites.spaces["b"], "wan0") as wire:
                assert sites.ping(ha, hb, 10)
                seen = wire.frames(lambda frame: frame.protocol == sniff.UDP and not frame.outgoing)
                return sum(map(is_data, seen)), sum(frame.port_to() == PORT for frame in seen)

        def choose(kind, of_locator=None):
            conf = sites.routers["a"].conf
            conf["vns"][0]["lisp"]["encapsulation"] = kind
            conf["lisp"]["locators"] = [{"address": sites.address("b"), "encapsulation": of_locator}] \
                if of_locator else []
            sites.routers["a"].reload()
        plain, sealed = ways()
        assert plain == 0 and sealed >= 10
        choose("plain")
        assert ways()[0] == 10
        choose("plain", "sealed")
        assert ways()[0] == 0
        choose("sealed")
        assert ways()[0] == 0
        choose("auto", "plain")
        assert ways()[0] == 10


def test_what_must_be_sealed_never_leaves_plain():
    def change(name, conf):
        if name == "a":
            conf["vns"][0]["lisp"]["encapsulation"] = "sealed"
    with LispSites(names="adm", change=change) as sites:
        ha, hd = sites.host("a", 10), sites.host("d", 10)
        sites.start()
        with sniff.Sniffer(sites.spaces["a"], "wan0") as wire:
            text = said_to(ha, hd.ip)
            assert "Destination Host Unreachable" in text, text
            assert sites.drops("a", "plain-refused") > 0
            assert not wire.frames(data_to(sites, "d"))
            before = sites.drops("a", "plain-refused")
            with sniff.Sniffer(ha.space, "eth0") as lan:
                said_to(hd, ha.ip)
                assert sites.drops("a", "plain-refused") > before
                assert not lan.frames(lambda frame: frame.ip_from == hd.ip)


# ---- who is refused ----

@pytest.mark.parametrize("what,reason", [
    ("of a machine that a router of ours has", "plain-source"),
    ("of a machine of this very site", "plain-source"),
    ("of a mobile prefix, which nobody has", "plain-source"),
    ("of another network", "plain-vn"),
    ("of a network that has no part in it", "plain-vn"),
    ("from a multicast address", "plain-source"),
    ("encrypted", "lisp-encrypted"),
    ("too short", "lisp-malformed")])
def test_forged_packets_are_refused_and_counted(net, what, reason):
    target, header, vn = (net.address("a"), net.ha.ip), None, VN
    source = {"of a machine that": net.hb.ip, "of a machine of t": "10.1.0.77",
              "of a mobile prefi": "10.2.0.99", "from a multicast ": "224.0.0.9"}.get(what[:17], "10.4.0.10")
    if "network" in what:
        vn = OTHER_VN if "no part" in what else 12345
    if what == "encrypted":
        header = b"\x0b\0\0\0" + VN.to_bytes(3, "big") + b"\0"
    packet = forged(net.address("m"), target, source, vn, header=header)
    if what == "too short":
        packet = bytearray(packet[:20 + 8 + 8 + 12])
        packet[2:4] = len(packet).to_bytes(2, "big")
        packet[24:26] = (len(packet) - 20).to_bytes(2, "big")
        packet[10:12] = b"\0\0"
        packet[10:12] = (0xFFFF - sniff.checksum(bytes(packet[:20]))).to_bytes(2, "big")
    before = net.drops("a", reason)
    with sniff.Sniffer(net.ha.space, "eth0") as lan, inside.raw_ip(net.spaces["m"]) as wire:
        wire.sendto(bytes(packet), (target[0], 0))
        net.wait_drops("a", reason, before + 1)
        assert not lan.frames(lambda frame: frame.ip_to == net.ha.ip and b"forged" in frame.ip)


def test_a_packet_like_the_forged_ones_arrives_where_nobody_knows_better(net):
    """The checks above can fail."""
    packet = forged(net.address("m"), (net.address("a"), net.ha.ip), "10.77.0.1")
    with sniff.Sniffer(net.ha.space, "eth0") as lan, inside.raw_ip(net.spaces["m"]) as wire:
        wire.sendto(packet, (net.address("a"), 0))
        lan.wait(lambda frame: frame.ip_to == net.ha.ip and b"forged" in frame.ip)
