"""Machines that move between sites without a hypervisor, and what hypervisors and guests say on the wire.

A machine is a namespace with one interface. Its cable ends in the rack, a namespace that also has a cable to every
site's switch, and packets are passed from one to the other by rules that one kernel transaction replaces. So the
machine's interface never loses its carrier: neighbours, routes and connections stay, as in a live migration.
"""
import ctypes
import itertools
import socket
import struct
import threading
import time

import inside
from lab.topology import BRIDGE
from lab.tools import tool

BROADCAST = b"\xff" * 6
ARP, RARP = 0x0806, 0x8035
# When QEMU says again that a machine has come, in seconds after the first time.
QEMU_REPEATS = (0.05, 0.2, 0.45, 0.8)
_nft = ctypes.CDLL("libnftables.so.1")
_nft.nft_ctx_new.restype = ctypes.c_void_p
_nft.nft_ctx_get_error_buffer.restype = ctypes.c_char_p


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def _arp_frame(kind, operation, ends, to=BROADCAST):
    """'ends': sender MAC, sender IP, target MAC, target IP."""
    sender, sender_ip, target, target_ip = ends
    frame = to + sender + struct.pack(">HHHBBH", kind, 1, 0x0800, 6, 4, operation)
    return (frame + sender + sender_ip + target + target_ip).ljust(60, b"\0")


def rarp(mac):
    """What QEMU and VMware say for a machine that has come: its MAC, no address."""
    own = mac_bytes(mac)
    return _arp_frame(RARP, 3, (own, bytes(4), own, bytes(4)))


def gratuitous_arp(mac, ip):
    """What Xen and virtio guests say."""
    address = socket.inet_aton(ip)
    return _arp_frame(ARP, 1, (mac_bytes(mac), address, bytes(6), address))


def ip_packet(source, target, payload, protocol=253):
    """A whole IPv4 packet of a protocol for experiments."""
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(target))
    total = sum(struct.unpack(">10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack(">H", ~total & 0xFFFF) + header[12:] + payload


class Rack:
    """The namespace in which machines are plugged; see the top."""

    def __init__(self, lab):
        self.space = lab.ns("rack")
        with inside.inside(self.space):
            self.nft = ctypes.c_void_p(_nft.nft_ctx_new(0))
        _nft.nft_ctx_buffer_error(self.nft)
        self.numbers = itertools.count(1)

    def transaction(self, text):
        """Rules that take effect all at once."""
        with inside.inside(self.space):
            if _nft.nft_run_cmd_from_buffer(self.nft, text.encode()) != 0:
                raise AssertionError(_nft.nft_ctx_get_error_buffer(self.nft).decode())


class Machine:
    """One machine. Nobody knows it before it speaks. It runs the lab's download and echo service."""

    def __init__(self, world, site, mac, address, gateway):
        """'address' has its prefix length; 'gateway' may be None."""
        self.world, self.rack, self.mac = world, world.rack, mac
        self.ip = address.split("/")[0]
        self.number = next(self.rack.numbers)
        lab = world.lab
        self.space = lab.ns(f"m{self.number}")
        self.device = f"m{self.number}"
        lab.link(self.rack.space, self.device, self.space, "eth0", other_mac=mac)
        self.ports, self.sockets, self.threads = {}, {}, []
        for name in world.places:
            self._cable(name, world.sites[name].space)
        self.rack.transaction(f"table netdev {self.device} {{\n{self._chains()}\n}}")
        # A guest that is moved keeps what it knows of its neighbours; here it never doubts it.
        self.space.sysctl("net.ipv4.neigh.eth0.base_reachable_time_ms", 3600000)
        self.space.ip(f"address add {address} dev eth0")
        if gateway:
            self.space.ip(f"route add default via {gateway}")
        self.service = self.space.popen(tool("guestd"), stdout=-3)
        self.site, self.moved, self.paused_ms = None, 0, 0
        self.mute = []  # (from, to) by the wall clock, for each migration: it said nothing, whatever it heard
        self.plug(site)

    def _cable(self, site, space):
        port = self.ports[site] = f"{self.device}-{site}"
        self.world.lab.link(self.rack.space, port, space, self.device)
        space.ip(f"link set {self.device} master {BRIDGE}")
        self.sockets[site] = inside.packet(self.rack.space, port, 0)

    def _chains(self):
        return "\n".join(f"chain {name} {{ type filter hook ingress device {name} priority 0;"
                         f" policy drop;\n}}" for name in [self.device, *self.ports.values()])

    def _switch(self, to_machine, from_machine):
        """Which sites' frames reach it, and which site gets its own."""
        rules = [f"flush table netdev {self.device}"]
        rules += [f"add rule netdev {self.device} {self.ports[site]} fwd to {self.device}"
                  for site in to_machine]
        if from_machine:
            rules.append(f"add rule netdev {self.device} {self.device} "
                         f"fwd to {self.ports[from_machine]}")
        self.rack.transaction("\n".join(rules))

    def pause(self):
        """It neither hears nor says anything."""
        self._switch([], None)

    def listen(self, sites):
        """It hears what comes at these sites, and says nothing."""
        self._switch(sites, None)

    def plug(self, site):
        """It runs at this site from now on, without a word about it."""
        self._switch([site], site)
        self.site, self.moved = site, time.monotonic()

    def migrate(self, site, say=None, repeats=()):
        """Pauses and resumes at another site. 'say' is the first frame there; it is repeated so long after. Returns
        the wall-clock time before it was said."""
        start, mute = time.monotonic(), time.time()
        self.pause()
        self.listen([site])
        self.paused_ms = (time.monotonic() - start) * 1000
        said = time.time()
        if say:
            self.inject(site, say)
        self.plug(site)
        self.mute.append((mute, time.time()))
        if repeats:
            self.repeat(site, say, repeats)
        return said

    def migrate_at(self, delay, site, say=None, repeats=()):
        """migrate(), so many seconds after its last move."""
        time.sleep(max(0, self.moved + delay - time.monotonic()))
        return self.migrate(site, say, repeats)

    def move(self, site):
        """The usual migration: one RARP."""
        return self.migrate(site, rarp(self.mac))

    def inject(self, site, frame):
        """A frame on the site's LAN that comes out of the machine's port there, wherever it runs."""
        self.sockets[site].send(frame)

    def repeat(self, site, frame, offsets):
        """Injects a frame so many seconds from now, in the background."""
        def run(start=time.monotonic()):
            for offset in offsets:
                time.sleep(max(0, start + offset - time.monotonic()))
                self.inject(site, frame)
        thread = threading.Thread(target=run)
        thread.start()
        self.threads.append(thread)

    def end_repeats(self):
        """Returns when all that was to be repeated has been said."""
        for thread in self.threads:
            thread.join()
        self.threads = []

    def announce(self):
        """A gratuitous ARP where it runs."""
        self.inject(self.site, gratuitous_arp(self.mac, self.ip))

    def close(self):
        self.end_repeats()
        self.world.lab.end(self.service)
        for s in self.sockets.values():
            s.close()
        self.rack.transaction(f"delete table netdev {self.device}")
        for device in [self.device, *self.ports.values()]:
            self.rack.space.ip(f"link delete {device}")
