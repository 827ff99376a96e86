"""wireguard-go as packaged: WireGuard in a process of its own, on a TUN device.

Its control socket is /run/wireguard/DEVICE.sock whatever the namespace, so that each device has a
name of its own."""

import contextlib
import os

from lab.netns import LabError, run, wait_for

from .routing import give_gateway_addresses

ABOUT = "ChaCha20-Poly1305, UDP, MTU 1420, default settings"
PORT = 51820
START_SECONDS = 5
SOCKETS = "/run/wireguard"


def device(side):
    return f"wg{os.getpid()}n{side.number}"


def keys(path, side):
    """(file of the private key, public key)"""
    file = path.path(f"{side.number}.key")
    private = run("wg", "genkey")
    with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as out:
        out.write(private)
    return file, run("sh", "-c", 'exec wg pubkey <"$1"', "sh", file).strip()


def setup(path):
    one, two = path.sides
    give_gateway_addresses(path)
    made = {side: keys(path, side) for side in path.sides}
    for side, other in ((one, two), (two, one)):
        name = device(side)
        program = path.start(side.gateway, "wireguard-go", "-f", name)

        def listens(name=name, program=program):
            if program.poll() is not None:
                raise LabError(f"wireguard-go ended\n{path.logs()}")
            return os.path.exists(f"{SOCKETS}/{name}.sock")
        wait_for(listens, START_SECONDS, "wireguard-go to start")
        side.gateway.run("wg", "set", name, "listen-port", str(PORT), "private-key", made[side][0],
                         "peer", made[other][1], "endpoint", f"{other.wan_address}:{PORT}",
                         "allowed-ips", other.subnet)
        side.gateway.ip(f"link set {name} up")
        side.gateway.ip(f"route add {other.subnet} dev {name}")


def teardown(path):
    path.stop()
    for side in path.sides:
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{SOCKETS}/{device(side)}.sock")
