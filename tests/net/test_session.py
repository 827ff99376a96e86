"""Sealed sessions on a real underlay: who is refused, what survives, what is noticed."""
import random

import pytest
import sniff
from forge import COOKIE, INIT, RECORD, Forger, is_underlay
from lab.netns import run, wait_for
from lab import tools
from sites import PORT, Sites
from traffic import Connection, Stream, transfer


@pytest.fixture(scope="module")
def net():
    with Sites() as sites:
        sites.ha, sites.hb = sites.start_pair()
        yield sites


def other_key(net):
    return run(tools.built("vrctl"), "keygen", net.lab.path(f"key{random.random()}")).split()[-1]


# ---- who is refused ----

@pytest.mark.parametrize("wrong_at,reason", [("a", "unknown-peer"), ("b", "mac1")])
def test_a_wrong_key_is_refused_and_counted(wrong_at, reason):
    with Sites() as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.routers[wrong_at].conf["peers"][0]["public_key"] = other_key(net)
        # B calls; A only answers.
        net.routers["a"].conf["peers"][0]["endpoints"] = []
        for router in net.routers.values():
            router.start()
        net.wait_drops("a", reason, 2)
        for name, peer in ("ab", "ba"):
            row = net.peer(name, peer)
            assert row["state"] == "down" and not row["session"]
        assert not net.ping(ha, hb, 1)
        assert net.routers["a"].show("stats")["link_frames"] == 0


def test_a_replayed_record_is_refused_and_counted(net):
    with Forger(net, "b") as forger:
        assert net.ping(net.ha, net.hb)
        record = forger.wait(RECORD)
        before, frames = net.drops("b", "replayed"), net.routers["b"].show("stats")["link_frames"]
        for _ in range(5):
            forger.send(record, net.address("a"))
        net.wait_drops("b", "replayed", before + 5)
        assert net.routers["b"].show("stats")["link_frames"] == frames


def test_a_replayed_handshake_is_refused_and_changes_nothing(net):
    with Forger(net, "b") as forger:
        net.routers["a"].stop()
        net.routers["a"].start()
        init = forger.wait(INIT)
        net.wait_peers()
        net.wait_ping(net.ha, net.hb)
        before, handshakes = net.drops("b", "stale"), net.peer("b", "a")["handshakes"]
        forger.send(init, "192.0.2.77")
        net.wait_drops("b", "stale", before + 1)
        row = net.peer("b", "a")
        assert row["handshakes"] == handshakes and row["endpoint"] == f"{net.address('a')}:{PORT}"
        assert net.ping(net.ha, net.hb)


def test_a_forged_sender_does_not_move_the_endpoint(net):
    with Forger(net, "b") as forger:
        assert net.ping(net.ha, net.hb)
        record = forger.wait(RECORD)
        roams, before = net.peer("b", "a")["roams"], net.drops("b", "forged")
        # As it was, which is a replay; and with a new counter, which is not authentic.
        forger.send(record, "192.0.2.77", 7777)
        counter = int.from_bytes(record[8:16], "big") + 1000
        forger.send(record[:8] + counter.to_bytes(8, "big") + record[16:], "192.0.2.77", 7777)
        net.wait_drops("b", "forged", before + 1)
        row = net.peer("b", "a")
        assert row["endpoint"] == f"{net.address('a')}:{PORT}" and row["roams"] == roams
        assert net.ping(net.hb, net.ha)


