"""Underlay packets, taken from the wire, changed, and sent to a router again."""
import sniff
from inside import packet
from sites import PORT, ip_bytes, mac_bytes

INIT, RESPONSE, COOKIE, RECORD = 1, 2, 3, 4


def is_underlay(kind, to=None):
    """Frames with a datagram of this type between routers."""
    def wanted(frame):
        return (frame.protocol == sniff.UDP and frame.port_to() == PORT and len(frame.body) > 8 and
                frame.body[8] == kind and (to is None or frame.ip_to == to))
    return wanted


class Forger:
    """Stands on the underlay's switch, before one router's door."""

    def __init__(self, net, victim):
        self.net, self.victim = net, victim
        self.address = net.address(victim)
        self.mac = mac_bytes(net.spaces[victim].mac("wan0"))
        self.socket = packet(net.underlay.space, f"to-{victim}", 0)
        self.heard = sniff.Sniffer(net.spaces[victim], "wan0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.heard.socket.close()

    def wait(self, kind):
        """A datagram of this type that the router gets, as UDP payload."""
        frame = self.heard.wait(lambda seen: not seen.outgoing and is_underlay(kind, self.address)(seen),
                                what=f"a datagram of type {kind} to {self.victim}")
        return frame.body[8:]

    def send(self, payload, source, port=PORT):
        """The payload with any sender's address."""
        body = port.to_bytes(2, "big") + PORT.to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big") + \
            b"\0\0" + payload
        header = bytearray(bytes.fromhex("4500") + (20 + len(body)).to_bytes(2, "big") + bytes(4) +
                           bytes([64, sniff.UDP, 0, 0]) + ip_bytes(source) + ip_bytes(self.address))
        header[10:12] = (0xFFFF - sniff.checksum(bytes(header))).to_bytes(2, "big")
        self.socket.send(self.mac + b"\x02\0\0\0\0\x99" + b"\x08\0" + bytes(header) + body)
