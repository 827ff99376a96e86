"""vrd, sealed: each gateway's LAN interface belongs to a router, the kernels do not forward."""

import json
import os

from lab.netns import run
from lab.tools import built

ABOUT = "AES-256-GCM, UDP, super-frames, default settings"
VN = 7
PORT = 51341


def configuration(path, side, other, other_key):
    """The configuration of one gateway as a dictionary."""
    name = {1: "a", 2: "b"}
    return {
        "name": name[side.number],
        "key_file": path.path(f"{side.number}.key"),
        "state_dir": path.path(f"state{side.number}"),
        "control_socket": path.path(f"{side.number}.sock"),
        "listen": f"{side.wan_address}:{PORT}",
        "vns": [{
            "id": VN, "name": "bench", "device": "lan",
            "local": [side.subnet],
            "addresses": [f"{side.gateway_address}/24"],
        }],
        "peers": [{
            "name": name[other.number],
            "public_key": other_key,
            "endpoints": [f"{other.wan_address}:{PORT}"],
            "vns": [{"id": VN, "prefixes": [other.subnet]}],
        }],
    }


def start(path, make, spaces):
    """Keys, files and routers of both sides, each in its namespace; 'make' as configuration()."""
    one, two = path.sides
    keys = {}
    for side in path.sides:
        os.mkdir(path.path(f"state{side.number}"))
        said = run(built("vrctl"), "keygen", path.path(f"{side.number}.key"))
        keys[side] = said.split()[-1]
    for side, other in ((one, two), (two, one)):
        config = path.path(f"{side.number}.conf")
        with open(config, "w", encoding="utf-8") as file:
            json.dump(make(path, side, other, keys[other]), file, indent=2)
        path.start(spaces[side], built("vrd"), "-c", config)


def setup(path):
    start(path, configuration, {side: side.gateway for side in path.sides})

