"""Connections survive what NATs do in mid-flow: another port, a new start, forgotten mappings."""
import contextlib
import statistics
import time
from types import SimpleNamespace

import pytest
from lab.natnet import NatNet
from lab.netns import Lab, wait_for
from lab.tools import tool
from nat_paths import DIRECT, PUNCHED, RELAYED, wait_path
from survive import Traffic
from traffic import Stream

# Beyond one round trip, from the first packet that the router behind the NAT sends.
SLACK_MS = 50
# What a router that sends nothing else says at least, while there is traffic.
KEEPALIVE_MS = 4000
# Longer than a mapping lives, twice.
TIMEOUT_S = 30
IDLE_S = 2 * TIMEOUT_S + 5
# The lab's sender and receiver themselves.
LAB_MS = 10
# Where the other NAT keeps out who comes from another port: at the worst. The median is as above.
FOUND_OUT_MS = 200
# A way that is back is watched for 3 s, and left for 30 if it is silent again: whole seconds, as they are shown.
WATCHED_S = 4
OFF_COUNT = 300
RARE_HELLOS = {"hello_ms": 60000, "dead_ms": 180000}

# x's NAT changes; y's. The path; the longest outage in ms beyond a round trip. Where y's NAT lets in who comes from
# another port, x's next packet is enough. Where it does not, x has to find out first.
SEEN_AT_ONCE = [
    ("eim-apdf", "none", DIRECT, SLACK_MS), ("apdm-apdf", "none", DIRECT, SLACK_MS),
    ("double", "none", DIRECT, SLACK_MS),
    ("eim-apdf", "eim-eif", PUNCHED, SLACK_MS), ("apdm-apdf", "eim-adf", PUNCHED, SLACK_MS),
    ("apdm-apdf", "apdm-apdf", RELAYED, SLACK_MS), ("eim-apdf", "eim-apdf", PUNCHED, FOUND_OUT_MS),
    ("double", "double", PUNCHED, FOUND_OUT_MS)]
# Its stream is gone as well.
OVER_TCP = [pytest.param(kind, "none", RELAYED, KEEPALIVE_MS + 1000)
            for kind in ("udp-blocked", "tcp443-only")]


def make(lab, x, y, path, sync=None, **more):
    """A running network. A public y is known to x and needs no rendezvous, unless they are to meet there."""
    meets = y != "none" or path != DIRECT

    def configure(_, conf):
        if sync:
            conf["sync"] = sync
    net = NatNet(lab, x, y, endpoints="" if meets else "y", rendezvous=meets, configure=configure, **more)
    return wait_path(net.start().wait_ping(), path)


def wait_settled(net, path):
    """Until both use it again and trust it."""
    wait_path(net, path)
    rows = ((net.x, "y"), (net.y, "x"))
    wait_for(lambda: all(site.peer(other)["path_age_s"] >= WATCHED_S for site, other in rows), 2 * WATCHED_S,
             "the way back to be trusted")


@contextlib.contextmanager
def under_traffic(net):
    """x's machine downloads by TCP from y's, and sends it numbered datagrams, 1000 per second, that it echoes."""
    service = net.y.host.space.popen(tool("guestd"), stdout=-3)
    world = SimpleNamespace(lab=net.lab, hosts={"x": net.x.host.space})
    wait_for(lambda: ":5001 " in net.y.host.space.run("ss", "-Hltn"), 5, "the service")
    with Traffic(world, net.y.host) as traffic:
        yield traffic
    net.lab.end(service)


def outage_ms(traffic, change, timeout=20):
    """The longest silence of the stream, from before change() until half a second of later requests is answered."""
    stream = traffic.streams["x"]
    stream.mark()
    change()
    goal = stream.mark()
    longest, goal = [goal["longest_gap_ms"]], goal["sent"] + 500

    def is_answered():
        now = stream.mark()
        longest.append(now["longest_gap_ms"])
        assert now["duplicated"] == 0
        return now["highest"] >= goal
    wait_for(is_answered, timeout, "later requests to be answered")
    return max(longest)


