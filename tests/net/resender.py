"""Somebody on the way between two routers: the copies of what one of them sends, with a third party's address as the sender,
arrive before the real ones."""
import socket
import threading

import inside
import sniff
from lab.netns import wait_for
from sites import PORT, ip_bytes

VICTIM = "192.0.2.77"
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
BUFFER = 4 << 20


class Victim:
    """A third machine on the underlay, which counts what UDP it gets from a router."""

    def __init__(self, net, router):
        self.space = net.lab.ns("victim")
        net.underlay.attach(self.space, "wan0", f"{VICTIM}/24")
        self.router = net.address(router)
        self.socket = inside.udp(self.space, VICTIM, PORT, timeout=0.1)
        self.count = self.bytes = 0

    def look(self):
        while True:
            try:
                data, (address, _) = self.socket.recvfrom(65536)
            except TimeoutError:
                return self
            if address == self.router:
                self.count += 1
                self.bytes += len(data)

    def close(self):
        self.socket.close()


class Resender:
    """While it is there the underlay's switch passes on nothing of what 'source' sends to 'target' by UDP: that is done here,
    after the copies. 'passes_on': what comes to the victim goes on to 'source', as if from 'target'."""

    def __init__(self, net, source, target):
        self.space = net.underlay.space
        self.addresses = net.address(source), net.address(target)
        self.mac = bytes.fromhex(net.spaces[target].mac("wan0").replace(":", ""))
        # Copies are of single datagrams, and those fit the wire.
        net.spaces[source].run("ethtool", "-K", "wan0", "tx-udp-segmentation", "off", "gso", "off", "tx", "off")
        # For all protocols: such a socket is served before the rules below.
        self.tap = inside.packet(self.space, f"to-{source}")
        self.tap.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.tap.setsockopt(socket.SOL_SOCKET, 33, BUFFER)
        self.tap.settimeout(0.05)
        self.out = inside.packet(self.space, f"to-{target}", 0)
        self.device = f"to-{source}"
        self.bytes = self.copies = 0
        self.limit = self.ended = None
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        rules = (f"table netdev resender {{\nchain in {{ type filter hook ingress device {self.device} priority 0;\n"
                 f"ip daddr {self.addresses[1]} udp dport {PORT} drop\n}}\n}}")
        file = self.space.lab.path("resender.nft")
        with open(file, "w", encoding="ascii") as out:
            out.write(rules + "\n")
        self.space.run("nft", "-f", file)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.space.run("nft", "delete", "table", "netdev", "resender")
        self.ended = True
        self.thread.join()
        self.tap.close()
        self.out.close()

    def resend(self, limit):
        """From now on so many copies."""
        self.limit = limit

    def wait_copies(self, count, timeout=5):
        wait_for(lambda: self.copies >= count, timeout, "copies")

    def _run(self):
        victim, target = ip_bytes(VICTIM), ip_bytes(self.addresses[1])
        while not self.ended:
            try:
                frame = bytearray(self.tap.recv(65536))
            except TimeoutError:
                continue
            if frame[12:14] != b"\x08\0" or frame[23] != sniff.UDP or frame[30:34] != target or frame[36:38] != PORT.to_bytes(2, "big"):
                continue
            # Without a UDP checksum, which the change would break.
            frame[40:42] = b"\0\0"
            if self.limit:
                self.limit -= 1
                copy = bytearray(frame)
                copy[26:30] = victim
                copy[24:26] = b"\0\0"
                copy[24:26] = (0xFFFF - sniff.checksum(bytes(copy[14:34]))).to_bytes(2, "big")
                self.bytes += len(copy) - 42
                self.copies += 1
                self.out.send(copy)
            self.out.send(frame)
