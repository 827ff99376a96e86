"""A relay that restarts, dies, refuses or is limited, and what is said of the ways by it."""
import json

import pytest
from lab import tools
from lab.nat import OUTSIDE
from lab.natnet import PORT, PUBLIC, WAN
from lab.netns import Lab, run, wait_for
from nat_paths import DIRECT, RELAYED, paths, wait_path
from relays import SECOND, drops, relayed_net, row
from traffic import Connection, Stream

# A relay that has died is missed within a moment where there is another. One that has started anew has to be called by
# those behind NATs, which they do when they have heard nothing for a while.
OUTAGE_MS, RESTART_MS = 2000, 6000
LIMIT_MBPS = 10
FORWARDED = f"table ip forwarded {{ chain prerouting {{ type nat hook prerouting priority dstnat - 1; " \
    f'iifname "{OUTSIDE}" udp dport {PORT} dnat to %s:{PORT}; }}; }}'


@pytest.fixture(scope="module")
def net():
    with Lab("relay") as lab:
        yield relayed_net(lab)


def hosts(net):
    return net.x.host, net.y.host


def longest_gap(numbers):
    """Of a stream that sends a number each millisecond."""
    return max(two - one for one, two in zip(numbers, numbers[1:]))


def goodput(net, seconds=2):
    """Of one TCP flow from x's machine to y's, in Mb/s."""
    server = net.y.host.space.popen("iperf3", "-s", "-1", stdout=-3)
    try:
        wait_for(lambda: ":5201 " in net.y.host.space.run("ss", "-Hltn"), 5, "iperf3 -s")
        said = json.loads(net.x.host.space.run("iperf3", "-J", "-c", net.y.host.ip, "-t", str(seconds), timeout=40))
        return said["end"]["sum_received"]["bits_per_second"] / 1e6
    finally:
        net.lab.end(server)


def relayed_with(net, marks):
    """Does a relayed datagram (type 6) leave the relay with such a traffic class?"""
    said = net.routers["r"].space.run("timeout", "8", "tcpdump", "-nn", "-Q", "out", "-c", "1", "-i", WAN,
                                      f"udp[8] == 6 and (ip[1] & 0xfc) == {marks}", check=False, timeout=20)
    return said.count(" > ") == 1


def forward(net):
    """x's NAT lets in who comes to the router's own port, whoever it is."""
    net.x.nats[0].space.run("nft", FORWARDED % net.x.address)


def reload_relay(net, **relay):
    net.routers["r"].conf["relay"] = relay
    net.routers["r"].reload()


# ---- what is said ----

def test_control_stays_urgent_on_its_way_by_a_relay_and_data_is_not(net):
    # Hellos, once a second at least.
    assert relayed_with(net, 0xc0)
    with Stream(*hosts(net)):
        assert relayed_with(net, 0)


def test_each_end_says_by_whom_it_reaches_the_other_and_why(net):
    for name, other in ("xy", "yx"):
        said = net.sites[name].peer(other)
        assert (said["state"], said["path"], said["via"]) == ("up", "relayed", "r")
        # Where the relay is.
        assert said["endpoint"] == f"{PUBLIC['r']}:{PORT}"
        assert said["path_reason"] in ("the first that was there", "the peer came from there")
        hub = net.sites[name].peer("r")
        assert (hub["path"], hub["via"], hub["path_reason"]) == ("direct", "", "the first that was there")
        # The relay itself reaches both directly, each at its NAT.
        said = row(net.routers["r"], name)
        assert (said["path"], said["via"]) == ("direct", "") and said["endpoint"].startswith(f"{PUBLIC[name]}:")


def test_people_see_it_in_a_column(net):
    lines = run(tools.built("vrctl"), "-s", net.x.router.conf["control_socket"], "show", "peers").splitlines()
    words = {line.split()[0]: line.split() for line in lines}
    assert {"PATH", "VIA"} <= set(words["NAME"])
    path = words["NAME"].index("PATH")
    assert words["y"][path:path + 2] == ["relayed", "r"] and words["r"][path] == "direct"


def test_what_is_relayed_is_counted(net):
    before = net.routers["r"].show("stats")
    with Connection(*hosts(net)) as connection:
        connection.exchange(1 << 20)
    after = net.routers["r"].show("stats")
    assert after["relayed_bytes"] - before["relayed_bytes"] > 2 << 20
    assert after["relayed_datagrams"] > before["relayed_datagrams"]
    # It is nothing that the relay itself sends or gets.
    assert after["link_frames"] == before["link_frames"]


# ---- it fails ----

@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_relay_that_restarts_costs_seconds_and_no_connection(net, how):
    with Connection(*hosts(net)) as connection, Stream(*hosts(net)) as stream:
        connection.exchange(1 << 18)
        stream.wait_received(200)
        getattr(net.routers["r"], how)()
        net.routers["r"].start()
        stream.wait_received(500, timeout=15)
        connection.exchange(1 << 18)
        stream.finish()
    print(f"{how}: {longest_gap(stream.numbers)} ms")
    assert longest_gap(stream.numbers) <= RESTART_MS and stream.duplicated() == 0
    wait_path(net, RELAYED)
    # The keys are those of the two ends: the relay that has forgotten everything needs none of them.
    assert net.x.peer("y")["session"] and net.y.peer("x")["session"]


