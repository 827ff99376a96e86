"""A site whose place on the underlay changes: what the tests of roaming share.

Site A hangs on an access network with a router `gw`, which has two such networks (OLD and NEW) and the way to B:

    a --- gw --- (delay) --- b
"""
import contextlib
import socket
import struct
import subprocess
import threading
import time

import inside
from lab import tools
from lab.netns import LabError, wait_for
from lab.probes import download, stream
from lab.router import PRIORITY
from sites import NUMBERS, PORT, Sites

OLD, NEW = "203.0.113", "198.51.100"
GW_B = "192.0.2.254"
LIMIT_MS = 50  # beside one round trip
TRIES = 5      # of which the median counts: other work on this machine may cost some
WATCH_S = 0.5


class Change:
    """`ip` that is running already: what it is told is done at once."""

    def __init__(self, space):
        # It reads commands until its input ends.
        self.process = space.popen("ip", "-batch", "-", realtime=PRIORITY, stdin=subprocess.PIPE,
                                   stderr=subprocess.PIPE)

    def make(self, *lines):
        """Returns the time just before."""
        text = "".join(f"{line}\n" for line in lines).encode()
        before = time.monotonic()
        self.process.stdin.write(text)
        self.process.stdin.close()
        assert self.process.wait(5) == 0, self.process.stderr.read()
        return before


class Flow:
    """Numbered datagrams from one host to another, a thousand per second, with the times of sending and arriving."""

    def __init__(self, source, target):
        self.receiver = inside.udp(target.space, target.ip, timeout=0.2)
        self.receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sender = inside.udp(source.space, source.ip)
        self.to = self.receiver.getsockname()
        self.sent, self.heard, self.ended = [], [], False
        self.threads = [threading.Thread(target=self._send), threading.Thread(target=self._receive)]
        for thread in self.threads:
            thread.start()

    def _send(self):
        due = time.monotonic()
        while not self.ended:
            now = time.monotonic()
            with contextlib.suppress(OSError):
                self.sender.sendto(struct.pack(">Qd", len(self.sent), now) + bytes(48), self.to)
            self.sent.append(now)
            due = max(due + 0.001, now - 0.01)
            time.sleep(max(0, due - time.monotonic()))

    def _receive(self):
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                number, sent = struct.unpack_from(">Qd", self.receiver.recv(2048))
                self.heard.append((time.monotonic(), number, sent))

    def cut_until(self, moment):
        """Milliseconds from this moment to when the last of those was sent that were lost. (When they arrive depends on who
        has the processors meanwhile; which of them arrive does not.)"""
        heard = {number for _, number, _ in list(self.heard)}
        last = max(heard)
        lost = [at - moment for number, at in enumerate(self.sent[:last])
                if number not in heard and moment < at < moment + WATCH_S]
        return round(max(lost, default=0) * 1000, 1)

    def finish(self):
        self.ended = True
        for thread in self.threads:
            thread.join()
        self.sender.close()
        self.receiver.close()
        numbers = [number for _, number, _ in self.heard]
        assert len(numbers) == len(set(numbers)), "datagrams came twice"


