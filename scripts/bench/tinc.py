"""tinc as packaged (1.0), with all packets over TCP.

Router mode on a tun device, aes-256 for both kinds of traffic, no compression.  What waits for the
TCP connection may be large: by default tinc drops from ten packets on, which holds a single flow
back."""

import os

from lab.netns import run

from .routing import give_gateway_addresses

ABOUT = "TCPOnly, router mode, AES-256, no compression, 1 MiB output buffer"
OPTIONS = """
Mode = router
DeviceType = tun
Interface = tun0
AddressFamily = ipv4
TCPOnly = yes
MaxOutputBufferSize = 1048576
"""
HOST_OPTIONS = """
TCPOnly = yes
Cipher = aes-256-cbc
Digest = sha256
Compression = 0
"""
NAMES = {1: "g1", 2: "g2"}


def folder(path, side):
    return path.path(f"tinc{side.number}")


def configure(path, side, other):
    """Everything but the other's host file."""
    top = folder(path, side)
    os.makedirs(f"{top}/hosts")
    with open(f"{top}/tinc.conf", "w", encoding="ascii") as file:
        file.write(f"Name = {NAMES[side.number]}\nConnectTo = {NAMES[other.number]}\n"
                   f"BindToAddress = {side.wan_address}\n{OPTIONS}")
    with open(f"{top}/hosts/{NAMES[side.number]}", "w", encoding="ascii") as file:
        file.write(f"Address = {side.wan_address}\nSubnet = {side.subnet}\n{HOST_OPTIONS}")
    with open(f"{top}/tinc-up", "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nip link set $INTERFACE up txqueuelen 1000\n"
                   f"ip route add {other.subnet} dev $INTERFACE\n")
    os.chmod(f"{top}/tinc-up", 0o755)
    # Appends the public key to the own host file.
    run("tincd", "-c", top, "-K2048")


def setup(path):
    one, two = path.sides
    give_gateway_addresses(path)
    for side, other in ((one, two), (two, one)):
        configure(path, side, other)
    for side, other in ((one, two), (two, one)):
        name = f"hosts/{NAMES[other.number]}"
        with open(f"{folder(path, other)}/{name}", encoding="ascii") as theirs, \
                open(f"{folder(path, side)}/{name}", "w", encoding="ascii") as ours:
            ours.write(theirs.read())
        path.start(side.gateway, "tincd", "-D", "-c", folder(path, side),
                   f"--pidfile={folder(path, side)}/pid")
