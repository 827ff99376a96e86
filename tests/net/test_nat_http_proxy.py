"""A site whose only way out is HTTP CONNECT through a real proxy: tinyproxy, and squid where that is installed (its package
starts a service, so scripts/deps leaves it out), with and without passwords."""
import os
import shutil
import time

import pytest
from lab.matrix import throughput
from lab.nat import INSIDE
from lab.natnet import PUBLIC, TCP_PORT, NatNet
from lab.netns import Lab, wait_for
from lab.webproxy import WebProxy
from nat_paths import DIRECT, RELAYED, TCP, paths, wait_path
from test_nat_roaming import under_traffic
from traffic import transfer

RIGHT, WRONG = "vrd:s3cret", "vrd:guess"
NEEDS_SQUID = pytest.mark.skipif(not shutil.which("squid"), reason="squid is not installed")
# From the restart of the proxy to the next answer: the longest pause between two tries.
RECOVERED_S = 17


def squid(*values):
    """A row for it."""
    return pytest.param("squid", *values, marks=NEEDS_SQUID)


class Office:
    """x stands in a network that forwards nothing, neither UDP nor TCP nor ICMP; on its border is a proxy."""

    def __init__(self, lab, kind, wanted=None, given=None, passed=TCP_PORT, y="none"):
        """'wanted': the credentials that the proxy wants; 'given': those that x has. Where y is of another kind of site than
        "none" the stream leads to a relay."""
        def configure(name, conf):
            if name == "y" and y == "none":
                conf["tcp_listen"] = f"{PUBLIC['y']}:{TCP_PORT}"
            if name == "x":
                conf["http_proxy"] = "192.168.1.1:3128"
            if name == "x" and y == "none":
                conf["peers"][0]["tcp"] = [f"{PUBLIC['y']}:{TCP_PORT}"]
            if name == "x" and given:
                self.secret = lab.path("proxy-secret")
                with open(os.open(self.secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
                    file.write(f"{given}\n")
                conf["http_proxy_secret_file"] = self.secret
        known = y == "none"
        self.net = NatNet(lab, "udp-blocked", y, endpoints="y" if known else "", rendezvous=not known, configure=configure)
        self.net.start_nats()
        self._close()
        self.proxy = WebProxy(self.net.x.nats[0].space, "192.168.1.1", kind, wanted, passed)

    def _close(self):
        file = self.net.lab.path("closed.nft")
        with open(file, "w", encoding="ascii") as out:
            # The border itself answers nobody but clients of the proxy.
            out.write("delete table ip nat\ntable ip office {\n"
                      "chain forward { type filter hook forward priority filter; policy drop; }\n"
                      "chain input { type filter hook input priority filter; policy drop;\n"
                      f'iifname "lo" accept\niifname "{INSIDE}" tcp dport 3128 accept\n'
                      "ct state established accept\n}\n}\n")
        self.net.x.nats[0].space.run("nft", "-f", file)

    def start(self):
        self.proxy.start()
        for name in ("r", "y", "x"):
            if name in self.net.routers:
                self.net.routers[name].start()
        return self.net


def shown(net):
    return net.x.peer("y")["stream_error"]


@pytest.mark.parametrize("kind,credentials", [("tinyproxy", None), ("tinyproxy", RIGHT), squid(RIGHT)])
def test_everything_passes_by_connect_alone(kind, credentials):
    with Lab("proxy") as lab:
        office = Office(lab, kind, credentials, credentials)
        net = office.start()
        begin = time.monotonic()
        net.wait_ping()
        print(f"{kind}: the first answer after {time.monotonic() - begin:.1f} s")
        wait_path(net, TCP)
        assert shown(net) == ""
        # Both ways, with every byte compared.
        transfer(net.x.host, net.y.host, 4 << 20)
        transfer(net.y.host, net.x.host, 4 << 20)
        print(f"{kind}: {throughput(net):.0f} Mb/s")
        # There is no other way.
        office.proxy.kill()
        wait_for(lambda: not net.ping(), 5, "the proxy to be missed")


@pytest.mark.parametrize("kind", ["tinyproxy", squid()])
def test_by_connect_a_relay_is_reached_and_by_it_who_is_behind_a_symmetric_nat(kind):
    with Lab("proxy") as lab:
        office = Office(lab, kind, RIGHT, RIGHT, y="apdm-apdf")
        net = office.start()
        begin = time.monotonic()
        net.wait_ping()
        print(f"{kind}: the first answer after {time.monotonic() - begin:.1f} s")
        wait_path(net, RELAYED)
        assert (net.x.peer("r")["path"], net.y.peer("r")["path"]) == (TCP, DIRECT)
        assert net.x.peer("y")["via"] == net.y.peer("x")["via"] == "r"
        before = net.routers["r"].show("stats")["relayed_bytes"]
        transfer(net.x.host, net.y.host, 2 << 20)
        transfer(net.y.host, net.x.host, 2 << 20)
        assert net.routers["r"].show("stats")["relayed_bytes"] - before > 8 << 20
        # The stream by the proxy is the one way out.
        office.proxy.kill()
        wait_for(lambda: not net.ping(), 5, "the proxy to be missed")


@pytest.mark.parametrize("kind,wanted,given,passed,said", [
    ("tinyproxy", RIGHT, WRONG, TCP_PORT, "wants other credentials, or any (401)"),
    ("tinyproxy", RIGHT, None, TCP_PORT, "wants other credentials, or any (407)"),
    ("tinyproxy", None, None, 8443, "did not open the way (403)"),
    squid(RIGHT, WRONG, TCP_PORT, "wants other credentials, or any (407)"),
    squid(RIGHT, None, TCP_PORT, "wants other credentials, or any (407)"),
    squid(None, None, 8443, "did not open the way (403)")])
def test_a_refusal_is_shown_logged_and_repeated_ever_less_often(kind, wanted, given, passed, said):
    with Lab("proxy") as lab:
        office = Office(lab, kind, wanted, given, passed)
        net = office.start()
        wait_for(lambda: said in shown(net), 8, "the refusal")
        assert shown(net).startswith(f"{PUBLIC['y']}:{TCP_PORT}: ")
        table = net.x.router.space.run("build/vrctl", "-s", net.x.router.conf["control_socket"], "show", "peers")
        assert said in table
        assert f"HTTP proxy {office.proxy.endpoint} answers 40" in net.x.router.log()
        wait_for(lambda: "again in 4 s" in shown(net) or "again in 8 s" in shown(net), 20, "a longer pause")
        assert paths(net) == (None, None)
        if not given or passed != TCP_PORT:
            return
        # The administrator puts it right at the proxy.
        office.proxy.kill()
        office.proxy.credentials = given
        office.proxy.start()
        wait_for(net.ping, RECOVERED_S, "an answer by the proxy")
        assert shown(net) == ""


@pytest.mark.parametrize("kind", ["tinyproxy", squid()])
def test_a_proxy_that_starts_anew_in_mid_flow_costs_a_pause_only(kind):
    with Lab("proxy") as lab:
        office = Office(lab, kind, RIGHT, RIGHT)
        net = office.start().wait_ping()
        with under_traffic(net) as traffic:
            for _ in range(2):
                office.proxy.kill()
                wait_for(lambda: shown(net) != "", 5, "the failure to be seen")
                print(f"{kind}: {shown(net)}")
                office.proxy.start()
                begin = time.monotonic()
                traffic.must_go_on(RECOVERED_S)
                print(f"{kind}: {time.monotonic() - begin:.1f} s after its start")
                assert paths(net) == (TCP, TCP) and shown(net) == ""