def test_when_a_relay_is_gone_for_good_another_takes_over():
    with Lab("relays") as lab:
        net = relayed_net(lab, second=True)
        wait_for(lambda: row(net.x.router, SECOND)["state"] == row(net.y.router, SECOND)["state"] == "up", 10,
                 "the second relay to be up")
        with Connection(*hosts(net)) as connection, Stream(*hosts(net)) as stream:
            connection.exchange(1 << 18)
            stream.wait_received(200)
            used = net.x.peer("y")["via"]
            other = {"r": SECOND, SECOND: "r"}[used]
            net.routers[used].kill()
            stream.wait_received(500, timeout=15)
            connection.exchange(1 << 18)
            stream.finish()
        print(f"{longest_gap(stream.numbers)} ms")
        assert longest_gap(stream.numbers) <= OUTAGE_MS and stream.duplicated() == 0
        wait_for(lambda: net.x.peer("y")["via"] == net.y.peer("x")["via"] == other, 10, f"both to use {other}")
        reasons = [net.sites[name].peer(peer)["path_reason"] for name, peer in ("xy", "yx")]
        assert "the one before did not answer" in reasons, reasons
        assert paths(net) == (RELAYED, RELAYED)


# ---- it refuses ----

def test_a_peer_that_the_relay_knows_no_more_is_refused_and_counted(net):
    relay = net.routers["r"]
    before = {reason: drops(relay, reason) for reason in ("no-index", "relay-unknown", "unknown-peer")}
    removed = next(peer for peer in relay.conf["peers"] if peer["name"] == "x")
    relay.conf["peers"].remove(removed)
    try:
        with Stream(*hosts(net)), Stream(*reversed(hosts(net))):
            relay.reload()
            # What x has for y is in a session that is gone; what y has for x is for nobody; and x calls in vain.
            for reason, count in before.items():
                wait_for(lambda name=reason, least=count: drops(relay, name) > least, 10, f"{reason} to be counted")
        assert not net.ping("x") and not net.ping("y")
        assert row(relay, "y")["state"] == "up"
    finally:
        relay.conf["peers"].append(removed)
        relay.reload()
    net.wait_ping()
    wait_path(net, RELAYED)


def test_a_relay_that_is_none_any_more_refuses_and_counts(net):
    relay = net.routers["r"]
    before = drops(relay, "relay-off")
    del relay.conf["relay"]
    relay.reload()
    try:
        wait_for(lambda: not net.ping("x") and drops(relay, "relay-off") > before, 10, "relay-off to be counted")
        assert row(relay, "x")["state"] == row(relay, "y")["state"] == "up"
    finally:
        reload_relay(net)
    net.wait_ping()
    wait_path(net, RELAYED)


def test_a_sender_gets_as_much_relayed_as_it_may(net):
    # What it may by default is less than this line carries.
    reload_relay(net, peer_mbps=0)
    free, before = goodput(net), drops(net.routers["r"], "relay-limit")
    assert before == 0 and free > 4 * LIMIT_MBPS
    reload_relay(net, peer_mbps=LIMIT_MBPS)
    try:
        limited = goodput(net)
        print(f"{free:.0f} Mb/s, limited {limited:.1f} Mb/s")
        # Not more than it may and what is let through at once. TCP does not fill a line that drops what is too much.
        assert LIMIT_MBPS / 5 < limited < LIMIT_MBPS * 1.2
        assert drops(net.routers["r"], "relay-limit") > 0
        assert paths(net) == (RELAYED, RELAYED)
    finally:
        reload_relay(net)
    net.wait_ping()
    assert goodput(net) > 4 * LIMIT_MBPS


# ---- it is not needed ----

def test_a_port_that_the_nat_forwards_is_as_good_as_a_public_address():
    def configure(name, conf):
        if name == "x":
            conf["candidates"] = [f"{PUBLIC['x']}:{PORT}"]
    with Lab("candidates") as lab:
        # Without the configured candidate it would be relayed for ever: see test_nat_matrix.
        net = relayed_net(lab, configure, before=forward, wanted=DIRECT)
        assert net.y.peer("x")["endpoint"] == f"{PUBLIC['x']}:{PORT}"
        reasons = [net.sites[name].peer(peer)["path_reason"] for name, peer in ("xy", "yx")]
        assert "better than the one before" in reasons and net.y.peer("x")["via"] == "", reasons
        with Connection(*hosts(net)) as connection:
            before = net.routers["r"].show("stats")["relayed_bytes"]
            connection.exchange(1 << 20)
            assert net.routers["r"].show("stats")["relayed_bytes"] - before < 1 << 18