def test_garbage_is_counted_and_harms_nobody(net):
    chance = random.Random(7)
    handshakes = net.peer("b", "a")["handshakes"]
    before = sum(net.routers["b"].drops().values())
    with Forger(net, "b") as forger:
        record = forger.wait(RECORD) if net.ping(net.ha, net.hb) else None
        with Stream(net.ha, net.hb) as stream:
            stream.wait_received(20)
            for number in range(3000):
                size = chance.choice((0, 1, 15, 16, 17, 40, 100, 200, 1400))
                # Some look like each type of message, some like records of the living session.
                start = bytes([chance.randrange(256)]) if number % 3 else \
                    bytes([chance.randint(1, 4), 1]) if number % 2 else record[:8]
                forger.send((start + chance.randbytes(size))[:size], "192.0.2.77", chance.randrange(1, 65536))
            stream.wait_received(50)
    assert (stream.lost(), stream.duplicated()) == (0, 0)
    assert sum(net.routers["b"].drops().values()) >= before + 2500
    assert net.peer("b", "a")["handshakes"] == handshakes
    transfer(net.ha, net.hb, 1 << 20)


def test_a_flood_of_handshakes_is_answered_with_cookies_and_keeps_nobody_out(net):
    with Forger(net, "a") as forger:
        net.routers["b"].stop()
        net.routers["b"].start()
        init = forger.wait(INIT)
        net.wait_peers()

        def flood(count):
            for i in range(count):
                forger.send(init, f"192.0.2.{100 + i % 100}", 1000 + i)
        flood(400)
        net.wait_drops("a", "load", 100)
        assert net.drops("a", "stale") <= 300
        # While it goes on, a router that starts anew gets in.
        net.routers["b"].kill()
        flood(300)
        net.routers["b"].start()

        def is_in():
            flood(100)
            return net.routers["b"].peers_up()
        wait_for(is_in, 8, "B to get in under the flood")
    net.wait_ping(net.ha, net.hb)


def test_a_cookie_is_smaller_than_what_caused_it(net):
    with Forger(net, "a") as forger:
        net.routers["b"].stop()
        net.routers["b"].start()
        init = forger.wait(INIT)
        net.wait_peers()
        # An address that exists, or the answer waits for ARP.
        net.underlay.space.ip("address replace 192.0.2.99/24 dev sw0")
        for i in range(400):
            forger.send(init, "192.0.2.99", 1000 + i)
        answer = forger.heard.wait(lambda frame: frame.outgoing and frame.ip_to == "192.0.2.99" and
                                   frame.body[8] == COOKIE, what="a cookie")
        assert len(answer.body) - 8 < len(init)
        told = forger.heard.frames(lambda frame: frame.outgoing and frame.ip_to == "192.0.2.99" and
                                   frame.protocol == sniff.UDP)
        assert sum(len(frame.body) for frame in told) < 400 * len(init)
    net.wait_ping(net.ha, net.hb)


# ---- keys change ----

@pytest.mark.parametrize("session", [{"rekey_s": 1}, {"rekey_records": 100}], ids=["time", "count"])
def test_keys_change_under_traffic_without_a_lost_packet(session):
    def configure(_, conf):
        conf["session"].update(session)
    with Sites(configure=configure) as net:
        ha, hb = net.start_pair()
        start = net.peer("a", "b")["rekeys"]
        with Stream(ha, hb) as there, Stream(hb, ha) as back:
            wait_for(lambda: net.peer("a", "b")["rekeys"] >= start + 3, 10, "three rekeys")
            transfer(ha, hb, 4 << 20)
        for stream in (there, back):
            assert (stream.lost(), stream.duplicated(), stream.reordered()) == (0, 0, 0)
        assert net.peer("a", "b")["state"] == "up"


# ---- ends come, go and move ----

@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_of_either_end_is_over_in_seconds(net, name, how):
    with Connection(net.ha, net.hb) as connection:
        connection.exchange(1 << 18)
        getattr(net.routers[name], how)()
        net.routers[name].start()
        net.wait_peers(5)
        net.wait_ping(net.ha, net.hb, 3)
        connection.exchange(1 << 18)


def fast(_, conf):
    conf["sync"] = {"hello_ms": 100, "dead_ms": 1000}


