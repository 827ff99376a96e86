"""UDP that is throttled, not blocked: the stream is taken, `vrctl show peers` says why, and UDP again when it is free."""
import time

import pytest
from lab.matrix import throughput
from lab.natnet import PUBLIC, WAN, NatNet
from lab.netns import Lab, wait_for
from nat_paths import DIRECT, PUNCHED, TCP, paths, wait_path
from survive import RATE
from test_nat_roaming import under_traffic

TCP_PORT = 443
LOSES = "the one before lost too much"
# A policer as providers have it, and a line that loses.
POLICED = "limit rate over 125 kbytes/second burst 16 kbytes drop"
LOSSY = "numgen random mod 100 < 30 drop"
FOUND_S = 8
# The bad way is tried again after 30 s, if what was seen of it meanwhile was good; otherwise after 60 more.
BACK_S = 100


class Policer:
    """Treats UDP that the routers named send, on the network between them; TCP is free."""

    def __init__(self, net, rule, senders="xy"):
        self.space = net.underlay.space
        chains = "\n".join(f"chain from_{name} {{ type filter hook ingress device to-{name} priority 0;\n"
                           f"meta l4proto udp {rule}\n}}" for name in senders)
        self.rules = f"table netdev policer {{\n{chains}\n}}\n"

    def __enter__(self):
        file = self.space.lab.path("policer.nft")
        with open(file, "w", encoding="ascii") as out:
            out.write(self.rules)
        self.space.run("nft", "-f", file)
        return self

    def __exit__(self, *_):
        self.space.run("nft", "delete", "table", "netdev", "policer")


def make(lab, kind="none"):
    """x can call y by UDP and, at port 443, by TCP."""
    def configure(name, conf):
        if name == "y":
            conf["tcp_listen"] = f"{PUBLIC['y']}:{TCP_PORT}"
        for peer in conf["peers"]:
            if name == "x" and peer["name"] == "y":
                peer["tcp"] = [f"{PUBLIC['y']}:{TCP_PORT}"]
    net = NatNet(lab, kind, "none", endpoints="y", rendezvous=False, configure=configure)
    net.start()
    return wait_path(net.wait_ping(), DIRECT)


def lasts(traffic, milliseconds):
    """So many of the stream's requests, one per millisecond, are sent meanwhile."""
    stream = traffic.streams["x"]
    goal = stream.mark()["sent"] + milliseconds
    wait_for(lambda: stream.mark()["sent"] >= goal, 2 * milliseconds / 1000, "the stream to go on")


def roams(net):
    return net.x.peer("y")["roams"] + net.y.peer("x")["roams"]


def reasons(net):
    return net.x.peer("y")["path_reason"], net.y.peer("x")["path_reason"]


def shown(router):
    """The table for people."""
    return router.space.run("build/vrctl", "-s", router.conf["control_socket"], "show", "peers")


# What is done to UDP, and to whose; the kind of site of x.
CASES = [pytest.param(POLICED, "xy", "none", id="policed"), pytest.param(POLICED, "x", "none", id="policed-to"),
         pytest.param(POLICED, "y", "eim-apdf", id="policed-from"), pytest.param(LOSSY, "xy", "none", id="lossy"),
         pytest.param(LOSSY, "y", "eim-apdf", id="lossy-from")]


@pytest.mark.parametrize("rule,senders,kind", CASES)
def test_throttled_udp_gives_way_to_tcp_and_comes_back(rule, senders, kind):
    with Lab("throttled") as lab:
        net = make(lab, kind)
        names = senders if kind == "none" else senders.replace("x", "natx0")
        with under_traffic(net) as traffic:
            before = roams(net)
            with Policer(net, rule, [names] if len(senders) == 1 else senders):
                begin = time.monotonic()
                wait_path(net, TCP, FOUND_S)
                print(f"by TCP after {time.monotonic() - begin:.1f} s: {reasons(net)}")
                assert LOSES in reasons(net)
                assert LOSES in shown(net.x.router) + shown(net.y.router)
                # Nothing of the download's 200 kB a second is held up any more, and nobody goes to and fro.
                traffic.must_go_on()
                got = traffic.bytes("x")
                lasts(traffic, 5000)
                assert traffic.bytes("x") - got > 0.9 * 5 * RATE
                assert paths(net) == (TCP, TCP)
                assert roams(net) - before <= 4
            freed = time.monotonic()
            wait_path(net, DIRECT, BACK_S)
            print(f"by UDP again {time.monotonic() - freed:.1f} s after it is free")
            settled = roams(net)
            lasts(traffic, 5000)
            assert paths(net) == (DIRECT, DIRECT) and roams(net) == settled
            traffic.must_go_on()


def test_bulk_is_as_fast_as_tcp_where_udp_is_policed():
    with Lab("throttled") as lab:
        net = make(lab)
        with Policer(net, POLICED):
            slow = throughput(net, 1)
            wait_for(lambda: throughput(net, 2) > 20 * slow, 20, "the stream to be taken")
            fast = throughput(net, 2)
        print(f"{slow:.1f} Mb/s by policed UDP, {fast:.1f} Mb/s by TCP")
        assert paths(net) == (TCP, TCP)


def test_a_little_loss_is_no_throttling():
    with Lab("throttled") as lab:
        net = make(lab)
        with Policer(net, "numgen random mod 100 < 3 drop"):
            with under_traffic(net) as traffic:
                lasts(traffic, 10_000)
                assert paths(net) == (DIRECT, DIRECT)
                traffic.must_go_on()