@pytest.mark.parametrize("x,y,path,most_ms", SEEN_AT_ONCE)
def test_connections_survive_a_rebinding_in_mid_flow(x, y, path, most_ms):
    with Lab("roam") as lab:
        net = make(lab, x, y, path)
        with under_traffic(net) as traffic:
            outages = []
            for turn in range(3):
                if turn > 0 and most_ms == FOUND_OUT_MS:
                    wait_settled(net, path)
                seen = net.y.peer("x")["endpoint"]
                outages.append(outage_ms(traffic, net.x.rebind))
                assert path != DIRECT or net.y.peer("x")["endpoint"] != seen
                print(f"{x} and {y}: {outages[-1]:.1f} ms")
                assert outages[-1] <= most_ms + LAB_MS
                traffic.must_go_on()
            assert statistics.median(outages) <= SLACK_MS + LAB_MS
            # Another may have been in use in between, but not for long.
            wait_path(net, path)


@pytest.mark.parametrize("x,y,path,most_ms", [*SEEN_AT_ONCE, *OVER_TCP])
def test_connections_survive_a_reboot_of_the_nat(x, y, path, most_ms):
    with Lab("roam") as lab:
        net = make(lab, x, y, path)
        with under_traffic(net) as traffic:
            stream, off = traffic.streams["x"], []

            def wait_a_while():
                goal = stream.mark()["sent"] + OFF_COUNT
                wait_for(lambda: stream.mark()["sent"] >= goal, 5, "requests to be lost")

            def reboot():
                begin = time.monotonic()
                net.x.reboot(wait_a_while)
                off.append((time.monotonic() - begin) * 1000)
            outage = outage_ms(traffic, reboot)
            print(f"{x} and {y}: {outage:.1f} ms, off for {off[0]:.1f} ms")
            assert OFF_COUNT - LAB_MS <= outage <= off[0] + most_ms + LAB_MS
            traffic.must_go_on()
            wait_path(net, path)


@pytest.mark.parametrize("x,y,path", [("eim-apdf", "none", DIRECT), ("apdm-apdf", "apdm-apdf", RELAYED),
                                      ("eim-apdf", "eim-apdf", PUNCHED)])
def test_who_only_listens_is_found_again_within_one_keepalive(x, y, path):
    with Lab("roam") as lab:
        net = make(lab, x, y, path, RARE_HELLOS)
        with Stream(net.y.host, net.x.host) as stream:
            stream.wait_received(500)
            net.x.rebind()
            stream.wait_received(500, timeout=20)
            stream.finish()
        # One number per millisecond.
        outage = max(two - one for one, two in zip(stream.numbers, stream.numbers[1:]))
        print(f"{x} and {y}: {outage} ms")
        assert outage <= KEEPALIVE_MS + SLACK_MS + LAB_MS


def test_an_idle_tunnel_stays_usable_where_mappings_are_forgotten_after_30_s():
    cases = [("eim-apdf", "none", DIRECT), ("eim-apdf", "eim-apdf", PUNCHED), ("apdm-apdf", "apdm-apdf", RELAYED)]
    with contextlib.ExitStack() as stack:
        nets = []
        for x, y, path in cases:
            net = make(stack.enter_context(Lab("idle")), x, y, path, RARE_HELLOS)
            for site in net.sites.values():
                site.forget_after(TIMEOUT_S)
            # Mappings begin anew.
            net.wait_ping()
            wait_path(net, path)
            nets.append(net)
        end = time.monotonic() + IDLE_S
        wait_for(lambda: time.monotonic() > end, IDLE_S + 1, "the mappings' time to pass", interval=1)
        for net, (x, y, path) in zip(nets, cases):
            # The first frame comes from outside, and nothing is wrong with it.
            assert net.ping("y"), (x, y)
            assert net.ping("x"), (x, y)
            wait_path(net, path)
