"""UDP that is blocked in mid-flow, wholly, and free again later: by a stream meanwhile, and no connection is lost."""
import hashlib
import subprocess
import threading
import time

import inside
from lab.natnet import NatNet
from lab.netns import wait_for
from nat_paths import DIRECT, RELAYED, TCP, paths, together, wait_path
from test_nat_roaming import under_traffic
from test_nat_throttled import Policer, make

FOUND_S = 10
# The pause between two tries of UDP is as long as it has been blocked for; then it has to answer for 3 s.
BACK_S = 40
BLOCKED = "drop"


class Page:
    """What curl at one host gets from an HTTP server at another, 200 kB a second, for as long as this is open: every byte of it
    in one connection."""

    def __init__(self, client, server):
        self.hash, self.sent, self.ended, self.lab = hashlib.sha1(), 0, False, client.space.lab
        self.file = self.lab.path("page")
        self.listener = inside.listener(server.space, server.ip)
        port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        self.curl = client.space.popen("curl", "-sSf", "--no-buffer", "-o", self.file, f"http://{server.ip}:{port}/",
                                       stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        self.listener.close()
        self.lab.end(self.curl)

    def _serve(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(60)
            connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            number = 0
            while not self.ended:
                piece = hashlib.sha1(str(number).encode()).digest() * 100
                connection.sendall(piece)
                self.hash.update(piece)
                self.sent += len(piece)
                number += 1
                time.sleep(0.01)

    def finish(self):
        """It has come whole."""
        self.ended = True
        self.thread.join()
        assert self.curl.wait(20) == 0, self.curl.stderr.read()
        with open(self.file, "rb") as file:
            got = file.read()
        assert len(got) == self.sent > 0 and hashlib.sha1(got).digest() == self.hash.digest()


def block_and_free(net, sender, by_stream, free):
    """'by_stream(net)' and 'free(net)': is it so?"""
    with under_traffic(net) as traffic, Page(net.x.host, net.y.host) as page:
        with Policer(net, BLOCKED, [sender]):
            begin = time.monotonic()
            wait_for(lambda: by_stream(net), FOUND_S, f"the stream to be used: {paths(net)}")
            traffic.must_go_on(15)
            print(f"by a stream after {time.monotonic() - begin:.1f} s")
            assert by_stream(net)
        begin = time.monotonic()
        wait_for(lambda: free(net), BACK_S, f"UDP to be used: {paths(net)}")
        print(f"by UDP again after {time.monotonic() - begin:.1f} s")
        # Nothing that is in the stream yet gets lost, nor comes twice.
        traffic.must_go_on()
        page.finish()


def pair(lab, kind, sender):
    """x calls y, without any relay."""
    block_and_free(make(lab, kind), sender, lambda it: paths(it) == (TCP, TCP), lambda it: paths(it) == (DIRECT, DIRECT))


def leg(lab):
    """x and y meet at the relay."""
    def used(net):
        return net.x.peer("r")["path"] if paths(net) == (RELAYED, RELAYED) else None
    net = NatNet(lab, "apdm-apdf", "apdm-apdf")
    wait_path(net.start().wait_ping(), RELAYED)
    assert used(net) == DIRECT
    block_and_free(net, "natx0", lambda it: used(it) == TCP, lambda it: used(it) == DIRECT)


def test_udp_that_is_blocked_and_free_again_costs_no_connection():
    together(lambda lab: pair(lab, "none", "y"), lambda lab: pair(lab, "eim-apdf", "natx0"), leg)
