"""From the relay to the way through both NATs, under load: nothing is lost, nothing comes twice."""
import threading
import time

import pytest
from lab.natnet import PUBLIC, NatNet
from lab.netns import Lab
from nat_paths import PUNCHED, RELAYED, wait_path
from relays import only_udp
from traffic import Connection, Stream

# What is tried while nothing passes is tried ever less often.
FOUND_S = 15
PIECE = 1 << 19


class Wall:
    """Nothing passes between the public addresses of x and y; what is for the relay does."""

    def __init__(self, net):
        self.space = net.underlay.space
        outer = {name: site.nats[-1].space.name for name, site in net.sites.items()}
        chains = "\n".join(f"chain to_{other} {{ type filter hook ingress device to-{outer[name]} priority 0; "
                           f"ip daddr {PUBLIC[other]} drop; }}" for name, other in ("xy", "yx"))
        self.rules = f"table netdev wall {{\n{chains}\n}}\n"

    def __enter__(self):
        file = self.space.lab.path("wall.nft")
        with open(file, "w", encoding="ascii") as out:
            out.write(self.rules)
        self.space.run("nft", "-f", file)
        return self

    def __exit__(self, *_):
        self.space.run("nft", "delete", "table", "netdev", "wall")


class Transfer:
    """Bytes to and fro in one TCP connection until finish(): every piece is compared."""

    def __init__(self, client, server):
        self.connection, self.problem, self.ended, self.pieces = Connection(client, server), None, False, 0
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        try:
            while not self.ended:
                self.connection.exchange(PIECE)
                self.pieces += 1
        except (OSError, AssertionError) as problem:
            self.problem = problem

    def finish(self):
        self.ended = True
        self.thread.join()
        self.connection.client.close()
        self.connection.server.close()
        assert self.problem is None and self.pieces > 0, self.problem


def account(stream):
    return stream.lost(), stream.duplicated()


@pytest.mark.parametrize("pair", [("eim-apdf", "eim-apdf"), ("apdm-apdf", "eim-adf"), ("eim-apdf", "double")],
                         ids="-and-".join)
def test_nothing_is_lost_when_a_flow_leaves_the_relay(pair):
    with Lab("change") as lab:
        net = NatNet(lab, *pair, configure=only_udp)
        one, other = net.x.host, net.y.host
        with Wall(net):
            wait_path(net.start().wait_ping(), RELAYED)
            there, back = Stream(one, other), Stream(other, one)
            transfer = Transfer(one, other)
            there.wait_received(500)
        begin = time.monotonic()
        try:
            wait_path(net, PUNCHED, FOUND_S)
            print(f"punched {time.monotonic() - begin:.2f} s after the wall was down")
            for stream in (there, back):
                stream.wait_received(500)
        finally:
            for stream in (there, back):
                stream.finish()
            transfer.finish()
        print(f"{there.sent} and {back.sent} sent, {transfer.pieces} pieces")
        assert account(there) == account(back) == (0, 0)
