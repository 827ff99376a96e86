"""Two routers on one LAN, behind one and the same NAT: they talk there, and by other ways where the LAN does not let them."""
import pytest
from lab.nat import INSIDE
from lab.natnet import PORT, PUBLIC, NatNet
from lab.netns import Lab, wait_for
from nat_paths import DIRECT, PUNCHED, RELAYED, paths, wait_path
from relays import only_udp
from traffic import transfer

KINDS = ["eim-apdf", "apdm-apdf"]
SIZE = 1 << 20
# A NAT that turns round what is for the outer address of somebody behind it (RFC 4787, REQ-9): {x} and {y} are the inner
# addresses of both, {port} is the outer port of x. That of y is its own.
HAIRPIN = """table ip hairpin {{
    chain prerouting {{ type nat hook prerouting priority dstnat - 1;
        iifname "{inside}" ip daddr {public} udp dport {port} dnat to {x}:{own}
        iifname "{inside}" ip daddr {public} udp dport {own} dnat to {y}:{own}
    }}
    chain postrouting {{ type nat hook postrouting priority srcnat - 1;
        oifname "{inside}" ip saddr {x} udp sport {own} ct status dnat snat to {public}:{port}
        oifname "{inside}" ip saddr {y} udp sport {own} ct status dnat snat to {public}:{own}
    }}
    chain turn {{ type filter hook forward priority filter - 1; iifname "{inside}" oifname "{inside}" accept; }}
}}
"""


def make(lab, kind, isolated=False, hairpin=False):
    net = NatNet(lab, kind, kind, together=True, configure=only_udp)
    net.start_nats()
    if isolated:
        net.isolate()
    if hairpin:
        nat = net.x.nats[0]
        file = lab.path("hairpin.nft")
        with open(file, "w", encoding="ascii") as out:
            out.write(HAIRPIN.format(inside=INSIDE, public=PUBLIC["x"], port=nat.port, own=PORT, x=net.x.address,
                                     y=net.y.address))
        nat.space.run("nft", "-f", file)
    for name in sorted(net.routers):
        net.routers[name].start()
    return net.wait_ping()


def endpoints(net):
    return net.x.peer("y")["endpoint"], net.y.peer("x")["endpoint"]


def relayed(net):
    return net.routers["r"].show("stats")["relayed_bytes"]


def carries(net, by_relay):
    """Both ways, with every byte compared; by the relay or not?"""
    before = relayed(net)
    transfer(net.x.host, net.y.host, SIZE)
    passed = relayed(net) - before
    assert passed > 2 * SIZE if by_relay else passed < SIZE // 4, passed


@pytest.mark.parametrize("kind,hairpin", [*((kind, False) for kind in KINDS), ("eim-apdf", True)])
def test_they_find_each_other_by_their_own_addresses(kind, hairpin):
    with Lab("onelan") as lab:
        net = make(lab, kind, hairpin=hairpin)
        wait_path(net, DIRECT)
        wait_for(lambda: endpoints(net) == (f"{net.y.address}:{PORT}", f"{net.x.address}:{PORT}"), 10,
                 f"both to use the LAN: {endpoints(net)}")
        carries(net, by_relay=False)


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_lan_keeps_them_apart_the_relay_is_used(kind):
    with Lab("onelan") as lab:
        net = make(lab, kind, isolated=True)
        wait_path(net, RELAYED)
        carries(net, by_relay=True)


def test_where_the_lan_keeps_them_apart_a_nat_that_turns_round_is_used():
    with Lab("onelan") as lab:
        net = make(lab, "eim-apdf", isolated=True, hairpin=True)
        wait_path(net, PUNCHED)
        assert endpoints(net) == (f"{PUBLIC['x']}:{PORT}", f"{PUBLIC['x']}:{net.x.nats[0].port}")
        carries(net, by_relay=False)


def test_a_lan_that_keeps_them_apart_from_now_on_is_left_for_the_relay():
    with Lab("onelan") as lab:
        net = wait_path(make(lab, "eim-apdf"), DIRECT)
        net.isolate()
        wait_path(net, RELAYED)
        assert paths(net) == (RELAYED, RELAYED)
        carries(net, by_relay=True)
