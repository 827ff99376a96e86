"""Frames by hand: what a hypervisor or a guest says, put on a wire at the moment that a test chooses."""
import socket
import struct

from .capture import ARP, BROADCAST, RARP, mac_bytes, packed

ETH_P_ALL = 3
NO_IP = "0.0.0.0"


def arp(kind, operation, source_mac, sender_mac, sender_ip, target_mac, target_ip, to=BROADCAST):
    """An ARP or RARP frame of 60 bytes; MACs and addresses as text."""
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation)
    body += mac_bytes(sender_mac) + packed(sender_ip) + mac_bytes(target_mac) + packed(target_ip)
    frame = to + mac_bytes(source_mac) + struct.pack(">H", kind) + body
    return frame.ljust(60, b"\0")


def rarp(mac):
    """What QEMU broadcasts for a machine that has arrived: the MAC only."""
    return arp(RARP, 3, mac, mac, NO_IP, mac, NO_IP)


def gratuitous_arp(mac, ip):
    """A machine that says where its address is."""
    return arp(ARP, 1, mac, mac, ip, "00:00:00:00:00:00", ip)


class Wire:
    """Sends and receives whole frames on a device of a namespace."""

    def __init__(self, space, device):
        with space.entered():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.bind((device, 0))

    def send(self, frame):
        self.socket.send(frame)

    def receive(self, timeout):
        """The next frame, or None."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(65536)
        except socket.timeout:
            return None

    def close(self):
        self.socket.close()
