"""The way of a packet from host to host: reachability, hops, sizes, and who is refused."""
import itertools
import re
import socket

import inside
import pytest
import sniff
from lab.netns import run, wait_for
from sites import VN, Sites, ip_bytes
from traffic import CHUNK, Connection, Stream, super_frame, transfer

INNER_MTU = 1432     # 1500 less IP, UDP and what a record adds
IP_MTU_DISCOVER = 10  # socket option; 0: the packets may be fragmented, 2: never


@pytest.fixture(scope="module")
def net():
    """Two sites, each with its own subnet and gateway."""
    with Sites() as sites:
        sites.ha, sites.hb = sites.host("a", 10), sites.host("b", 10)
        sites.start()
        sites.wait_mtu("a", "b")
        sites.wait_mtu("b", "a")
        sites.wait_ping(sites.ha, sites.hb)
        yield sites


@pytest.fixture(scope="module")
def flat():
    """Two sites and one subnet stretched over them."""
    with Sites(stretched=True) as sites:
        sites.ha, sites.hb = sites.host("a", 10), sites.host("b", 20)
        sites.start()
        sites.wait_mtu("a", "b")
        sites.wait_mtu("b", "a")
        sites.wait_ping(sites.ha, sites.hb)
        yield sites


def said_to(host, address, *more):
    """What ping(8) prints, also when nothing comes back."""
    return run("ip", "netns", "exec", host.space.full, "ping", "-n", "-c", "1", "-W", "2", *more, address,
               check=False)


def echo_seen(host, what):
    def wanted(frame):
        return frame.protocol == sniff.ICMP and frame.body[0] == 8 and frame.ip_to == what
    return wanted


# ---- reach and hops ----

@pytest.mark.parametrize("size", [0, 1, 56, 1000, 1400])
def test_hosts_of_two_sites_reach_each_other(net, size):
    assert net.ping(net.ha, net.hb, 5, size)
    assert net.ping(net.hb, net.ha, 5, size)


def test_a_routed_packet_loses_one_hop_in_all(net):
    with sniff.Sniffer(net.hb.space, "eth0") as seen:
        assert net.ping(net.ha, net.hb, 1, ttl=40)
        assert seen.wait(echo_seen(net.hb, net.hb.ip)).ttl == 39


def test_a_packet_within_one_subnet_keeps_its_hops(flat):
    with sniff.Sniffer(flat.hb.space, "eth0") as seen:
        assert flat.ping(flat.ha, flat.hb, 1, ttl=1)
        assert seen.wait(echo_seen(flat.hb, flat.hb.ip)).ttl == 1


def test_the_gateway_answers_when_the_hops_are_used_up(net):
    before = net.drops("a", "ttl")
    text = said_to(net.ha, net.hb.ip, "-t", "1")
    assert f"From {net.gateway('a')} " in text and "Time to live exceeded" in text, text
    assert net.drops("a", "ttl") == before + 1


def test_the_routers_own_addresses_answer_ping_on_both_sides(net):
    assert net.ping(net.ha, net.gateway("a"))
    assert net.ping(net.ha, net.gateway("b"))
    assert net.ping(net.hb, net.gateway("a"))


# ---- TCP ----

def test_the_mss_of_both_directions_fits_the_path(net):
    def syn_to(address):
        return lambda frame: frame.is_syn() and frame.ip_to == address
    with sniff.Sniffer(net.ha.space, "eth0") as left, sniff.Sniffer(net.hb.space, "eth0") as right:
        with Connection(net.ha, net.hb) as connection:
            assert right.wait(syn_to(net.hb.ip)).mss() == INNER_MTU - 40
            assert left.wait(syn_to(net.ha.ip)).mss() == INNER_MTU - 40
            # Twelve bytes of each segment are the timestamp option's.
            assert all(mss <= INNER_MTU - 40 for mss in connection.mss())


def test_a_small_mss_is_left_alone(net):
    with inside.listener(net.hb.space, net.hb.ip, mss=500) as waiting, \
            sniff.Sniffer(net.ha.space, "eth0") as seen:
        inside.connect(net.ha.space, net.hb.ip, waiting.getsockname()[1]).close()
        answer = seen.wait(lambda frame: frame.is_syn() and frame.ip_to == net.ha.ip)
        assert answer.mss() == 500


SENDER = {"tso": "tx on tso on gso on", "gso": "tx on tso off gso on", "csum": "tx on tso off gso off",
          "plain": "tx off tso off gso off"}
