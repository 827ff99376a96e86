"""Sockets that live in a namespace while this process stays where it is."""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(space):
    """The calling thread is in the namespace; what it opens there stays there."""
    with open("/proc/thread-self/ns/net", "rb") as home, \
            open(f"/run/netns/{space.full}", "rb") as there:
        assert _libc.setns(there.fileno(), CLONE_NEWNET) == 0
        try:
            yield
        finally:
            assert _libc.setns(home.fileno(), CLONE_NEWNET) == 0


def udp(space, address="0.0.0.0", port=0, timeout=5):
    with inside(space):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(timeout)
    s.bind((address, port))
    return s


def listener(space, address="0.0.0.0", port=0, timeout=15, mss=None):
    with inside(space):
        s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if mss:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    s.settimeout(timeout)
    s.bind((address, port))
    s.listen()
    return s


def connect(space, address, port, timeout=15):
    with inside(space):
        s = socket.socket()
    s.settimeout(timeout)
    s.connect((address, port))
    return s


def packet(space, device, protocol=ETH_P_ALL):
    """A raw packet socket on a device."""
    with inside(space):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        s.bind((device, protocol))
    return s


def raw_ip(space):
    """A socket for whole IPv4 packets, with any source address."""
    with inside(space):
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def tap(space, name, vnet_hdr=False):
    """A new tap device's file; it is gone when the file is closed."""
    flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if vnet_hdr else 0)
    with inside(space):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    return fd
