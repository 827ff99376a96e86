"""Clients that account for every byte and frame: Python's side of the probe program."""
import json
import select
import subprocess

from . import tools
from .netns import LabError

STREAM_PORT, ECHO_PORT = 5001, 5002


class Probe:
    """One running probe. mark() tells about the time since the last mark, finish() about everything."""

    def __init__(self, space, *arguments):
        self.what = f"probe {' '.join(map(str, arguments))} in {space.name}"
        self.space = space
        self.final = None
        self.process = space.popen(tools.tool("probe"), *map(str, arguments),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.rest = b""

    def read(self, timeout):
        """The next answer, a dictionary."""
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.process.stdout], [], [], timeout)
            piece = self.process.stdout.read1(65536) if ready else b""
            if not piece:
                problem = self.process.stderr.read1(4096).decode() if ready else "no answer"
                raise LabError(f"{self.what}: {problem.strip()}")
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def _say(self, word):
        self.process.stdin.write(word + b"\n")
        self.process.stdin.flush()

    def mark(self):
        self._say(b"mark")
        return self.read(10)

    def begin_finish(self):
        """Asks for the end; several probes end at once that way."""
        self._say(b"finish")

    def finish(self, timeout=40):
        """The answer to begin_finish(); the probe is gone then."""
        self.final = self.read(timeout)
        self.space.lab.end(self.process)
        return self.final


def download(space, address, rate, seed, timeout=20):
    """A checksummed TCP download of 'rate' bytes per second."""
    probe = Probe(space, "tcp", address, STREAM_PORT, rate, seed)
    probe.read(timeout)
    return probe


def stream(space, address, flow, hertz=1000, size=64):
    """Numbered UDP requests."""
    return Probe(space, "udp", address, ECHO_PORT, hertz, size, flow)


def ping(space, address, flow, hertz=100, size=56):
    """Numbered ICMP echo requests."""
    return Probe(space, "ping", address, 0, hertz, size, flow)