RECEIVER = {"gro": "rx on gro on", "rx": "rx on gro off", "none": "rx off gro off"}


def tcp_errors(host):
    """Segments that its kernel refused for their checksum."""
    with open(f"/proc/{_pid_in(host)}/net/snmp", encoding="ascii") as file:
        names, values = [row.split()[1:] for row in file if row.startswith("Tcp:")]
    return int(dict(zip(names, values))["InCsumErrors"])


def _pid_in(host):
    if not hasattr(host, "sleeper"):
        host.sleeper = host.space.popen("sleep", "3600")
    return host.sleeper.pid


@pytest.mark.parametrize("sender,receiver", itertools.product(SENDER, RECEIVER))
def test_tcp_arrives_whole_over_all_offloads_of_hosts(net, sender, receiver):
    for host in (net.ha, net.hb):
        host.space.run("ethtool", "-K", "eth0", *SENDER[sender].split(), *RECEIVER[receiver].split())
    try:
        before = [tcp_errors(host) for host in (net.ha, net.hb)]
        transfer(net.ha, net.hb, 2 << 20)
        assert [tcp_errors(host) for host in (net.ha, net.hb)] == before
    finally:
        for host in (net.ha, net.hb):
            host.space.run("ethtool", "-K", "eth0", *SENDER["tso"].split(), *RECEIVER["gro"].split())


@pytest.mark.parametrize("sender", SENDER)
def test_a_connection_of_one_lan_goes_on_when_one_end_moves(sender):
    with Sites(stretched=True) as sites:
        mover, stays = sites.host("a", 10), sites.host("a", 11)
        for host in (mover, stays):
            host.space.run("ethtool", "-K", "eth0", *SENDER[sender].split())
        sites.start()
        with Connection(stays, mover) as connection:
            connection.exchange()
            assert connection.mss() == [1448, 1448]
            # It has only answered so far, straight to the one who asked.
            mover.arp(stays.ip)
            sites.wait_owner(mover.ip, "a")
            mover.move("b")
            mover.rarp()
            sites.wait_owner(mover.ip, "b")
            connection.exchange()


# ---- sizes ----

def test_a_packet_too_big_is_answered_by_the_gateway_with_the_mtu(net):
    before = net.drops("a", "too-big")
    text = said_to(net.ha, net.hb.ip, "-M", "do", "-s", str(INNER_MTU - 28 + 1))
    assert f"From {net.gateway('a')} " in text and f"(mtu = {INNER_MTU})" in text, text
    assert net.drops("a", "too-big") == before + 1
    net.ha.space.ip("route flush cache")
    assert net.ping(net.ha, net.hb, 1, INNER_MTU - 28, whole=True)


def test_a_packet_too_big_within_a_subnet_is_answered_too(flat):
    text = said_to(flat.ha, flat.hb.ip, "-M", "do", "-s", str(INNER_MTU - 28 + 1))
    assert f"(mtu = {INNER_MTU})" in text, text
    flat.ha.space.ip("route flush cache")


@pytest.mark.parametrize("size", [INNER_MTU - 28 + 1, 1472, 4000, 20000])
def test_what_may_be_fragmented_arrives_whole(net, size):
    with inside.udp(net.hb.space, net.hb.ip) as receiver, inside.udp(net.ha.space) as sender, \
            sniff.Sniffer(net.hb.space, "eth0") as seen:
        sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, 0)
        sender.sendto(CHUNK[:size], receiver.getsockname())
        assert receiver.recv(65536) == CHUNK[:size]
        pieces = seen.frames(lambda frame: frame.protocol == sniff.UDP)
        assert len(pieces) > 1 and all(piece.sums_are_right() for piece in pieces)
        assert all(len(piece.ip) <= INNER_MTU for piece in pieces)


@pytest.mark.parametrize("count,size", [(2, 1000), (40, 1200), (46, 1400), (64, 100)])
def test_udp_super_frames_arrive_datagram_by_datagram_in_order(net, count, size):
    for source, target in ((net.ha, net.hb), (net.hb, net.ha)):
        sent, received = super_frame(source, target, count, size)
        assert sent == received


@pytest.mark.parametrize("count,size", [(2, 1472), (44, 1472), (40, INNER_MTU - 28 + 1)])
def test_udp_super_frames_too_large_for_the_path_are_cut_and_fragmented(net, count, size):
    before = net.drops("a", "too-big")
    with sniff.Sniffer(net.hb.space, "eth0") as seen:
        sent, received = super_frame(net.ha, net.hb, count, size, breakable=True)
        assert sent == received
        pieces = seen.frames(lambda frame: frame.protocol == sniff.UDP)
        assert len(pieces) == 2 * count and all(len(piece.ip) <= INNER_MTU for piece in pieces)
    assert net.drops("a", "too-big") == before


