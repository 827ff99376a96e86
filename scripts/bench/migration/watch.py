"""Captures at the places that matter, and what one flow looks like there."""
import time

from lab.capture import IP4, RARP, TCP, UDP, Capture, collect

from .figures import missing_numbers

# Ethernet, IP, UDP and LISP header before, and Ethernet, IP and UDP header inside or before a sealed record.
PLAIN_OVERHEAD = 14 + 20 + 8 + 8 + 28
SEALED_OUTER, SEALED_RECORD = 42, 28 + 40
# A TCP segment without data is smaller.
TCP_DATA_SIZE = 120
# The payload type that ffmpeg gives to H.264.
RTP_TYPE = 96


class Watch:
    """Captures on devices of several namespaces. Times are seconds since it began."""

    def __init__(self, places):
        """'places': (namespace, [device, ...])"""
        self.epoch = time.time()
        self.captures = [Capture(space, devices, self.epoch) for space, devices in places]
        self.found = {}

    def rest(self):
        """Sees nothing until wake()."""
        collect(self.captures, "pause")

    def wake(self):
        """Sees again, and has forgotten what was before."""
        collect(self.captures, "resume")
        self.found = {}

    def take(self):
        """Adds what was seen since the last time."""
        for key, frames in collect(self.captures).items():
            self.found.setdefault(key, []).extend(frames)

    def at(self, space, device):
        return self.found.get((space.name, device), [])

    def stop(self):
        for capture in self.captures:
            capture.stop()


def first_rarp(tap, after):
    """When the machine was announced at its new tap."""
    return next((f.time for f in tap if f.kind == RARP and not f.outbound and f.time >= after), None)


def is_of_server(frame, kind, address):
    """Does it carry data of this kind of server at 'address' (packed)?"""
    if frame.kind != IP4 or frame.ip_from != address:
        return False
    if kind == "video":
        return frame.protocol == UDP and len(frame.payload) > 12 and frame.payload[0] >> 6 == 2 \
            and frame.payload[1] & 0x7F == RTP_TYPE
    return frame.protocol == TCP and frame.size > TCP_DATA_SIZE


def sent_again(before, after):
    """Those of the TCP frames in 'after', in order, that carry what one of 'before' or an earlier one of 'after' has carried
    already: of one connection the numbers go up."""
    found, last = [], before[-1].sequence if before else None
    for frame in before:
        last = _later(last, frame.sequence)
    for frame in after:
        if last is not None and _later(last, frame.sequence) == last:
            found.append(frame)
        last = frame.sequence if last is None else _later(last, frame.sequence)
    return found


def _later(one, other):
    """The later of two sequence numbers (RFC 9293, section 3.4)."""
    return other if 0 < (other - one) % 2**32 < 2**31 else one


def rtp_missing(frames):
    """How many packets are missing. Each stream counts by itself: one that has ended is told by its SSRC (RFC 3550, section 5.1)."""
    numbers = {}
    for frame in frames:
        numbers.setdefault(frame.payload[8:12], []).append(frame.payload[2] << 8 | frame.payload[3])
    return sum(missing_numbers(each) for each in numbers.values())


def carries(frame, size, sealed):
    """Is it a packet on the underlay with a datagram of this size inside? Sealed ones can hold several."""
    if frame.protocol != UDP:
        return False
    if sealed:
        return frame.size > SEALED_OUTER and (frame.size - SEALED_OUTER) % (size + SEALED_RECORD) == 0
    return frame.size == size + PLAIN_OVERHEAD
