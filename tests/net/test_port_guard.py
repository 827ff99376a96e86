"""The guard of a LAN port: the kernel beside it leaves its packets alone, until the end."""
import socket
import subprocess

import pytest
from lab.netns import wait_for
from port_rig import PROBE, ROUTER, Net, inside_of


@pytest.fixture
def net():
    with Net() as made:
        yield made


@pytest.fixture
def gateway(net):
    """A host that forwards between two LANs, with the port on the first one."""
    net.h1, net.h2, net.r = net.ns("a"), net.ns("b"), net.ns("r")
    for number, host in enumerate((net.h1, net.h2), 1):
        net.wire(host, "h0", net.r, f"p{number}")
        net.ip(host, "addr", "add", f"10.{number}.0.2/24", "dev", "h0")
        net.ip(host, "route", "add", "default", "via", f"10.{number}.0.1")
        net.ip(net.r, "addr", "add", f"10.{number}.0.1/24", "dev", f"p{number}")
    net.sh(net.r, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    net.sh(net.h1, "ping", "-c1", "-W2", "10.2.0.2")
    return net


def reaches(net, to):
    done = subprocess.run(["ip", "netns", "exec", net.h1, "ping", "-c2", "-i0.2", "-W1", to],
                          capture_output=True, text=True)
    return done.returncode == 0, done.stdout


def test_the_kernel_leaves_guarded_prefixes_alone_until_the_end(gateway):
    net = gateway
    probe = net.probe(net.r, "--nic-mac", "--guard", "10.2.0.0/16", "--device", "p1")
    assert probe.ready["mac"] == net.mac(net.r, "p1")
    before = net.counter(net.h2, "IcmpInMsgs"), net.counter(net.h1, "IcmpInMsgs")
    ok, text = reaches(net, "10.2.0.2")
    assert not ok and "From" not in text
    echo = [e for e in probe.heard() if e["event"] == "frame" and e.get("proto") == 1]
    assert len(echo) == 2
    # Nothing on the other LAN, nothing back: neither a duplicate nor an error nor a redirect.
    assert (net.counter(net.h2, "IcmpInMsgs"), net.counter(net.h1, "IcmpInMsgs")) == before
    with inside_of(net.h1):
        s = socket.socket()
    s.settimeout(0.5)
    with pytest.raises(TimeoutError):
        s.connect(("10.2.0.9", 1))
    # The host's own addresses stay reachable, inside the prefixes and outside.
    assert reaches(net, "10.2.0.1")[0] and reaches(net, "10.1.0.1")[0]
    # An address that the host is given later is its own from then on.
    net.ip(net.r, "addr", "add", "10.2.0.55/32", "dev", "lo")
    assert reaches(net, "10.2.0.55")[0]
    assert probe.stop() == 0
    assert net.sh(net.r, "nft", "list", "ruleset") == ""
    assert reaches(net, "10.2.0.2")[0]


@pytest.mark.parametrize("family", [4, 6])
def test_the_kernel_leaves_what_comes_from_guarded_prefixes_alone(gateway, family):
    net = gateway
    outside, own, guard = "10.2.0.2", "10.2.0.1", "10.1.0.0/24"
    if family == 6:
        outside, own, guard = "fd00:2::2", "fd00:2::1", "fd00:1::/64"
        net.sh(net.r, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        for number, host in enumerate((net.h1, net.h2), 1):
            net.ip(host, "addr", "add", f"fd00:{number}::2/64", "dev", "h0", "nodad")
            net.ip(net.r, "addr", "add", f"fd00:{number}::1/64", "dev", f"p{number}", "nodad")
            net.ip(host, "-6", "route", "add", "default", "via", f"fd00:{number}::1")
    wait_for(lambda: reaches(net, outside)[0], 5, "the other LAN")
    probe = net.probe(net.r, "--nic-mac", "--guard", guard, "--device", "p1")
    ok, text = reaches(net, outside)
    assert not ok and "From" not in text
    assert reaches(net, own)[0]
    assert probe.stop() == 0
    assert reaches(net, outside)[0]


def test_no_rule_survives_a_killed_process(gateway):
    net = gateway
    probe = net.probe(net.r, "--nic-mac", "--guard", "10.2.0.0/16", "--device", "p1")
    assert "vrd_p1" in net.sh(net.r, "nft", "list", "tables")
    probe.kill()
    wait_for(lambda: "vrd_p1" not in net.sh(net.r, "nft", "list", "tables"), 5, "the kernel to take the table away")
    assert reaches(net, "10.2.0.2")[0]


def test_a_table_left_behind_is_replaced(gateway):
    net = gateway
    net.sh(net.r, "nft", 'table netdev vrd_p1 { chain old { type filter hook ingress device "p1" '
                         'priority -400; drop; }; }')
    probe = net.probe(net.r, "--nic-mac", "--guard", "10.2.0.0/16", "--device", "p1")
    assert reaches(net, "10.1.0.1")[0] and not reaches(net, "10.2.0.2")[0]
    assert probe.stop() == 0
    assert net.sh(net.r, "nft", "list", "ruleset") == ""


def test_two_guards_on_one_device_are_refused(gateway):
    net = gateway
    net.probe(net.r, "--nic-mac", "--guard", "10.2.0.0/16", "--device", "p1")
    second = subprocess.run(["ip", "netns", "exec", net.r, PROBE, "--nic-mac", "--guard",
                             "10.9.0.0/16", "--device", "p1"], capture_output=True, text=True,
                            timeout=5)
    assert second.returncode == 1
    assert not reaches(net, "10.2.0.2")[0]


def test_with_a_virtual_mac_the_kernel_ignores_the_routers_frames(gateway):
    net = gateway
    probe = net.probe(net.r, "--device", "p1")
    net.ip(net.h1, "neigh", "replace", "10.1.0.1", "lladdr", ROUTER, "dev", "h0")
    before = net.counter(net.h2, "IcmpInMsgs")
    ok, text = reaches(net, "10.2.0.2")
    assert not ok and "From" not in text
    assert net.counter(net.h2, "IcmpInMsgs") == before
    assert len([e for e in probe.heard() if e["event"] == "frame" and e.get("proto") == 1]) == 2