def short_search(_, conf):
    conf["session"]["mtu_max"] = 1420


def narrow(space, size=1400):
    """From now on larger packets than that vanish there without a word."""
    # A veth takes four more than its MTU, for a VLAN tag.
    space.ip(f"link set wan0 mtu {size - 4}")


NARROW_MTU = 1400 - 68


def test_one_leg_with_a_smaller_mtu_is_no_black_hole():
    with Sites(names="abc", configure=short_search) as sites:
        ha, hb, hc = (sites.host(name, 10) for name in "abc")
        narrow(sites.spaces["c"])
        sites.start()
        transfer(ha, hc)
        transfer(hb, hc)
        assert sites.wait_mtu("a", "b", 1420 - 68) == 1420 - 68
        small = sites.wait_mtu("a", "c", NARROW_MTU)
        sites.wait_mtu("c", "a", NARROW_MTU)
        transfer(ha, hc)
        assert f"(mtu = {small})" in said_to(ha, hc.ip, "-M", "do", "-s", "1400")
        assert sites.ping(ha, hb, 1, 1420 - 68 - 28, whole=True)


@pytest.mark.parametrize("size", [1400, 1000])
def test_a_path_that_shrinks_under_a_connection_does_not_end_it(size):
    with Sites(configure=short_search) as sites:
        ha, hb = sites.host("a", 10), sites.host("b", 10)
        sites.start()
        sites.wait_mtu("a", "b", 1420 - 68)
        with Connection(ha, hb) as connection:
            connection.exchange()
            narrow(sites.spaces["b"], size)
            for end in (connection.client, connection.server):
                end.settimeout(30)
            connection.exchange()
            sites.wait_mtu("a", "b", size - 68, 25)
            sites.wait_mtu("b", "a", size - 68, 25)


@pytest.mark.parametrize("size", [1000, 600])
def test_an_underlay_below_the_usual_minimum_is_no_black_hole(size):
    with Sites() as sites:
        ha, hb = sites.host("a", 10), sites.host("b", 10)
        narrow(sites.spaces["b"], size)
        sites.start()
        for pair in ((ha, hb), (hb, ha)):
            wait_for(lambda these=pair: sites.ping(*these, 1, 1400, wait=0.5), 5, "large packets to arrive")
        transfer(ha, hb, 1 << 20)
        transfer(hb, ha, 1 << 20)
        small = sites.wait_mtu("a", "b", size - 68, 25)
        sites.wait_mtu("b", "a", size - 68, 25)
        for source, target in ((ha, hb), (hb, ha)):
            sent, received = super_frame(source, target, 20, 1400, breakable=True)
            assert sent == received
        ha.space.ip("route flush cache")
        told = re.search(r"\(mtu = (\d+)\)", said_to(ha, hb.ip, "-M", "do", "-s", "1200"))
        assert told and small <= int(told[1]) <= size - 68


def test_a_hello_of_many_networks_passes_the_narrowest_underlay():
    """It cannot be made smaller, and is the one message that may be fragmented."""
    count = 40

    def configure(_, conf):
        for i in range(1, count):
            conf["vns"].append({"id": 100 + i, "device": f"br{i}"})
        for peer in conf["peers"]:
            peer["vns"].extend({"id": 100 + i} for i in range(1, count))
    with Sites(configure=configure) as sites:
        for space in sites.spaces.values():
            space.ip("link set wan0 mtu 576")
            for i in range(1, count):
                space.bridge(f"br{i}")
        ha, hb = sites.start_pair()
        assert 500 <= sites.peer("a", "b")["mtu"] <= 508


# ---- checksums ----

def exchange_seen(sites, ha, hb):
    """TCP and UDP both ways; the frames with ports that reached each host."""
    with sniff.Sniffer(ha.space, "eth0") as left, sniff.Sniffer(hb.space, "eth0") as right:
        transfer(ha, hb, 1 << 20)
        super_frame(ha, hb, 20, 1000)
        super_frame(hb, ha, 20, 1000)
        return [frame for seen in (left, right) for frame in seen.frames(
            lambda frame: not frame.outgoing and frame.protocol in (sniff.TCP, sniff.UDP))]


