"""The load on the machine while it moves: from the client a TCP download, a ping and a UDP stream, from each other host a
TCP transfer and a UDP stream."""
import time

from . import probes
from .measure import ALL_FLOWS, CLIENT_SIZE, NATIVE_SIZE, PING_FLOW

CLIENT_RATE, NATIVE_RATE = 600_000, 200_000  # bytes per second of the downloads
STALL_MS = 10_000  # a transfer that stands still for longer is not called well


class Load:
    """All probes of a world."""

    def __init__(self, world):
        address = world.layout.vm_ip()
        self.downloads, self.streams = {}, {}
        for name, space in world.hosts.items():
            is_client = name == "client"
            rate = CLIENT_RATE if is_client else NATIVE_RATE
            self.downloads[name] = probes.download(space, address, rate, 1000 + ALL_FLOWS[name])
            self.streams[name] = probes.stream(space, address, ALL_FLOWS[name],
                                               size=CLIENT_SIZE if is_client else NATIVE_SIZE)
        self.streams["ping"] = probes.ping(world.hosts["client"], address, PING_FLOW)
        self.before = {}

    def mark(self):
        """Begins the time over which after_move() judges."""
        self.before = {name: probe.mark() for name, probe in self.downloads.items()}

    def after_move(self, peers, stall_ms=STALL_MS):
        """Puts tcp_ok and tcp_stall_ms into each peer's figures: the transfer goes on, with the right content, and never
        stood still for longer than 'stall_ms'. On a busy machine it may be some time until TCP sends again."""
        now = {name: probe.mark() for name, probe in self.downloads.items()}
        for peer in peers.values():
            state = now[peer["host"]]
            before, stall = state["bytes"], state["longest_gap_ms"]
            begin = time.monotonic()
            while (state["bytes"] == before and not state["error"]
                   and time.monotonic() < begin + stall_ms / 1000):
                time.sleep(0.01)
                state = self.downloads[peer["host"]].mark()
                stall = max(stall, state["longest_gap_ms"])
            peer["tcp_stall_ms"] = stall
            peer["tcp_ok"] = (state["content_ok"] and not state["error"]
                              and stall <= stall_ms
                              and state["bytes"] > max(before, self.before[peer["host"]]["bytes"]))

    def finish(self):
        """Ends all. (name -> the download ended with the right checksum, all final answers)"""
        every = {**{f"tcp {name}": probe for name, probe in self.downloads.items()},
                 **{f"udp {name}": probe for name, probe in self.streams.items()}}
        for probe in every.values():
            probe.begin_finish()
        final = {name: probe.finish() for name, probe in every.items()}
        good = {name: final[f"tcp {name}"]["finished"] and final[f"tcp {name}"]["checksum_ok"]
                for name in self.downloads}
        return good, final
