"""Frames as they are seen on a device, with what the kernel says of their checksums."""
import array
import socket
import struct
import time

import inside

SOL_PACKET, PACKET_AUXDATA, SO_RCVBUFFORCE = 263, 8, 33
CSUM_NOT_READY = 8
OUTGOING = 4
IP4, IP6, ARP = 0x0800, 0x86DD, 0x0806
ICMP, TCP, UDP = 1, 6, 17


def checksum(data):
    """The Internet checksum's sum of 16-bit words, folded; 0xffff over data with a right checksum."""
    if len(data) & 1:
        data += b"\0"
    words = array.array("H", data)
    words.byteswap()
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class Frame:
    """One frame. 'ready': its checksum is finished, as the kernel says."""

    def __init__(self, data, outgoing=False, ready=True, tag=None):
        self.data, self.outgoing, self.ready, self.tag = data, outgoing, ready, tag
        self.time = time.monotonic()
        self.to, self.source = data[0:6], data[6:12]
        self.kind = data[12] << 8 | data[13] if len(data) >= 14 else 0
        self.ip = data[14:] if self.kind == IP4 else b""
        if self.ip:
            self.header = (self.ip[0] & 15) * 4
            self.ip = self.ip[:self.ip[2] << 8 | self.ip[3]]
            self.body = self.ip[self.header:]

    protocol = property(lambda self: self.ip[9] if self.ip else 0)
    ttl = property(lambda self: self.ip[8])
    identity = property(lambda self: self.ip[4:6])
    ip_from = property(lambda self: ".".join(map(str, self.ip[12:16])) if self.ip else "")
    ip_to = property(lambda self: ".".join(map(str, self.ip[16:20])) if self.ip else "")
    op = property(lambda self: self.data[20] << 8 | self.data[21] if self.kind == ARP else 0)
    sha = property(lambda self: self.data[22:28])
    spa = property(lambda self: ".".join(map(str, self.data[28:32])) if self.kind == ARP else "")
    tpa = property(lambda self: ".".join(map(str, self.data[38:42])) if self.kind == ARP else "")
    is_fragment = property(lambda self: bool((self.ip[6] << 8 | self.ip[7]) & 0x3FFF))

    def port_to(self):
        return self.body[2] << 8 | self.body[3]

    def is_syn(self):
        return self.protocol == TCP and bool(self.body[13] & 2)

    def mss(self):
        """The MSS option of a SYN."""
        options = self.body[20:(self.body[12] >> 4) * 4]
        at = 0
        while at < len(options) and options[at] != 0:
            if options[at] == 1:
                at += 1
                continue
            if options[at] == 2:
                return options[at + 2] << 8 | options[at + 3]
            at += options[at + 1]
        return None

    def sums_are_right(self):
        """Are the checksums of the IP header and of TCP, UDP or ICMP right?"""
        if checksum(self.ip[:self.header]) != 0xFFFF:
            return False
        if self.is_fragment:
            return True
        if self.protocol == ICMP:
            return checksum(self.body) == 0xFFFF
        if self.protocol == UDP and self.body[6:8] == b"\0\0":
            return True
        if self.protocol not in (TCP, UDP):
            return True
        pseudo = self.ip[12:20] + struct.pack(">BBH", 0, self.protocol, len(self.body))
        return checksum(pseudo + self.body) == 0xFFFF


class Sniffer:
    """Everything on a device from now on."""

    def __init__(self, space, device):
        self.socket = inside.packet(space, device)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _take(self):
        data, extra, _, source = self.socket.recvmsg(70000, 64)
        ready, tag = True, None
        for level, kind, value in extra:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", value[:20])
                ready = not status & CSUM_NOT_READY
                tag = tci if status & 0x10 else None
        self.seen.append(Frame(data, source[2] == OUTGOING, ready, tag))
        return self.seen[-1]

    def frames(self, wanted=lambda frame: True):
        """All frames so far that are wanted."""
        self.socket.setblocking(False)
        try:
            while True:
                self._take()
        except BlockingIOError:
            pass
        return [frame for frame in self.seen if wanted(frame)]

    def wait(self, wanted, timeout=3, what="a frame"):
        """The first frame that is wanted, also of those already seen."""
        for frame in self.seen:
            if wanted(frame):
                return frame
        deadline = time.monotonic() + timeout
        while True:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                frame = self._take()
            except (TimeoutError, BlockingIOError):
                raise AssertionError(f"{what} was not seen in {timeout} s") from None
            if wanted(frame):
                return frame