def test_without_a_vnet_header_every_checksum_is_finished():
    def configure(_, conf):
        conf["vns"][0]["super_frames"] = False
    with Sites(configure=configure) as sites:
        ha, hb = sites.host("a", 10), sites.host("b", 10)
        sites.start()
        frames = exchange_seen(sites, ha, hb)
        assert len(frames) > 500
        assert all(frame.ready and frame.sums_are_right() for frame in frames)
        assert max(len(frame.ip) for frame in frames) <= 1500


def test_a_checksum_is_finished_or_said_to_be_unfinished(net):
    frames = exchange_seen(net, net.ha, net.hb)
    assert frames and all(frame.sums_are_right() for frame in frames if frame.ready)


# ---- what is not routed ----

@pytest.mark.parametrize("reason,frame", [
    ("multicast", "01005e000001 {mac} 0800 4500001c000000000111{sum} {ip} e0000001 1388138800080000"),
    ("ipv6", "{router} {mac} 86dd 6000000000003b40" + "fd" + 15 * "00" + "fd" + 14 * "00" + "01"),
    ("malformed", "{router} {mac} 0800 4500ffff00000000"),
    ("vlan", "{router} {mac} 8100 0005 0800 4500001c00000000011100000a01000a0a02000a1388138800080000"),
])
def test_what_is_not_routed_is_counted_and_goes_nowhere(net, reason, frame):
    router = net.routers["a"].show("vr")["vns"][0]["mac"].replace(":", "")
    header = bytes.fromhex("4500001c000000000111") + bytes(2) + ip_bytes(net.ha.ip) + \
        ip_bytes("224.0.0.1")
    text = frame.format(router=router, mac=net.ha.mac.replace(":", ""), ip=ip_bytes(net.ha.ip).hex(),
                        sum=f"{0xffff - sniff.checksum(header):04x}")
    before, sent = net.drops("a", reason), net.peer("a", "b")["tx_packets"]
    net.ha.send(bytes.fromhex(text.replace(" ", "")))
    net.wait_drops("a", reason, before + 1)
    assert net.peer("a", "b")["tx_packets"] == sent


def raw_packet(source, target):
    """An echo request with any source."""
    body = bytes.fromhex("0800f7ff00000000")
    return bytes.fromhex("4500001c000000004001") + b"\0\0" + ip_bytes(source) + ip_bytes(target) + body


@pytest.mark.parametrize("source,reason", [
    ("10.2.0.10", "source-spoofed"),     # a machine of the other site
    ("198.51.100.1", "source-not-local"),  # nobody's
    ("10.2.0.1", "source-spoofed"),      # the other site's gateway
])
def test_a_source_that_is_not_the_senders_is_dropped_and_counted(net, source, reason):
    with inside.raw_ip(net.ha.space) as sender, sniff.Sniffer(net.hb.space, "eth0") as seen:
        before = net.drops("a", reason)
        sender.sendto(raw_packet(source, net.hb.ip), (net.hb.ip, 0))
        net.wait_drops("a", reason, before + 1)
        assert not seen.frames(lambda frame: frame.ip_from == source and not frame.outgoing)
    assert net.owner("a", net.hb.ip) == "b"


def test_a_peer_may_not_speak_for_what_it_was_not_given():
    def configure(name, conf):
        if name == "b":
            # It thinks so itself; nobody else was told.
            conf["vns"][0]["local"].append("10.9.0.0/24")
            conf["vns"][0]["addresses"].append("10.9.0.1/24")
    with Sites(configure=configure) as sites:
        ha, hb = sites.host("a", 10), sites.host("b", 10)
        hb.space.ip("address add 10.9.0.5/24 dev eth0")
        sites.start()
        sites.wait_ping(hb, ha)
        with sniff.Sniffer(ha.space, "eth0") as seen:
            before = sites.drops("a", "peer-source")
            assert not sites.ping(hb, ha, 1, source="10.9.0.5")
            assert sites.drops("a", "peer-source") == before + 1
            assert not seen.frames(lambda frame: frame.ip_from == "10.9.0.5")


def test_a_destination_that_nobody_has_is_answered_and_counted(net):
    before = net.drops("a", "no-route")
    assert "Net Unreachable" in said_to(net.ha, "203.0.113.9")
    assert net.drops("a", "no-route") == before + 1


def test_an_address_that_does_not_answer_is_counted(net):
    before = net.drops("b", "arp-timeout")
    assert not net.ping(net.ha, "10.2.0.77", 1)
    net.wait_drops("b", "arp-timeout", before + 1)


# ---- two networks ----

