"""Connections survive what becomes of IPv6 under them: it breaks, its prefix changes, its packets get smaller."""
import pytest
from lab.matrix import label, throughput
from lab.nat import INSIDE, OUTSIDE
from lab.natnet import NatNet
from lab.netns import Lab, wait_for
from nat_paths import DIRECT, PUNCHED, RELAYED, paths, wait_path
from roam import Change
from test_nat_roaming import FOUND_OUT_MS, LAB_MS, SLACK_MS, outage_ms, under_traffic

# IPv6 and UDP in front of a record, and what the record itself has.
OVERHEAD = 40 + 8 + 40
# A dead way to the rendezvous is found out by checks, which are a second apart at most.
LEG_FOUND_OUT_MS = 2500


def make(lab, x, y, x6, y6, path, **more):
    return wait_path(NatNet(lab, x, y, x6, y6, **more).start().wait_ping(), path)


def families(net):
    return tuple(6 if row["endpoint"].startswith("[") else 4 for row in (net.x.peer("y"), net.y.peer("x")))


# x's and y's IPv4; how they reach each other when there is nothing else; the longest outage.
@pytest.mark.parametrize("kind,instead,most_ms", [("eim-apdf", PUNCHED, FOUND_OUT_MS),
                                                  ("apdm-apdf", RELAYED, LEG_FOUND_OUT_MS)])
def test_ipv4_takes_over_when_ipv6_breaks_and_gives_back(kind, instead, most_ms):
    with Lab("ipv6") as lab:
        net = make(lab, kind, kind, "firewall", "firewall", DIRECT)
        assert families(net) == (6, 6)
        with under_traffic(net) as traffic:
            outage = outage_ms(traffic, lambda: net.x.box6.space.sysctl("net.ipv6.conf.all.forwarding", 0))
            print(f"{label(net.x)}: {outage:.1f} ms until by IPv4")
            assert outage <= most_ms + LAB_MS
            wait_path(net, instead)
            assert instead == RELAYED or families(net) == (4, 4)
            traffic.must_go_on()
            net.x.box6.space.sysctl("net.ipv6.conf.all.forwarding", 1)
            # Through a relay nobody stays; of two direct ways there is none to prefer.
            if instead == RELAYED:
                wait_path(net, DIRECT, 60)
                assert families(net) == (6, 6)
            traffic.must_go_on()


# y's IPv6. Where a firewall stands before it, it lets in nobody who comes from elsewhere.
@pytest.mark.parametrize("y6,most_ms", [("none", SLACK_MS), ("firewall", FOUND_OUT_MS)])
def test_another_prefix_costs_what_another_address_costs(y6, most_ms):
    with Lab("ipv6") as lab:
        known = y6 == "none"
        net = make(lab, None, None, "firewall", y6, DIRECT, endpoints="y" if known else "", rendezvous=not known)
        with under_traffic(net) as traffic:
            change = Change(net.x.space)
            lines = net.x.renumber()
            outage = outage_ms(traffic, lambda: change.make(*lines))
            print(f"to {y6}: {outage:.1f} ms")
            assert outage <= most_ms + LAB_MS
            traffic.must_go_on()
            wait_for(lambda: paths(net) == (DIRECT, DIRECT) and
                     net.y.peer("x")["endpoint"].startswith(f"[{net.x.address6}]"), 5, "y to follow")


@pytest.mark.parametrize("mtu", [1400, 1280])
def test_a_narrow_path_is_found_and_used(mtu):
    """By probes: "packet too big" is nobody's word to take."""
    with Lab("ipv6") as lab:
        net = NatNet(lab, None, None, "firewall", "none", endpoints="y", rendezvous=False)
        # Both: what comes in may be a VLAN tag larger.
        for device in (INSIDE, OUTSIDE):
            net.x.box6.space.ip(f"link set {device} mtu {mtu}")
        wait_path(net.start().wait_ping(), DIRECT)
        for site, other in ((net.x, "y"), (net.y, "x")):
            wait_for(lambda one=site, peer=other: one.peer(peer)["mtu"] == mtu - OVERHEAD, 20,
                     f"{site.name} to find {mtu - OVERHEAD}: {site.peer(other)['mtu']}")
        assert throughput(net) > 1
