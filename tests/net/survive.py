"""Traffic that must survive moves: every byte of TCP is compared, every numbered datagram accounted for."""
import itertools
import socket

from lab.netns import wait_for
from lab.probes import download, stream
from rack import inside

RATE = 200_000
_flows = itertools.count(1)


class Traffic:
    """Between a machine and hosts: for each a TCP download from the machine, and a 1 kHz UDP stream that it echoes."""

    def __init__(self, world, vm, hosts=None, size=64):
        """'size': of the datagrams."""
        self.world, self.vm = world, vm
        self.hosts = list(hosts or world.hosts)
        self.size = size
        self.downloads, self.streams, self.flows = {}, {}, {}

    def __enter__(self):
        for name in self.hosts:
            space = self.world.hosts[name]
            flow = self.flows[name] = next(_flows)
            self.downloads[name] = download(space, self.vm.ip, RATE, flow)
            self.streams[name] = stream(space, self.vm.ip, flow, size=self.size)
        self.must_go_on()
        return self

    def __exit__(self, failed, *_):
        try:
            if failed is None:
                self._finish()
        finally:
            for probe in [*self.downloads.values(), *self.streams.values()]:
                self.world.lab.end(probe.process)

    def must_go_on(self, timeout=8):
        """From now on every host gets more bytes and more answers; what it got is right, and nothing came twice."""
        for name in self.hosts:
            self.wait_bytes(name, 20_000, timeout)
            self.wait_answers(name, 100, timeout)

    def wait_bytes(self, name, more, timeout=8):
        probe = self.downloads[name]

        def state():
            now = probe.mark()
            assert now["content_ok"] and not now["error"], f"{name}: {now}"
            return now["bytes"]
        goal = state() + more
        wait_for(lambda: state() >= goal, timeout, f"the download of {name} to go on")

    def wait_answers(self, name, more, timeout=8):
        goal = self.figures(name)["received"] + more
        wait_for(lambda: self.figures(name)["received"] >= goal, timeout,
                 f"the stream of {name} to be answered")

    def figures(self, name):
        now = self.streams[name].mark()
        assert now["duplicated"] == 0, f"{name} got answers twice: {now}"
        return now

    def lost(self, name):
        """Datagrams without an answer so far, but for those of the last moments."""
        now = self.figures(name)
        return now["sent"] - now["received"]

    def _finish(self):
        self.must_go_on()
        for probe in self.downloads.values():
            probe.begin_finish()
        for name, probe in self.downloads.items():
            end = probe.finish()
            assert end["finished"] and end["checksum_ok"], f"the download of {name}: {end}"


class Connection:
    """An open TCP connection on which nothing is said but what say() says."""

    def __init__(self, host, vm):
        """From a host's namespace to a machine."""
        with inside(vm.space):
            waiting = socket.create_server((vm.ip, 0))
        with inside(host):
            self.client = socket.socket()
        with waiting:
            self.client.settimeout(8)
            self.client.connect(waiting.getsockname())
            self.server, _ = waiting.accept()
        self.server.settimeout(8)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.close()

    def say(self, text=b"still there?"):
        """Both ways."""
        for one, other in ((self.client, self.server), (self.server, self.client)):
            one.sendall(text)
            got = b""
            while len(got) < len(text):
                piece = other.recv(len(text) - len(got))
                assert piece, "the connection has ended"
                got += piece
            assert got == text
