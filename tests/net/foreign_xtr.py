"""An xTR behind a NAT that is none of ours: written from draft-ermagan-lisp-nat-traversal-19, RFC 9301 and RFC 8060, with
sockets of its own for each of the draft's ports. Its site is the kernel of its namespace, behind a TUN device.

Key ID, says the draft, is the 16 bits that RFC 6830 has: the number of the algorithm, here 2, HMAC-SHA-256-128."""
import fcntl
import hashlib
import hmac
import os
import random
import select
import socket
import struct
import threading
import time

import inside

CONTROL, DATA = 4342, 4341
KEY_ID, DIGEST_SIZE = 2, 16
CONTROL_INSTANCE = 0xFFFFFF
IFF_TUN, IFF_NO_PI, TUNSETIFF = 1, 0x1000, 0x400454CA
TUN_MTU = 1400


def packed(address):
    return socket.inet_aton(address)


def text(address):
    return socket.inet_ntoa(address)


# ---- messages ----

def ones_sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ip_udp(source, source_port, target, port, body):
    """IPv4 and UDP headers around it, with their checksums."""
    length = 8 + len(body)
    udp = struct.pack(">HHHH", source_port, port, length, 0)
    pseudo = packed(source) + packed(target) + struct.pack(">BBH", 0, 17, length)
    total = 0xFFFF - ones_sum(pseudo + udp + body)
    udp = udp[:6] + struct.pack(">H", total or 0xFFFF)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, 17, 0, packed(source), packed(target))
    return head[:10] + struct.pack(">H", 0xFFFF - ones_sum(head)) + head[12:] + udp + body


def eid(instance, prefix):
    """A prefix in an Instance-ID LCAF, with its AFI (RFC 8060 section 4.1); the mask length stands elsewhere."""
    return struct.pack(">HBBBBHIH4s", 16387, 0, 0, 2, 0, 10, instance, 1, packed(prefix.split("/")[0]))


def signed(message, at, secret):
    """With the digest of the whole message in its place."""
    digest = hmac.new(secret, message, hashlib.sha256).digest()[:DIGEST_SIZE]
    return message[:at] + digest + message[at + DIGEST_SIZE:]


def is_signed(message, at, secret):
    zeroed = message[:at] + bytes(DIGEST_SIZE) + message[at + DIGEST_SIZE:]
    return hmac.compare_digest(signed(zeroed, at, secret), message)


def info_request(nonce, secret, instance, prefix):
    length = int(prefix.split("/")[1])
    message = struct.pack(">IQHH", 7 << 28, nonce, KEY_ID, DIGEST_SIZE) + bytes(DIGEST_SIZE)
    message += struct.pack(">IBB", 0, 0, length) + eid(instance, prefix) + struct.pack(">H", 0)
    return signed(message, 16, secret)


def map_register(nonce, secret, instance, prefix, rtr, xtr_id, site_id=0, ttl=10):
    """Bits P, I and M; the RTR as only locator, R set."""
    length = int(prefix.split("/")[1])
    message = struct.pack(">IQHH", 3 << 28 | 0x0A000000 | 0x100 | 1, nonce, KEY_ID, DIGEST_SIZE) + bytes(DIGEST_SIZE)
    message += struct.pack(">IBBHH", ttl, 1, length, 0x1000, 0) + eid(instance, prefix)
    message += struct.pack(">BBBBHH4s", 1, 100, 255, 0, 1, 1, packed(rtr))
    message += xtr_id + struct.pack(">Q", site_id)
    return signed(message, 16, secret)


def ecm(inner, r=False, n=False):
    return struct.pack(">I", 8 << 28 | (0x02000000 if r else 0) | (0x01000000 if n else 0)) + inner


def lisp_data(instance, packet):
    return struct.pack(">II", 0x08000000, instance << 8) + packet


class InfoReply:
    """What an Info-Reply says (draft section 4.2)."""

    def __init__(self, data, secret):
        first, self.nonce, key_id, size = struct.unpack(">IQHH", data[:16])
        assert first >> 28 == 7 and first & 0x08000000, "an Info-Reply"
        assert (key_id, size) == (KEY_ID, DIGEST_SIZE)
        assert is_signed(data, 16, secret), "its digest"
        self.ttl, _, self.mask = struct.unpack(">IBB", data[32:38])
        self.eid, data = data[38:56], data[56:]
        afi, _, kind, _, length = struct.unpack(">HHBBH", data[:8])
        assert (afi, kind, length) == (16387, 7, len(data) - 8)
        self.ms_port, self.etr_port = struct.unpack(">HH", data[8:12])
        addresses, data = [], data[12:]
        while data:
            afi, data = data[:2], data[2:]
            assert afi in (b"\0\0", b"\0\1")
            size = 4 if afi == b"\0\1" else 0
            addresses.append(text(data[:4]) if size else None)
            data = data[size:]
        self.etr, self.ms, self.private, *self.rtrs = addresses


