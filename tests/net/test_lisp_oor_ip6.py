"""OpenOverlayRouter and IPv6: as underlay of IPv4 EIDs, and as EIDs that are registered and resolved."""
import ipaddress
import json
import os

import pytest
from lab import tools
from lab.netns import wait_for
from lisp_sites import CONTROL
from oor import ACCESS, PROGRAM, SERVER, Oor, OorSites, site_conf, xtr_conf
from sites import NUMBERS, VN
from traffic import transfer

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="openoverlayrouter is not installed")

CONFIRMED = "confirms correct registration"


def eids(name):
    """An IPv6 prefix of a site of OOR."""
    return f"2001:db8:e{NUMBERS[name]}::/64"


def host_of(name):
    return eids(name).replace("::/64", "::10")


def lig(net, space, resolver, eid):
    text = net.spaces[space].run(tools.built("vrctl"), "-s", "/nonexistent", "--json", "lig", "--mr", resolver, "--vn", str(VN), eid)
    return json.loads(text)


class Ip6Sites(OorSites):
    """The underlay has IPv6, too, and LISP uses nothing else there."""

    def __init__(self, **more):
        super().__init__(oor={"family": 6}, **more)
        self.access.sysctl("net.ipv6.conf.all.forwarding", 1)
        self._ip6(self.access, "wan0", "2001:db8::fd")

    @staticmethod
    def _ip6(space, device, address):
        space.sysctl(f"net.ipv6.conf.{device}.disable_ipv6", 0)
        space.ip(f"-6 address add {address}/64 dev {device} nodad")

    def rloc(self, name):
        return f"2001:db8:{ACCESS[:3]}{NUMBERS[name]}::2" if name in self.oor_names else f"2001:db8::{NUMBERS[name]}"

    def _attach(self, name, space):
        super()._attach(name, space)
        self._ip6(space, "wan0", self.rloc(name))
        if name in self.oor_names:
            gateway = self.rloc(name)[:-1] + "1"
            self._ip6(self.access, f"to-{name}", gateway)
            space.ip(f"-6 route add default via {gateway} dev wan0")

    def start(self, timeout=10):
        for name in self.names:
            self.spaces[name].ip("-6 route add default via 2001:db8::fd")
        return super().start(timeout)


@pytest.fixture(scope="module")
def under():
    with Ip6Sites() as sites:
        sites.ha, sites.ho, sites.hp = (sites.host(name, 10) for name in "aop")
        sites.start()
        yield sites


def test_it_is_registered_with_an_ip6_locator(under):
    for name, oor in under.oors.items():
        row = under.here(name)
        assert [locator["rloc"] for locator in row["locators"]] == [under.rloc(name)]
        assert row["etr"] == under.rloc(name)
        oor.wait_said(CONFIRMED)


@pytest.mark.parametrize("pair", ["oa", "op"])
def test_hosts_reach_each_other_over_ip6(under, pair):
    one, other = (under.hosts[f"h{name}10"] for name in pair)
    under.wait_ping(one, other)
    under.wait_ping(other, one)
    # OOR's TUN device leaves no room for more.
    assert under.ping(one, other, 20, 1300, whole=True) and under.ping(other, one, 20, 1300, whole=True)
    transfer(one, other, 4 << 20)
    transfer(other, one, 4 << 20)


def test_a_router_of_ours_has_the_ip6_locator(under):
    under.wait_ping(under.ha, under.ho)
    assert under.locators("a", under.ho.ip) == [under.rloc("o")]


def test_lig_asks_over_ip6(under):
    answer = lig(under, "a", under.rloc("m"), under.ho.ip)
    assert answer["from"] == f"[{under.rloc('m')}]:{CONTROL}"
    row, = answer["records"]
    assert (row["prefix"], row["locators"][0]["rloc"]) == (under.subnet("o"), under.rloc("o"))


# ---- IPv6 EIDs ----

