"""What the router answers to ARP, and what never; asked by hand and by real clients."""
import os
import subprocess

import pytest
import sniff
from lab.netns import wait_for
from sites import VIRTUAL_MAC, Sites, mac_bytes

ROUTER = mac_bytes(VIRTUAL_MAC)
NETWORKD = "/lib/systemd/systemd-networkd"


@pytest.fixture(scope="module")
def flat():
    """One subnet over two sites: here proxy ARP matters most."""
    with Sites(stretched=True) as net:
        net.ha, net.neighbour, net.hb = net.host("a", 10), net.host("a", 11), net.host("b", 20)
        net.start()
        for host in net.hosts.values():
            host.arp("10.0.0.99")  # as a machine that starts
            net.wait_owner(host.ip, host.site)
        yield net


@pytest.fixture(scope="module")
def net():
    """One subnet per site."""
    with Sites() as sites:
        sites.ha, sites.hb = sites.start_pair()
        yield sites


def answers(host, ask, marker="10.0.0.20"):
    """Who answers what 'ask' says? Waits for the answer to a later request, so that nothing is too late."""
    with sniff.Sniffer(host.space, "eth0") as seen:
        ask()
        host.arp(marker)
        seen.wait(lambda frame: frame.op == 2 and frame.spa == marker, what="the marker's answer")
        return [(frame.spa, frame.sha) for frame in seen.frames(
            lambda frame: frame.op == 2 and not frame.outgoing and frame.spa != marker)]


# ---- what is answered ----

def test_a_machine_of_another_site_is_answered_for_with_the_virtual_mac(flat):
    with sniff.Sniffer(flat.ha.space, "eth0") as seen:
        flat.ha.arp(flat.hb.ip)
        answer = seen.wait(lambda frame: frame.op == 2)
        assert answer.sha == ROUTER and answer.source == ROUTER and answer.spa == flat.hb.ip
        assert answer.to == mac_bytes(flat.ha.mac)
        assert len(seen.frames(lambda frame: frame.op == 2)) == 1


def test_the_gateway_is_answered_for_at_every_site_with_the_same_mac(net):
    macs = set()
    for host in (net.ha, net.hb):
        with sniff.Sniffer(host.space, "eth0") as seen:
            host.arp(net.gateway(host.site))
            macs.add(seen.wait(lambda frame: frame.op == 2).sha)
    assert macs == {ROUTER}


def test_a_unicast_request_to_a_remote_machines_mac_is_answered(flat):
    # A visitor refreshes what it knew at home. The switch floods what it has not learned.
    with sniff.Sniffer(flat.ha.space, "eth0") as seen:
        flat.ha.arp(flat.hb.ip, to=mac_bytes(flat.hb.mac))
        assert seen.wait(lambda frame: frame.op == 2).sha == ROUTER


def test_a_unicast_request_to_the_virtual_mac_is_answered(flat):
    with sniff.Sniffer(flat.ha.space, "eth0") as seen:
        flat.ha.arp(flat.hb.ip, to=ROUTER)
        assert seen.wait(lambda frame: frame.op == 2).sha == ROUTER


# ---- what never is ----

def test_a_gratuitous_request_is_never_answered(flat):
    assert answers(flat.ha, lambda: flat.ha.arp(flat.ha.ip)) == []


def test_a_gratuitous_request_for_a_remote_machines_address_is_never_answered(flat):
    assert answers(flat.ha, lambda: flat.ha.arp(flat.hb.ip, sender_ip=flat.hb.ip), "10.0.0.20") == []
    assert flat.owner("a", flat.hb.ip) == "b"


def test_a_request_for_the_requesters_own_address_is_never_answered(flat):
    # Its MAC asks for an address that HWDT knows to be its own, under another sender address.
    assert answers(flat.ha, lambda: flat.ha.arp(flat.ha.ip, sender_ip="10.0.0.50")) == []


def test_a_machine_present_on_the_lan_answers_for_itself(flat):
    said = answers(flat.ha, lambda: flat.ha.arp(flat.neighbour.ip))
    assert said == [(flat.neighbour.ip, mac_bytes(flat.neighbour.mac))]


def test_an_address_without_an_owner_is_never_answered(flat, net):
    assert answers(flat.ha, lambda: flat.ha.arp("10.0.0.99")) == []
    assert answers(net.ha, lambda: net.ha.arp("10.1.0.99"), "10.1.0.1") == []
    assert answers(net.ha, lambda: net.ha.arp("203.0.113.1"), "10.1.0.1") == []


