"""vrd: each gateway's LAN interface belongs to a router, the kernels do not forward.

Sealed by UDP from gateway to gateway; by a third router where they do not reach each other; by TCP
where UDP does not pass.  Plain LISP between two sites that find each other by a map-server."""

import json
import os

from lab.netns import LabError, run
from lab.tools import built

ABOUT = "AES-256-GCM, UDP, super-frames, default settings"
ABOUT_WORKERS = "AES-256-GCM, UDP, super-frames, data workers: {}"
ABOUT_RELAYED = "the same, by a third vrd: the gateways do not reach each other"
ABOUT_PLAIN = "plain LISP, UDP 4341, no session, super-frames, default settings"
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


def setup(path, **more):
    """'more' keys of both configurations."""
    one, two = path.sides
    keys = make_keys(path, *NAMES.values())
    for side, other in ((one, two), (two, one)):
        name = NAMES[other.number]
        conf = {**gateway(path, side), **more}
        conf["peers"] = [peer(name, keys[name], other.subnet, other.wan_address)]
        start(path, side.gateway, conf)


def setup_workers(count):
    """setup() with so many data workers."""
    return lambda path: setup(path, workers=str(count))


def site_key(path, name):
    """One entry of "lisp.keys": what a site and the map-server share."""
    file = path.path(f"{name}.secret")
    with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as out:
        out.write(f"the secret of {name}")
    return {"name": name, "secret_file": file}


def setup_plain(path):
    """The first gateway is the map-server and map-resolver, too."""
    one, two = path.sides
    make_keys(path, *NAMES.values())
    keys = {side: site_key(path, NAMES[side.number]) for side in path.sides}
    for side in path.sides:
        conf = gateway(path, side)
        conf["vns"][0]["lisp"] = {"use": True, "encapsulation": "plain"}
        conf["lisp"] = {
            "keys": list(keys.values()) if side is one else [keys[side]],
            "rlocs": [{"address": side.wan_address}],
            "map_servers": [{"address": one.wan_address, "key": keys[side]["name"]}],
            "map_resolvers": [one.wan_address],
        }
        if side is one:
            conf["lisp"]["map_server"] = {"sites": [
                {"name": key["name"], "keys": [key["name"]],
                 "prefixes": [{"vn": VN, "prefix": which.subnet}]} for which, key in keys.items()]}
        start(path, side.gateway, conf)


def setup_relayed(path):
    """'path' is a path.RelayedPath."""
    one, two = path.sides
    keys = make_keys(path, RELAY, *NAMES.values())
    # A router has a LAN; nobody is on the relay's.
    path.link(path.relay, "lan", path.relay, "lan-end")
    subnet = "10.3.0.0/24"
    conf = configuration(path, RELAY, "0.0.0.0", subnet, "10.3.0.1")
    conf["relay"] = {"peer_mbps": 0}
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


def show(path, side, what):
    """What a gateway says of itself."""
    return json.loads(run(built("vrctl"), "--json", "-s", path.path(f"{NAMES[side.number]}.sock"),
                          "show", what))["data"]


def check(path, wanted):
    """Do both gateways say that they reach each other this way?"""
    one, two = path.sides
    for side, other in ((one, two), (two, one)):
        row = next(row for row in show(path, side, "peers") if row["name"] == NAMES[other.number])
        if row["path"] != wanted:
            raise LabError(f"{path.name}: the gateways are to reach each other by {wanted}, "
                           f"but {NAMES[side.number]} says '{row['path']}'")


def check_direct(path):
    check(path, "direct")


def check_relayed(path):
    check(path, "relayed")


def check_tcp(path):
    check(path, "tcp")


def check_plain(path):
    """Do both gateways send to each other's locator, unsealed?"""
    one, two = path.sides
    for side, other in ((one, two), (two, one)):
        ways = {(row["prefix"], locator["rloc"], locator["way"])
                for row in show(path, side, "mapcache") for locator in row["locators"]}
        if (other.subnet, other.wan_address, "plain") not in ways:
            raise LabError(f"{path.name}: {NAMES[side.number]} sends by {sorted(ways)}")