def test_a_dead_peer_is_noticed_and_a_living_one_again():
    with Sites(configure=fast) as net:
        ha, hb = net.start_pair()
        net.underlay.space.ip("link set to-b down")
        wait_for(lambda: net.peer("a", "b")["state"] == "down", 3, "A to notice")
        text = run("ip", "netns", "exec", ha.space.full, "ping", "-c", "1", "-W", "1", hb.ip, check=False)
        assert "Destination Host Unreachable" in text and f"From {net.gateway('a')}" in text
        assert net.drops("a", "peer-down") >= 1
        net.underlay.space.ip("link set to-b up")
        net.wait_peers(8)
        net.wait_ping(ha, hb)


def test_a_router_that_changes_its_address_is_followed():
    def configure(name, conf):
        if name == "b":
            conf["listen"] = f"0.0.0.0:{PORT}"
    with Sites(configure=configure) as net:
        ha, hb = net.start_pair()
        with Connection(ha, hb) as connection:
            connection.exchange(1 << 18)
            handshakes = net.peer("a", "b")["handshakes"]
            net.spaces["b"].ip("address add 192.0.2.22/24 dev wan0")
            net.spaces["b"].ip("address del 192.0.2.2/24 dev wan0")
            net.spaces["b"].ip("address replace 192.0.2.22/24 dev wan0")
            wait_for(lambda: net.peer("a", "b")["endpoint"] == f"192.0.2.22:{PORT}", 3, "A to follow")
            connection.exchange(1 << 18)
            row = net.peer("a", "b")
            assert row["roams"] >= 1 and row["handshakes"] == handshakes and row["state"] == "up"


def ip6_underlay(name, conf):
    """A listens at its address, B at any."""
    def at(which):
        return f"2001:db8::{ord(which) - ord('a') + 1}"
    conf["listen"] = f"[{at(name) if name == 'a' else '::'}]:{PORT}"
    for peer in conf["peers"]:
        peer["endpoints"] = [f"[{at(peer['name'])}]:{PORT}"]


def test_sessions_run_over_ipv6():
    with Sites(configure=ip6_underlay) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        for number, space in enumerate(net.spaces.values(), 1):
            space.sysctl("net.ipv6.conf.wan0.disable_ipv6", 0)
            space.ip(f"-6 address add 2001:db8::{number}/64 dev wan0 nodad")
        net.start()
        net.wait_ping(ha, hb)
        assert net.peer("b", "a")["endpoint"] == f"[2001:db8::1]:{PORT}"
        # A record adds 40 bytes, UDP 8, IPv6 40: the search ends at most 8 below.
        net.wait_mtu("a", "b", 1500 - 88)
        with sniff.Sniffer(net.spaces["b"], "wan0") as seen, Connection(ha, hb) as connection:
            connection.exchange(1 << 20)
            assert not seen.frames(lambda frame: frame.ip)  # of IPv4
        transfer(ha, hb, 4 << 20)
        # A move, and an endpoint that changes.
        ha.move("b")
        ha.rarp()
        net.wait_owner(ha.ip, "b")
        space = net.spaces["b"]
        space.ip("-6 address add 2001:db8::22/64 dev wan0 nodad")
        space.ip("-6 address del 2001:db8::2/64 dev wan0")
        wait_for(lambda: net.peer("a", "b")["endpoint"] == f"[2001:db8::22]:{PORT}", 3, "A to follow")
        assert net.peer("a", "b")["state"] == "up" and not net.routers["a"].drops().get("forged")


def test_nothing_of_the_inner_packets_is_seen_on_the_underlay(net):
    with sniff.Sniffer(net.spaces["b"], "wan0") as seen:
        transfer(net.ha, net.hb, 1 << 20)
        assert net.ping(net.ha, net.hb, 3, 200, fill=bytes.fromhex("c0ffee"))
        frames = seen.frames(lambda frame: frame.ip)
        assert len(frames) > 100
        assert all(frame.protocol == sniff.UDP and frame.port_to() == PORT for frame in frames)
        assert all(is_underlay(RECORD)(frame) for frame in frames)
        assert not any(bytes.fromhex("c0ffee") * 4 in frame.data for frame in frames)