def test_what_is_outside_the_network_is_not_answered_to(net):
    # A sender that the LNDT does not know asks for a machine of the network.
    assert answers(net.ha, lambda: net.ha.arp(net.hb.ip, sender_ip="192.168.5.5"), "10.1.0.1") == []


def test_a_reply_of_another_machine_is_not_answered(flat):
    assert answers(flat.ha, lambda: flat.ha.arp(flat.hb.ip, op=2)) == []


# ---- address probes (RFC 5227) ----

def dad(host, address):
    """arping -D: 0 when the address is free."""
    done = subprocess.run(["ip", "netns", "exec", host.space.full, "arping", "-D", "-q", "-c", "2", "-w", "2",
                           "-I", "eth0", address], check=False, timeout=10)
    return done.returncode


def test_arping_finds_a_free_address_free(flat):
    assert dad(flat.ha, "10.0.0.77") == 0


def test_arping_finds_its_own_address_free(flat):
    assert dad(flat.ha, flat.ha.ip) == 0


def test_arping_finds_the_address_of_a_living_remote_machine_taken(flat):
    assert dad(flat.ha, flat.hb.ip) == 1


def test_arping_finds_the_address_of_a_dead_remote_machine_free():
    with Sites(stretched=True) as net:
        ha, hb = net.host("a", 10), net.host("b", 20)
        net.start()
        net.wait_ping(ha, hb)
        assert dad(ha, hb.ip) == 1
        hb.space.ip("link set eth0 down")
        assert net.owner("a", hb.ip) == "b"
        assert dad(ha, hb.ip) == 0


def test_arping_finds_the_gateways_address_taken(net):
    assert dad(net.ha, "10.1.0.1") == 1


def test_a_machine_that_moved_finds_its_own_address_free_at_the_new_site():
    with Sites(stretched=True) as net:
        ha, hb = net.host("a", 10), net.host("b", 20)
        net.start()
        net.wait_ping(ha, hb)
        ha.move("b")
        assert dad(ha, ha.ip) == 0
        assert net.ping(ha, hb)


class Networkd:
    """systemd-networkd, by hand, in a namespace and with a /run of its own."""

    def __init__(self, host, address):
        self.host = host
        lab = host.net.lab
        self.log = lab.path(f"networkd-{host.name}")
        folder = lab.path(f"run-{host.name}")
        os.makedirs(f"{folder}/systemd/network")
        with open(f"{folder}/systemd/network/10-eth0.network", "w", encoding="ascii") as file:
            file.write("[Match]\nName=eth0\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
                       f"[Address]\nAddress={address}/24\nDuplicateAddressDetection=ipv4\n")
        # It wants a /run to write to. With a read-only /sys it does not wait for udev.
        script = (f"mount -o remount,bind,ro /sys && mount --bind {folder} /run && cd /run/systemd && "
                  "mkdir -p netif/links netif/leases netif/lldp && chmod -R a+rwX /run/systemd && "
                  f"exec env SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console {NETWORKD}")
        with open(self.log, "wb") as output:
            self.process = host.space.popen("unshare", "-m", "sh", "-c", script, stdout=output, stderr=output)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def has(self, address):
        return f" {address}/" in self.host.space.ip("-4 -o address show dev eth0")


@pytest.mark.parametrize("address,free", [("10.0.0.60", True), ("10.0.0.20", False)])
def test_networkd_takes_free_addresses_and_only_those(flat, address, free):
    assert os.path.exists(NETWORKD), "systemd-networkd is not installed: scripts/deps test"
    newcomer = flat.host("a", 30, f"new{address[-2:]}")
    newcomer.space.ip("address flush dev eth0")
    wait_for(newcomer.is_forwarding, 3, "the newcomer to be plugged in")
    daemon = Networkd(newcomer, address)
    try:
        if free:
            wait_for(lambda: daemon.has(address), 12, f"the address; {daemon.text()[-3000:]}")
            wait_for(lambda: flat.ping(newcomer, flat.hb, 1), 5, "an answer")
        else:
            wait_for(lambda: "an address conflict was detected" in daemon.text(), 12, "a conflict to be found")
            assert not daemon.has(address)
            assert flat.owner("a", address) == "b"
    finally:
        flat.lab.end(daemon.process)