class Ip6Eids(OorSites):
    """OOR's sites have an IPv6 prefix beside the IPv4 one; the underlay is IPv4."""

    def eids(self, name):
        return [self.subnet(name), eids(name)]

    def start(self, timeout=10):
        for name in self.oor_names:
            space = self.spaces[name]
            space.sysctl("net.ipv6.conf.all.forwarding", 1)
            # Its TUN device, which is to come, too.
            for which in ("default", "br0"):
                space.sysctl(f"net.ipv6.conf.{which}.disable_ipv6", 0)
            space.ip(f"-6 address add {eids(name).replace('/64', '1/64')} dev br0 nodad")
            host = self.hosts[f"h{name}10"].space
            host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
            host.ip(f"-6 address add {host_of(name)}/64 dev eth0 nodad")
            host.ip(f"-6 route add default via {eids(name).replace('/64', '1')}")
        return super().start(timeout)

    def rows(self):
        return [row["prefix"] for row in self.routers["m"].show("registrations") if row["kind"] == "here"]


@pytest.fixture(scope="module")
def inside():
    with Ip6Eids() as sites:
        for name in "aop":
            sites.host(name, 10)
        sites.start()
        wait_for(lambda: {eids("o"), eids("p")} <= set(sites.rows()), 10, "the IPv6 prefixes to be registered")
        yield sites


def test_ip6_eids_are_registered_and_resolved(inside):
    for name in "op":
        answer = lig(inside, "a", inside.address("m"), host_of(name))
        row, = answer["records"]
        assert (row["vn"], row["prefix"], row["action"]) == (VN, eids(name), None)
        assert [locator["rloc"] for locator in row["locators"]] == [inside.address(name)]


def test_what_nobody_has_of_ip6_is_answered_with_a_wide_prefix(inside):
    row, = lig(inside, "a", inside.address("m"), "2001:db8:ffff::1")["records"]
    assert row["locators"] == [] and row["action"] == "native-forward"
    free = ipaddress.ip_network(row["prefix"])
    assert ipaddress.ip_address("2001:db8:ffff::1") in free
    assert not any(free.overlaps(ipaddress.ip_network(eids(name))) for name in "op")


def test_ip6_machines_behind_two_of_it_find_each_other_by_our_map_server(inside):
    one = inside.hosts["ho10"].space

    def reached():
        return " 0% packet loss" in one.run("ping", "-6", "-c", "3", "-i", "0.2", "-W", "1", host_of("p"), check=False)
    wait_for(reached, 15, "O's machine to reach P's")


# ---- OOR's map-server ----

class Ip6Served(Ip6Sites):
    """O registers at OOR's map-server S, over IPv6; our tools ask there."""

    def __init__(self):
        super().__init__(names="m", oors="o")
        space = self.spaces[SERVER] = self.lab.ns(SERVER)
        self._attach(SERVER, space)
        conf = "".join(site_conf(prefix, self.oor_secret("o")) for prefix in self.eids("o"))
        self.oor_server = Oor(space, SERVER, "operating-mode = MS\ncontrol-iface = wan0\n" + conf)
        self.oors["o"].conf = xtr_conf(self.rloc(SERVER), self.oor_secret("o"), self.eids("o"), family=6)

    def eids(self, name):
        return [self.subnet(name), eids(name)]

    def wait_here(self, name, timeout=10):
        return self.oors[name].wait_said(CONFIRMED, timeout, more_than=1)

    def start(self, timeout=10):
        self.spaces[SERVER].ip("-6 route add default via 2001:db8::fd")
        self.oor_server.start()
        self.oor_server.wait_said(r"started\.\.\.")
        return super().start(timeout)


@pytest.mark.parametrize("which", ["ip4", "ip6"])
def test_lig_asks_its_map_resolver_for_ip6(which):
    """Over an IPv6 underlay, and over IPv4."""
    with Ip6Served() as sites:
        sites.start()
        resolver = sites.rloc(SERVER) if which == "ip6" else sites.address(SERVER)
        row, = lig(sites, "m", resolver, host_of("o"))["records"]
        assert (row["vn"], row["prefix"]) == (VN, eids("o"))
        assert [locator["rloc"] for locator in row["locators"]] == [sites.rloc("o")]
        row, = lig(sites, "m", resolver, "2001:db8:ffff::1")["records"]
        assert row["locators"] == []


