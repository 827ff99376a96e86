"""Frames as the kernel saw them: the capture program, and a reader of what it writes.

Times are wall-clock seconds relative to the reader's epoch (a float keeps nanoseconds that way).
"""
import ipaddress
import struct
import subprocess

from . import tools
from .netns import LabError

SNAPLEN = 112
IP4, ARP, RARP = 0x0800, 0x0806, 0x8035
ICMP, TCP, UDP = 1, 6, 17
MAGIC = b"VRLB"
BROADCAST = b"\xff" * 6
NICE = -15  # a frame that it misses spoils the run


class Frame:
    """One frame; fields that it does not have are 0 or empty."""
    __slots__ = ("time", "port", "outbound", "size", "to", "source", "kind", "ip_from", "ip_to",
                 "protocol", "payload", "flow", "number", "is_request", "operation",
                 "mac_from", "udp_to", "sequence", "tos")

    def __init__(self, time, port, outbound, size, data):
        self.time = time
        self.port = port
        self.outbound = outbound  # leaves through the port: towards the guest on a tap
        self.size = size
        self.to = data[0:6]
        self.source = data[6:12]
        self.kind = data[12] << 8 | data[13]
        self.ip_from = self.ip_to = self.mac_from = b""
        self.protocol = self.number = self.operation = self.udp_to = self.sequence = self.tos = 0
        self.flow = None
        self.is_request = False
        self.payload = b""
        if self.kind == IP4 and len(data) >= 34:
            self._ip(data)
        elif self.kind in (ARP, RARP) and len(data) >= 42:
            self.operation = data[20] << 8 | data[21]
            self.mac_from, self.ip_from, self.ip_to = data[22:28], data[28:32], data[38:42]

    def _ip(self, data):
        self.tos, self.protocol = data[15], data[23]
        self.ip_from, self.ip_to = data[26:30], data[30:34]
        at = 14 + (data[14] & 15) * 4
        if self.protocol == TCP and len(data) >= at + 8:
            self.sequence = int.from_bytes(data[at + 4:at + 8], "big")
        if self.protocol not in (UDP, ICMP):
            return
        self.payload = body = data[at + 8:]
        if self.protocol == UDP:
            self.udp_to = data[at + 2] << 8 | data[at + 3]
        if body[:4] != MAGIC or len(body) < 12:
            return
        _, self.flow, self.number = struct.unpack_from(">III", body)
        if self.protocol == ICMP:
            self.is_request = data[at] == 8
        else:
            # The echo service has the well-known port.
            self.is_request = data[at + 2:at + 4] == b"\x13\x8a"


class Reader:
    """Reads a growing pcapng file as the capture program writes it."""

    def __init__(self, path, epoch):
        self.file = open(path, "rb")
        self.epoch_ns = int(epoch * 1e9)
        self.names = []
        self.rest = b""

    def read(self):
        """The frames that were added since the last call, in the file's order."""
        data = self.rest + self.file.read()
        at, frames = 0, []
        while at + 8 <= len(data):
            kind, size = struct.unpack_from("<II", data, at)
            if size < 12 or at + size > len(data):
                break
            if kind == 6:
                frames.append(self._packet(data, at))
            elif kind == 1:
                self.names.append(self._name(data, at, size))
            at += size
        self.rest = data[at:]
        return frames

    def _packet(self, data, at):
        port, high, low, captured, size = struct.unpack_from("<IIIII", data, at + 8)
        padded = (captured + 3) & ~3
        outbound = data[at + 28 + padded + 4] & 3 == 2
        time = ((high << 32 | low) - self.epoch_ns) / 1e9
        return Frame(time, self.names[port], outbound, size, data[at + 28:at + 28 + captured])

    @staticmethod
    def _name(data, at, size):
        option = at + 16
        while option < at + size - 4:
            code, length = struct.unpack_from("<HH", data, option)
            if code == 2:
                return data[option + 4:option + 4 + length].decode()
            option += 4 + (length + 3 & ~3)
        return ""

    def close(self):
        self.file.close()


class Capture:
    """Captures on several devices of one namespace, from now until stop()."""

    def __init__(self, space, devices, epoch, file=None):
        self.path = file or space.lab.path(f"capture-{space.name}.pcapng")
        self.space = space
        self.process = space.popen(tools.tool("capture"), self.path, str(SNAPLEN), *devices, nice=NICE,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise LabError(self.process.stderr.read().strip())
        self.reader = Reader(self.path, epoch)

    def flush(self, word="flush"):
        """Asks for all frames so far to be written; answered by finish_flush(), so that several captures flush at
        once. The word "pause" also throws away what comes later, until the word "resume"."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def finish_flush(self):
        frames, dropped = self.process.stdout.readline().split()
        if int(dropped):
            raise LabError(f"capture in {self.space.name}: the kernel dropped {dropped} of {frames}")
        return self.reader.read()

    def stop(self):
        self.space.lab.end(self.process)
        self.reader.close()


def collect(captures, word="flush"):
    """All new frames of several captures, by (namespace, device), each in order of time. 'word': see Capture.flush()."""
    for capture in captures:
        capture.flush(word)
    found = {}
    for capture in captures:
        for frame in capture.finish_flush():
            found.setdefault((capture.space.name, frame.port), []).append(frame)
    for frames in found.values():
        frames.sort(key=lambda frame: frame.time)
    return found


def packed(address):
    """Bytes of an IPv4 address, with or without a prefix length."""
    return ipaddress.ip_interface(address).ip.packed


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))