@pytest.fixture(scope="module")
def twins():
    """Two networks with the same addresses on the same routers."""
    def configure(_, conf):
        conf["vns"].append({**conf["vns"][0], "id": 8, "name": "red", "device": "br1"})
        for peer in conf["peers"]:
            peer["vns"].append({**peer["vns"][0], "id": 8})
    with Sites(configure=configure) as sites:
        for space in sites.spaces.values():
            space.bridge("br1")
        sites.blue = [sites.host("a", 10), sites.host("b", 10)]
        sites.red = [sites.host("a", 10, "ra10"), sites.host("b", 10, "rb10")]
        for host in sites.red:
            sites.spaces[host.site].ip(f"link set {host.cable} master br1")
        sites.start()
        for pair in (sites.blue, sites.red):
            sites.wait_ping(*pair)
        yield sites


def test_networks_with_the_same_addresses_do_not_see_each_other(twins):
    for pair, other in ((twins.blue, twins.red), (twins.red, twins.blue)):
        with sniff.Sniffer(other[0].space, "eth0") as left, \
                sniff.Sniffer(other[1].space, "eth0") as right:
            transfer(*pair, 1 << 20)
            assert twins.ping(*pair, 20)
            for seen in (left, right):
                assert not seen.frames(lambda frame: frame.protocol in (sniff.TCP, sniff.ICMP))


def test_each_network_has_its_own_tables(twins):
    for name in "ab":
        rows = {(row["vn"], row["eid"]): row["mac"] for row in twins.routers[name].show("hwdt")}
        for vn, pair in ((VN, twins.blue), (8, twins.red)):
            for host in pair:
                assert rows[vn, host.ip] == host.mac
    macs = [row["mac"] for row in twins.routers["a"].show("vr")["vns"]]
    assert macs == ["02:56:52:00:00:07", "02:56:52:00:00:08"]


def test_a_machine_that_moves_in_one_network_stays_in_the_other(twins):
    mover = twins.blue[1]
    with Stream(twins.red[0], twins.red[1]) as stream:
        stream.wait_received(50)
        twins.spaces["b"].ip(f"link set {mover.cable} nomaster")
        mover.move("a")
        mover.rarp()
        wait_for(lambda: re.search(r"10\.2\.0\.10.*'a'", str(
            [row for row in twins.routers["b"].show("hwdt") if row["vn"] == VN])), 3, "the move")
        stream.wait_received(50)
    assert stream.lost() == 0 and stream.duplicated() == 0
    rows = [row for row in twins.routers["a"].show("hwdt") if row["eid"] == mover.ip]
    assert {row["vn"]: row["vr"] for row in rows} == {VN: "a", 8: "b"}


# ---- who may claim ----

def test_a_site_that_may_not_host_a_machine_does_not_claim_it():
    def configure(_, conf):
        conf["vns"][0]["mobile"][0]["hosts"] = ["a", "b"]
    with Sites(names="abc", configure=configure) as sites:
        mover, hb = sites.start_pair()
        mover.move("c")
        mover.rarp()
        sites.wait_drops("c", "sighting-refused", 1)
        assert all(sites.owner(name, mover.ip) == "a" for name in "abc")
        assert not sites.routers["c"].show("moves")


def test_a_claim_of_a_router_that_may_not_host_is_refused_by_the_others():
    def configure(name, conf):
        if name != "c":
            conf["vns"][0]["mobile"][0]["hosts"] = ["a", "b"]
    with Sites(names="abc", configure=configure) as sites:
        mover, hb = sites.start_pair()
        mover.move("c")
        mover.rarp()
        for name in "ab":
            sites.wait_drops(name, "claim-refused", 1)
            assert sites.owner(name, mover.ip) == "a"
        record = wait_for(lambda: [row for row in sites.routers["c"].show("moves") if len(row["acks"]) == 2], 3,
                          "both answers")[0]
        assert all(ack["verdict"] != "accepted" for ack in record["acks"]), record


def test_a_rarp_for_a_machine_that_nobody_knows_changes_nothing(net):
    before = net.drops("b", "rarp-unknown")
    rows = len(net.routers["b"].show("hwdt"))
    unknown = bytes.fromhex("020000c0ffee")
    net.hb.send(b"\xff" * 6 + unknown + bytes.fromhex("80350001080006040003") + unknown + bytes(4) + unknown +
                bytes(4))
    net.wait_drops("b", "rarp-unknown", before + 1)
    assert len(net.routers["b"].show("hwdt")) == rows and not net.routers["b"].show("moves")
