"""Traffic that must survive moves: every byte of TCP is compared, every numbered datagram accounted for."""
import itertools

import inside
from lab.netns import wait_for
from lab.probes import download, stream

RATE = 200_000
_flows = itertools.count(1)


class Traffic:
    """Between a machine and hosts: for each a TCP download from the machine, and a 1 kHz UDP stream that it echoes."""

    def __init__(self, world, vm, hosts=None, size=64, tcp=True):
        """'size': of the datagrams. Without 'tcp' there is only the stream."""
        self.world, self.vm = world, vm
        self.hosts = list(hosts or world.hosts)
        self.size, self.tcp = size, tcp
        self.downloads, self.streams, self.flows = {}, {}, {}

    def __enter__(self):
        for name in self.hosts:
            space = self.world.hosts[name]
            flow = self.flows[name] = next(_flows)
            if self.tcp:
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
        bytes_of = {name: self.bytes(name) + 20_000 for name in self.downloads}
        answers_of = {name: self.figures(name)["received"] + 100 for name in self.hosts}
        for name in self.downloads:
            wait_for(lambda host=name: self.bytes(host) >= bytes_of[host], timeout,
                     f"the download of {name} to go on")
        for name in self.hosts:
            wait_for(lambda host=name: self.figures(host)["received"] >= answers_of[host], timeout,
                     f"the stream of {name} to be answered")

    def bytes(self, name):
        """What a host has got of its download so far."""
        now = self.downloads[name].mark()
        assert now["content_ok"] and not now["error"], f"{name}: {now}"
        return now["bytes"]

    def figures(self, name):
        now = self.streams[name].mark()
        assert now["duplicated"] == 0, f"{name} got answers twice: {now}"
        return now

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
        with inside.listener(vm.space, vm.ip, timeout=8) as waiting:
            self.client = inside.connect(host, vm.ip, waiting.getsockname()[1], timeout=8)
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