# ---- the xTR ----

class ForeignXtr:
    """In a namespace of its own, with address 'rloc' there. 'secret' is the one shared with the map-server."""

    def __init__(self, space, rloc, instance, prefix, secret, map_server):
        self.space, self.rloc, self.instance, self.prefix = space, rloc, instance, prefix
        self.secret, self.map_server = secret, map_server
        self.xtr_id, self.nonce = os.urandom(16), int(time.time() * 1e6)
        self.rtr = None
        self.notified = []  # nonces of the Map-Notifies that came
        self.ip = prefix.rsplit(".", 1)[0] + ".1"
        self.name = f"foreign {self.ip}"
        with inside.inside(space):
            self.control = self._udp(0)
            # Map-Registers leave by this one; what the RTR sends comes to it.
            self.data = self._udp(DATA)
            # Data leaves by "a random but static port".
            self.out = self._udp(0)
            self.tun = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"site0", IFF_TUN | IFF_NO_PI))
        space.ip(f"address add {self.ip}/32 dev site0")
        space.ip(f"link set site0 up mtu {TUN_MTU}")
        space.ip(f"route add 10.0.0.0/8 dev site0 src {self.ip}")
        self.ends, self.end = os.pipe()
        self.thread = threading.Thread(target=self._forward, daemon=True)
        self.thread.start()

    def _udp(self, port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((self.rloc, port))
        return s

    def close(self):
        os.write(self.end, b"x")
        self.thread.join()
        for s in self.control, self.data, self.out:
            s.close()
        for fd in self.tun, self.ends, self.end:
            os.close(fd)

    # ---- draft, section 5.1 ----

    def ask(self, message=None, timeout=2):
        """An Info-Request to the map-server; what comes back, or None."""
        self.asked = message or info_request(random.getrandbits(64), self.secret, self.instance, self.prefix)
        self.control.settimeout(timeout)
        self.control.sendto(self.asked, (self.map_server, CONTROL))
        try:
            data, source = self.control.recvfrom(2000)
        except TimeoutError:
            return None
        assert source == (self.map_server, CONTROL)
        return InfoReply(data, self.secret)

    def register(self, rtr, prefix=None, **more):
        """A Map-Register through the RTR; returns it as it was sent, with the ECM around it."""
        self.rtr = rtr
        self.nonce += 1
        message = map_register(self.nonce, self.secret, self.instance, prefix or self.prefix, rtr, self.xtr_id, **more)
        packet = ecm(ip_udp(self.rloc, random.randrange(49152, 65536), self.map_server, CONTROL, message), r=True)
        self.data.sendto(packet, (rtr, CONTROL))
        return packet

    # ---- data ----

    def _notified(self, packet):
        assert packet[0] == 0x45 and packet[9] == 17
        source = text(packet[12:16])
        source_port, port = struct.unpack(">HH", packet[20:24])
        message = packet[28:]
        assert (source, source_port, port) == (self.map_server, CONTROL, CONTROL)
        assert text(packet[16:20]) == self.rloc, "the local RLOC"
        assert message[0] >> 4 == 4 and message[0] & 8, "a Map-Notify with the I bit"
        assert is_signed(message, 16, self.secret), "its digest"
        assert message[-24:-8] == self.xtr_id, "for this xTR"
        self.notified.append(struct.unpack(">Q", message[4:12])[0])

    def _arrived(self, data, source):
        assert source == (self.rtr, CONTROL), "the port that the NAT let it in for"
        flags, instance = struct.unpack(">II", data[:8])
        assert flags & 0x08000000
        if instance >> 8 == CONTROL_INSTANCE:
            self._notified(data[8:])
        elif instance >> 8 == self.instance:
            os.write(self.tun, data[8:])

    def _forward(self):
        while True:
            ready, _, _ = select.select([self.data, self.tun, self.ends], [], [])
            if self.ends in ready:
                return
            if self.data in ready:
                self._arrived(*self.data.recvfrom(2000))
            if self.tun in ready:
                packet = os.read(self.tun, 2000)
                if packet[0] == 0x45 and self.rtr:
                    self.out.sendto(lisp_data(self.instance, packet), (self.rtr, DATA))
