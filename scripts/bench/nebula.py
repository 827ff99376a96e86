"""nebula as packaged: the gateways have a certificate for their LAN, and an unsafe route to the other's."""

import json

from lab.netns import run

from .routing import give_gateway_addresses

ABOUT = "AES-256-GCM, UDP, MTU 1440, 1 MiB socket buffers, tun queue 1000, batches of 64"
PORT = 4242
# 1500 less IP and UDP (28) and nebula's own header and tag (32).
MTU = 1440


def address(side):
    return f"10.9.0.{side.number}"


def certify(path, side):
    run("nebula-cert", "sign", "-ca-crt", path.path("ca.crt"), "-ca-key", path.path("ca.key"),
        "-name", f"g{side.number}", "-ip", f"{address(side)}/24", "-subnets", side.subnet,
        "-out-crt", path.path(f"{side.number}.crt"), "-out-key", path.path(f"{side.number}.key"))


def configuration(path, side, other):
    """YAML takes JSON."""
    rule = [{"port": "any", "proto": "any", "host": "any"}]
    return {
        "pki": {"ca": path.path("ca.crt"), "cert": path.path(f"{side.number}.crt"),
                "key": path.path(f"{side.number}.key")},
        "static_host_map": {address(other): [f"{other.wan_address}:{PORT}"]},
        "lighthouse": {"am_lighthouse": False, "interval": 60, "hosts": []},
        "listen": {"host": side.wan_address, "port": PORT, "batch": 64,
                   "read_buffer": 1048576, "write_buffer": 1048576},
        "cipher": "aes",
        "tun": {"dev": "tun0", "mtu": MTU, "tx_queue": 1000,
                "unsafe_routes": [{"route": other.subnet, "via": address(other), "mtu": MTU}]},
        "firewall": {"outbound": rule, "inbound": rule},
    }


def setup(path):
    one, two = path.sides
    give_gateway_addresses(path)
    run("nebula-cert", "ca", "-name", "bench", "-duration", "48h", "-out-crt", path.path("ca.crt"),
        "-out-key", path.path("ca.key"))
    for side, other in ((one, two), (two, one)):
        certify(path, side)
        file = path.path(f"{side.number}.yml")
        with open(file, "w", encoding="ascii") as out:
            json.dump(configuration(path, side, other), out)
        path.start(side.gateway, "nebula", "-config", file)
