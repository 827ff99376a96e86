"""tinc as packaged (1.0): packets over UDP, or all of them over TCP.

Router mode on a tun device, aes-256 for both kinds of traffic, no compression.  What waits for the
TCP connection may be large: by default tinc drops from ten packets on, which holds a single flow
back."""

import os

from lab.netns import LabError, run, wait_for

from .routing import give_gateway_addresses

ABOUT = "UDP, router mode, AES-256-CBC and SHA-256, no compression, 1 MiB socket buffers"
ABOUT_TCP = "TCPOnly, router mode, AES-256, no compression, 1 MiB output buffer"
OPTIONS = """
Mode = router
DeviceType = tun
Interface = tun0
AddressFamily = ipv4
"""
UDP_OPTIONS = """
UDPRcvBuf = 1048576
UDPSndBuf = 1048576
"""
TCP_OPTIONS = """
TCPOnly = yes
MaxOutputBufferSize = 1048576
"""
HOST_OPTIONS = """
Cipher = aes-256-cbc
Digest = sha256
Compression = 0
"""
NAMES = {1: "g1", 2: "g2"}
# Until tinc knows the path's MTU, large packets take its TCP connection.
UDP_SECONDS = 20
PINGS = 20


def folder(path, side):
    return path.path(f"tinc{side.number}")


def configure(path, side, other, options, host_options):
    """Everything but the other's host file."""
    top = folder(path, side)
    os.makedirs(f"{top}/hosts")
    with open(f"{top}/tinc.conf", "w", encoding="ascii") as file:
        file.write(f"Name = {NAMES[side.number]}\nConnectTo = {NAMES[other.number]}\n"
                   f"BindToAddress = {side.wan_address}\n{OPTIONS}{options}")
    with open(f"{top}/hosts/{NAMES[side.number]}", "w", encoding="ascii") as file:
        file.write(f"Address = {side.wan_address}\nSubnet = {side.subnet}\n"
                   f"{HOST_OPTIONS}{host_options}")
    with open(f"{top}/tinc-up", "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nip link set $INTERFACE up txqueuelen 1000\n"
                   f"ip route add {other.subnet} dev $INTERFACE\n")
    os.chmod(f"{top}/tinc-up", 0o755)
    # Appends the public key to the own host file.
    run("tincd", "-c", top, "-K2048")


def join(path, options, host_options):
    one, two = path.sides
    give_gateway_addresses(path)
    for side, other in ((one, two), (two, one)):
        configure(path, side, other, options, host_options)
    for side, other in ((one, two), (two, one)):
        name = f"hosts/{NAMES[other.number]}"
        with open(f"{folder(path, other)}/{name}", encoding="ascii") as theirs, \
                open(f"{folder(path, side)}/{name}", "w", encoding="ascii") as ours:
            ours.write(theirs.read())
        path.start(side.gateway, "tincd", "-D", "-c", folder(path, side),
                   f"--pidfile={folder(path, side)}/pid")


def setup(path):
    join(path, UDP_OPTIONS, "")


def setup_tcp(path):
    join(path, TCP_OPTIONS, "TCPOnly = yes\n")


def datagrams_sent(space):
    """How many UDP datagrams the programs of a namespace have sent."""
    names, counts = [line.split() for line in space.run("cat", "/proc/net/snmp").splitlines()
                     if line.startswith("Udp:")]
    return int(counts[names.index("OutDatagrams")])


def check_udp(path):
    """Do large packets travel by UDP?"""
    one, two = path.sides

    def by_udp():
        before = datagrams_sent(one.gateway)
        one.host.run("ping", "-q", "-c", str(PINGS), "-i", "0.01", "-s", "1300", two.host_address,
                     check=False)
        return datagrams_sent(one.gateway) - before >= PINGS
    try:
        wait_for(by_udp, UDP_SECONDS, "tinc to send by UDP")
    except LabError as error:
        raise LabError(f"{error}\n{path.logs()}") from None