class Load:
    """A TCP download and an echoed stream over the tunnel, which must end well, and a flow each way, which tell how long
    what was sent did not come."""

    def __init__(self, net, quiet=False):
        """'quiet': no host at A says anything; only the flow into it is there."""
        self.net, self.tcp, self.udp, self.processes = net, None, None, []
        self.flows = {"in": Flow(net.hb, net.ha)}
        if not quiet:
            self.flows["out"] = Flow(net.ha, net.hb)
            self.processes.append(net.ha.space.popen(tools.tool("guestd"), stdout=subprocess.DEVNULL))
            wait_for(self._start, 5, "the server")

    def _start(self):
        try:
            self.tcp = download(self.net.hb.space, self.net.ha.ip, 200_000, 7)
        except LabError:
            return False
        self.udp = stream(self.net.hb.space, self.net.ha.ip, 8)
        self.processes += [self.tcp.process, self.udp.process]
        return True

    def __enter__(self):
        self.must_go_on()
        return self

    def __exit__(self, failed, *_):
        try:
            if failed is None:
                self.must_go_on()
            for flow in self.flows.values():
                flow.finish()
            if failed is None and self.tcp:
                self.tcp.begin_finish()
                end = self.tcp.finish()
                assert end["finished"] and end["checksum_ok"], end
        finally:
            for process in reversed(self.processes):
                self.net.lab.end(process)

    def must_go_on(self, timeout=10):
        """From now on there is more of everything, and it is right."""
        for name, flow in self.flows.items():
            heard = len(flow.heard)
            wait_for(lambda it=flow, old=heard: len(it.heard) > old + 50, timeout, f"the flow {name}")
        if not self.tcp:
            return
        got, answers = self._tcp()["bytes"], self._udp()["received"]
        wait_for(lambda: self._tcp()["bytes"] > got + 20_000, timeout, "the download to go on")
        wait_for(lambda: self._udp()["received"] > answers + 50, timeout, "the stream to be answered")

    def _tcp(self):
        now = self.tcp.mark()
        assert now["content_ok"] and not now["error"], now
        return now

    def _udp(self):
        now = self.udp.mark()
        assert now["duplicated"] == 0, now
        return now

    def outage(self, moment):
        """Milliseconds until what was sent came through: out of A, and into A."""
        wait_for(lambda: time.monotonic() > moment + WATCH_S, WATCH_S + 1, "what happens")
        self.must_go_on()
        return {name: flow.cut_until(moment) + self.net.delay_ms for name, flow in self.flows.items()}


def restored(load, turns, promised_ms):
    """Makes TRIES changes; the median of them was over in time. Each turn returns the moment from which the kernel could reach the
    peer again."""
    seen = []
    for turn in turns:
        outage = load.outage(turn())
        print(f"cut off for {outage} ms of {promised_ms}")
        seen.append(max(outage.values()))
        load.must_go_on()
    assert len(seen) == TRIES and sorted(seen)[TRIES // 2] <= promised_ms, f"more than {promised_ms} ms: {seen}"


class Roaming(Sites):
    """Sites A and B with a host each. A calls B; B learns from A's packets where it is."""

    def __init__(self, delay_ms=0, configure=None, **more):
        self.gw = None

        def configure_both(name, conf):
            conf["listen"] = f"0.0.0.0:{PORT}"
            # So that no hello says by chance where A is.
            conf["sync"] = {"hello_ms": 3000, "dead_ms": 12000}
            if name == "b":
                conf["peers"][0]["endpoints"] = []
            if configure:
                configure(name, conf)
        super().__init__(configure=configure_both, delay_ms=delay_ms, **more)
        self.delay_ms = delay_ms
        self.ha, self.hb = self.host("a", 10), self.host("b", 10)

    def _attach(self, name, space):
        if name != "a":
            super()._attach(name, space)
            space.ip(f"route add default via {GW_B}")
            return
        self.gw = self.lab.ns("gw")
        self.gw.sysctl("net.ipv4.ip_forward", 1)
        self.lab.link(self.gw, "access", space, "wan0")
        for net in (OLD, NEW):
            self.gw.ip(f"address add {net}.254/24 dev access")
        self.underlay.attach(self.gw, "up0", f"{GW_B}/24")
        space.ip(f"address add {OLD}.1/24 dev wan0")
        space.ip(f"route add default via {OLD}.254")

    def address(self, name):
        return f"{OLD}.1" if name == "a" else f"192.0.2.{NUMBERS[name]}"

    def endpoint_of_a(self):
        """Where B sends what is for A."""
        return self.peer("b", "a")["endpoint"]

    def start(self, timeout=15):
        super().start(timeout)
        self.wait_ping(self.hb, self.ha)
        return self
