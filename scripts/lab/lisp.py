"""Cloud D, a plain LISP site beside the clouds, and M, the map-server through which they find each other.

D's router has no peers, no sync and no session: it registers its subnet, asks for the others' addresses, and speaks plain
LISP. How it hears of a move is one of MODES.
"""
import dataclasses
import os

from .layout import SITES, UNDERLAY, VN
from .router import Router
from .topology import BRIDGE, WAN_DEVICE, Site

PLAIN, SERVER = "d", "m"
LOCATORS = {**UNDERLAY, PLAIN: "192.0.2.4", SERVER: "192.0.2.5"}
HOST, ADDRESS = "far", "10.4.0.10/24"
SUBNET, GATEWAY = "10.4.0.0/24", "10.4.0.1"
# What machines of a stretched subnet send to D through: an address of the router of each cloud.
SHARED_GATEWAY = "10.0.0.1/24"
DATA_PORT, CONTROL_PORT = 4341, 4342
# "smr": it is told to ask again; "pubsub": it has subscribed; "push": it takes CHANGE-PRIORITY.
MODES = ("smr", "pubsub", "push")
# The map-server has a network of its own, which has no part in the mapping system.
SERVER_VN = 99


def secret(folder, name):
    """A file with a secret, the same for all that share it."""
    path = f"{folder}/{name}.secret"
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w",
              encoding="ascii") as file:
        file.write(f"the secret of {name}\n")
    return {"name": name, "secret_file": path}


def _xtr(router, site, mode):
    """What a router has under "lisp"."""
    conf = {"keys": [secret(router.folder, f"site-{site}")], "rlocs": [{"address": LOCATORS[site]}],
            "map_servers": [{"address": LOCATORS[SERVER], "key": f"site-{site}"}],
            "map_resolvers": [LOCATORS[SERVER]], "register_s": 10, "probe_s": 0,
            "subscribe": mode == "pubsub" and site == PLAIN}
    if mode == "push":
        conf["keys"].append(secret(router.folder, "push"))
        conf["push"] = {"key": "push"}
        if site != PLAIN:
            conf["locators"] = [{"address": LOCATORS[PLAIN], "push": True}]
    return conf


def _base(router, site):
    return {"name": site, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
            "control_socket": f"{router.folder}/vrd.sock", "listen": f"{LOCATORS[site]}:51341",
            "log": {"level": "info", "file": f"{router.folder}/vrd.log"}, "peers": []}


def _server(router, layout):
    """In a stretched subnet no cloud has a prefix: each machine is registered where it is."""
    shared = len(set(layout.subnets.values())) == 1
    prefixes = {**{site: [] if shared else [prefix] for site, prefix in layout.subnets.items()},
                PLAIN: [SUBNET]}
    sites = [{"name": site, "keys": [f"site-{site}"],
              "prefixes": [{"vn": VN, "prefix": prefix} for prefix in own]}
             for site, own in prefixes.items()]
    return {**_base(router, SERVER), "vns": [{"id": SERVER_VN, "device": BRIDGE}],
            "lisp": {"keys": [secret(router.folder, f"site-{site['name']}") for site in sites],
                     "rlocs": [{"address": LOCATORS[SERVER]}], "register_s": 10,
                     "map_server": {"sites": sites, "mobile": [
                         {"vn": VN, "prefix": layout.mobile,
                          "sites": list(layout.mobile_hosts)}]}}}


def _site(world, name):
    space = world.lab.ns(name)
    space.bridge(BRIDGE)
    world.sites[name] = Site(name, space, None)
    world.underlay.attach(space, WAN_DEVICE, f"{LOCATORS[name]}/24")
    world.routers[name] = Router(space, name)
    return world.routers[name]


def _share_gateway(world):
    """The routers of a stretched subnet get an address in it, the same everywhere."""
    world.layout = dataclasses.replace(world.layout,
                                       gateways=dict.fromkeys(SITES, SHARED_GATEWAY))
    for site in SITES:
        vn = world.routers[site].conf["vns"][0]
        del vn["subnets"]
        vn["addresses"] = [SHARED_GATEWAY]


def add(world, mode="smr"):
    """Adds D and M to clouds that have not started, and gives their routers a part in the mapping system."""
    assert mode in MODES
    if not world.layout.gateways:
        _share_gateway(world)
    world.layout = dataclasses.replace(world.layout,
                                       hosts={**world.layout.hosts, HOST: ADDRESS})
    plain, server = _site(world, PLAIN), _site(world, SERVER)
    plain.conf = {**_base(plain, PLAIN), "vns": [
        {"id": VN, "name": "blue", "device": BRIDGE, "local": [SUBNET],
         "addresses": [f"{GATEWAY}/24"], "lisp": {"use": True}}]}
    server.conf = _server(server, world.layout)
    for site in (*SITES, PLAIN):
        conf = world.routers[site].conf
        conf["vns"][0]["lisp"] = {"use": True}
        conf["lisp"] = _xtr(world.routers[site], site, mode)


def _know_neighbours(world):
    """On a WAN the next hop is a gateway whose MAC a router knows; here it is the other router, and asking costs a round trip."""
    macs = {name: world.sites[name].space.mac(WAN_DEVICE) for name in LOCATORS}
    for name in LOCATORS:
        for other, mac in macs.items():
            if other != name:
                world.sites[name].space.ip(f"neigh replace {LOCATORS[other]} lladdr {mac} "
                                           f"dev {WAN_DEVICE} nud permanent")


def add_host(world):
    """D's client, when the routers have started."""
    _know_neighbours(world)
    space = world.lab.ns(HOST)
    switch = world.sites[PLAIN].space
    world.lab.link(switch, f"to-{HOST}", space, "eth0")
    switch.ip(f"link set to-{HOST} master {BRIDGE}")
    space.ip(f"address add {ADDRESS} dev eth0")
    space.ip(f"route add default via {GATEWAY}")
    world.hosts[HOST] = space
    return space


def locator(world, address, asked=PLAIN):
    """The locator that a router's map-cache has for an address; None without one."""
    best, found = -1, None
    for row in world.routers[asked].show("mapcache"):
        net, length = row["prefix"].split("/")
        if int(length) > best and _covers(net, int(length), address):
            best, found = int(length), row
    return found["locators"][0]["rloc"] if found and found["locators"] else None


def _covers(net, length, address):
    one, other = (int.from_bytes(bytes(map(int, text.split("."))), "big") for text in (net, address))
    return one >> 32 - length == other >> 32 - length
