"""vrd, sealed: each gateway's LAN interface belongs to a router, the kernels do not forward.

By UDP from gateway to gateway; by a third router where they do not reach each other; by TCP where
UDP does not pass."""

import json
import os

from lab.netns import LabError, run
from lab.tools import built

ABOUT = "AES-256-GCM, UDP, super-frames, default settings"
ABOUT_RELAYED = "the same, by a third vrd: the gateways do not reach each other"
ABOUT_TCP = "the same, over TCP: UDP between the gateways is dropped"
VN = 7
PORT, TCP_PORT = 51341, 443
NAMES = {1: "a", 2: "b"}
RELAY = "relay"
# At each gateway, for what comes from the other.
NO_UDP = "table inet bench { chain input { type filter hook input priority filter; " \
    'iifname "wan" meta l4proto udp drop; }; }'


def configuration(path, name, listen, subnet, gateway_address):
    """What all routers have in common, as a dictionary."""
    return {
        "name": name,
        "key_file": path.path(f"{name}.key"),
        "state_dir": path.path(f"state-{name}"),
        "control_socket": path.path(f"{name}.sock"),
        "listen": f"{listen}:{PORT}",
        "vns": [{
            "id": VN, "name": "bench", "device": "lan",
            "local": [subnet],
            "addresses": [f"{gateway_address}/24"],
        }],
        "peers": [],
    }


def gateway(path, side):
    return configuration(path, NAMES[side.number], side.wan_address, side.subnet,
                         side.gateway_address)


def peer(name, key, subnet, *endpoints, **more):
    """One entry of "peers"."""
    return {"name": name, "public_key": key, "endpoints": [f"{at}:{PORT}" for at in endpoints],
            "vns": [{"id": VN, "prefixes": [subnet]}], **more}


def make_keys(path, *names):
    """{name: public key}"""
    keys = {}
    for name in names:
        os.mkdir(path.path(f"state-{name}"))
        keys[name] = run(built("vrctl"), "keygen", path.path(f"{name}.key")).split()[-1]
    return keys


def start(path, space, conf):
    file = path.path(f"{conf['name']}.conf")
    with open(file, "w", encoding="utf-8") as out:
        json.dump(conf, out, indent=2)
    path.start(space, built("vrd"), "-c", file)


def setup(path):
    one, two = path.sides
    keys = make_keys(path, *NAMES.values())
    for side, other in ((one, two), (two, one)):
        name = NAMES[other.number]
        conf = gateway(path, side)
        conf["peers"] = [peer(name, keys[name], other.subnet, other.wan_address)]
        start(path, side.gateway, conf)


def setup_relayed(path):
    """'path' is a path.RelayedPath."""
    one, two = path.sides
    keys = make_keys(path, RELAY, *NAMES.values())
    # A router has a LAN; nobody is on the relay's.
    path.link(path.relay, "lan", path.relay, "lan-end")
    subnet = "10.3.0.0/24"
    conf = configuration(path, RELAY, "0.0.0.0", subnet, "10.3.0.1")
    conf["relay"] = {}
    conf["peers"] = [peer(NAMES[side.number], keys[NAMES[side.number]], side.subnet)
                     for side in path.sides]
    start(path, path.relay, conf)
    for side, other in ((one, two), (two, one)):
        name = NAMES[other.number]
        conf = gateway(path, side)
        conf["peers"] = [peer(RELAY, keys[RELAY], subnet, side.relay_address, relay=True),
                         peer(name, keys[name], other.subnet)]
        start(path, side.gateway, conf)


def setup_tcp(path):
    one, two = path.sides
    keys = make_keys(path, *NAMES.values())
    for side, other in ((one, two), (two, one)):
        side.gateway.run("nft", NO_UDP)
        name = NAMES[other.number]
        conf = gateway(path, side)
        conf["tcp_listen"] = f"{side.wan_address}:{TCP_PORT}"
        conf["peers"] = [peer(name, keys[name], other.subnet, other.wan_address,
                              tcp=[f"{other.wan_address}:{TCP_PORT}"])]
        start(path, side.gateway, conf)


def check(path, wanted):
    """Do both gateways say that they reach each other this way?"""
    one, two = path.sides
    for side, other in ((one, two), (two, one)):
        said = json.loads(run(built("vrctl"), "--json", "-s",
                              path.path(f"{NAMES[side.number]}.sock"), "show", "peers"))
        row = next(row for row in said["data"] if row["name"] == NAMES[other.number])
        if row["path"] != wanted:
            raise LabError(f"{path.name}: the gateways are to reach each other by {wanted}, "
                           f"but {NAMES[side.number]} says '{row['path']}'")


def check_direct(path):
    check(path, "direct")


def check_relayed(path):
    check(path, "relayed")


def check_tcp(path):
    check(path, "tcp")
