"""Devices of LAN ports: a bridge gets a port of its own, a NIC is raised, and nothing is left of either."""
import json
import re
import socket
import subprocess

import pytest
from lab.netns import wait_for
from port_rig import PROBE, ROUTER, VM, Net, add_bridge, add_cable, arp, ether, ip4


@pytest.fixture
def net():
    with Net() as made:
        yield made


@pytest.fixture
def cable(net):
    return add_cable(net)


@pytest.fixture
def bridge(net):
    return add_bridge(net)


def links(net):
    # Without what changes by itself.
    keys = ("ifname", "address", "mtu", "flags", "promiscuity", "master", "operstate")
    return [{k: link.get(k) for k in keys}
            for link in json.loads(net.ip(net.r, "-j", "-d", "link", "show"))]


def own_ends(net):
    return sorted(link["ifname"] for link in links(net) if "-vr" in link["ifname"])


def test_a_bridge_gets_a_port_of_its_own_and_loses_it_again(bridge):
    wait_for(lambda: links(bridge)[-1]["operstate"] == "UP", 5, "the bridge")
    before = links(bridge)
    probe = bridge.probe(bridge.r, "--device", "br-some-lan")
    inner, outer = own_ends(bridge)
    assert bridge.link(bridge.r, outer)["master"] == "br-some-lan"
    mine = bridge.link(bridge.r, inner)
    assert "NOARP" in mine["flags"] and mine["promiscuity"] > 0 and mine["mtu"] == 1400
    assert probe.ready["mtu"] == 1400
    assert "inet" not in bridge.ip(bridge.r, "addr", "show", inner)
    assert "inet" not in bridge.ip(bridge.r, "addr", "show", outer)
    now = [link for link in links(bridge) if "-vr" not in link["ifname"]]
    assert now == before
    assert probe.stop() == 0
    assert links(bridge) == before
    assert bridge.sh(bridge.r, "nft", "list", "ruleset") == ""


def test_the_pair_of_a_killed_process_is_replaced_and_a_living_one_is_not(bridge):
    bridge.probe(bridge.r, "--device", "br-some-lan").kill()
    first = own_ends(bridge)
    assert len(first) == 2
    index = bridge.link(bridge.r, first[0])["ifindex"]
    again = bridge.probe(bridge.r, "--device", "br-some-lan")
    assert own_ends(bridge) == first
    assert bridge.link(bridge.r, first[0])["ifindex"] != index
    second = bridge.probe(bridge.r, "--device", "br-some-lan")
    assert len(own_ends(bridge)) == 4
    assert again.stop() == 0 and second.stop() == 0
    assert own_ends(bridge) == []


def test_the_bridge_hears_and_is_heard_both_ways(bridge):
    probe = bridge.probe(bridge.r, "--device", "br-some-lan")
    bridge.ip(bridge.h, "addr", "add", "10.1.0.5/24", "dev", "h0")
    bridge.sh(bridge.h, "ping", "-c1", "-W1", "10.1.0.1", check=False)
    asked = probe.wait(lambda e: e["event"] == "control")
    assert bytes.fromhex(asked["hex"])[28:32] == socket.inet_aton("10.1.0.5")
    vm = bridge.mac(bridge.h, "h0")
    probe.inject(arp(2, ROUTER, "10.1.0.1", vm, "10.1.0.5", dst=vm))
    wait_for(lambda: ROUTER in bridge.ip(bridge.h, "neigh", "show", "10.1.0.1"), 5, "the router's MAC")
    # The bridge has learned where the router is.
    assert re.search(rf"{ROUTER} dev br-so-vr\S+o ", bridge.sh(bridge.r, "bridge", "fdb", "show"))
    # The host's kernel on the bridge is one more machine of the LAN.
    bridge.ip(bridge.r, "addr", "add", "10.1.0.8/24", "dev", "br-some-lan")
    bridge.sh(bridge.r, "ping", "-c1", "-W1", "10.1.0.77", check=False)
    event = probe.wait(lambda e: e["event"] == "control" and e["hex"][56:64] == "0a010008")
    assert not event["outgoing"]


def test_a_device_that_is_down_is_raised_and_put_back(cable):
    cable.ip(cable.r, "link", "set", "p0", "down")
    probe = cable.probe(cable.r, "--device", "p0")
    link = cable.link(cable.r, "p0")
    assert "UP" in link["flags"] and link["promiscuity"] == 1
    assert probe.stop() == 0
    link = cable.link(cable.r, "p0")
    assert "UP" not in link["flags"] and link["promiscuity"] == 0


def test_a_port_survives_its_device_going_down_and_up(cable):
    probe = cable.probe(cable.r, "--device", "p0")
    cable.ip(cable.r, "link", "set", "p0", "down")
    wait_for(lambda: any("down" in line for line in probe.log), 5, "a line about it")
    cable.ip(cable.r, "link", "set", "p0", "up")
    wait_for(lambda: cable.link(cable.r, "p0")["operstate"] == "UP", 5, "the device")
    lan = cable.raw(cable.h, "h0")
    lan.send(arp(1, VM, "10.1.0.5", "00:00:00:00:00:00", "10.1.0.5"))
    probe.wait(lambda e: e["event"] == "control")
    lan.send(ether(ROUTER, VM, 0x0800, ip4("10.1.0.5", "10.2.0.5")))
    probe.wait(lambda e: e["event"] == "frame")
    probe.inject(arp(2, ROUTER, "10.1.0.1", VM, "10.1.0.5", dst=VM))


@pytest.mark.parametrize("device", ["nothere", "lo", "a-name-that-is-too-long"])
def test_a_device_that_cannot_be_used_is_refused(cable, device):
    done = subprocess.run(["ip", "netns", "exec", cable.r, PROBE, "--device", device],
                          capture_output=True, text=True, timeout=5)
    assert done.returncode == 1 and device in done.stderr


def test_on_a_bridge_the_ports_own_mac_is_served_and_guarded(bridge):
    net = bridge
    net.sh(net.r, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    probe = net.probe(net.r, "--nic-mac", "--device", "br-some-lan")
    inner = own_ends(net)[0]
    assert probe.ready["mac"] == net.mac(net.r, inner)
    net.ip(net.h, "addr", "add", "10.1.0.5/24", "dev", "h0")
    net.ip(net.r, "addr", "add", "10.1.0.1/24", "dev", "br-some-lan")
    net.ip(net.h, "neigh", "replace", "10.1.0.1", "lladdr", probe.ready["mac"], "dev", "h0")
    net.sh(net.h, "ping", "-c2", "-i0.2", "-W1", "10.1.0.1", check=False)
    heard = [e for e in probe.heard() if e["event"] == "frame" and e.get("proto") == 1]
    assert len(heard) == 2
    assert net.counter(net.r, "IcmpInMsgs") == 0
