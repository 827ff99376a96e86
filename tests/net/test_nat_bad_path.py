"""A direct way that has become bad, although it answers: the relay takes over, both ends say why, and it is left again."""
import time

from lab.natnet import NatNet
from lab.netns import wait_for
from nat_paths import PUNCHED, RELAYED, paths, together, wait_path
from relays import only_udp
from test_nat_roaming import under_traffic

SLOW, LOSES, FOLLOWS, BETTER = ("the one before was too slow", "the one before lost too much", "the peer came from there",
                                "better than the one before")
# The emulator's lines between x's NAT, which is attached first, and y's; those to the relay are others.
DIRECT_LINES = ("0 1", "1 0")
# Much slower than by the relay, but within what a check is waited for.
SLOW_MS, LOSS_PCT = 60, 30
FOUND_S = 20
# It is left for 30 s, and twice as long if it was found bad twice.
BACK_S = 100
CALM = "* * loss_pct=0"


def make(lab):
    """x and y have punched, and know a relay, which is as near; the lines are emulated, frame by frame."""
    net = NatNet(lab, "eim-apdf", "eim-apdf", configure=only_udp, rules=[CALM])
    return wait_path(net.start().wait_ping(), PUNCHED)


def spoil(net, text):
    for line in DIRECT_LINES:
        assert net.underlay.tell(f"{line} {text}")["ok"]


def reasons(net):
    return {net.x.peer("y")["path_reason"], net.y.peer("x")["path_reason"]}


def says(net, why):
    """Is that, and nothing else, why the one end has left the way, and the other with it?"""
    return why in reasons(net) and reasons(net) <= {why, FOLLOWS}


def shown(net):
    """The tables for people, of both."""
    return "".join(site.space.run("build/vrctl", "-s", site.router.conf["control_socket"], "show", "peers")
                   for site in net.sites.values())


def bad_and_good(lab, bad, good, why):
    """The direct way becomes bad, and good again; what is said meanwhile."""
    net = make(lab)
    with under_traffic(net) as traffic:
        spoil(net, bad)
        begin = time.monotonic()
        wait_for(lambda: paths(net) == (RELAYED, RELAYED) and says(net, why), FOUND_S,
                 lambda: f"both to use the relay because {why}: {paths(net)}, {reasons(net)}")
        print(f"{bad}: relayed after {time.monotonic() - begin:.1f} s: {reasons(net)}")
        assert why in shown(net)
        # It stays so, and what passes is right.
        traffic.must_go_on()
        assert paths(net) == (RELAYED, RELAYED)
        spoil(net, good)
        begin = time.monotonic()
        wait_path(net, PUNCHED, BACK_S)
        print(f"{bad}: direct again after {time.monotonic() - begin:.1f} s: {reasons(net)}")
        assert says(net, BETTER)
        traffic.must_go_on()


def test_a_direct_way_that_is_slow_or_loses_gives_way_to_the_relay_and_comes_back():
    together(lambda lab: bad_and_good(lab, f"delay_us={SLOW_MS * 1000}", "delay_us=0", SLOW),
             lambda lab: bad_and_good(lab, f"loss_pct={LOSS_PCT}", "loss_pct=0", LOSES))
