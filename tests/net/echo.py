"""ICMP echo with patience: ping(8) takes an answer that is later than two round trips for lost."""
import itertools
import socket
import struct
import time

import inside
import sniff

IP_MTU_DISCOVER, PMTUDISC_DO = 10, 2
_identities = itertools.count(1)


def _request(identity, number, size, fill):
    body = (fill * (size // len(fill) + 1))[:size]
    head = struct.pack(">BBHHH", 8, 0, 0, identity, number)
    total = 0xFFFF - sniff.checksum(head + body)
    return head[:2] + total.to_bytes(2, "big") + head[4:] + body


def ping(space, address, count=3, size=56, ttl=64, whole=False, source=None, fill=b"\x5a", wait=2.0):
    """Sends requests, 10 ms apart, and returns the numbers of those answered, in the order of the answers.
    'whole': they may not be fragmented. Ends early when all are answered; stragglers that come twice are seen
    while it waits for others."""
    identity = next(_identities) & 0xFFFF
    with inside.inside(space):
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        if whole:
            s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
        if source:
            s.bind((source, 0))
        heard, sent, due, deadline = [], 0, time.monotonic(), time.monotonic() + wait + count / 100
        while time.monotonic() < deadline and len(set(heard)) < count:
            if sent < count and time.monotonic() >= due:
                try:
                    s.sendto(_request(identity, sent, size, fill), (address, 0))
                except OSError:
                    return heard
                sent, due = sent + 1, due + 0.01
            s.settimeout(max(0.001, (due if sent < count else deadline) - time.monotonic()))
            try:
                packet = s.recv(70000)
            except (TimeoutError, OSError):
                continue
            body = packet[(packet[0] & 15) * 4:]
            if body[0] == 0 and int.from_bytes(body[4:6], "big") == identity and len(body) == 8 + size:
                heard.append(int.from_bytes(body[6:8], "big"))
        return heard
