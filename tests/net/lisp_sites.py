"""Sites that find each other through a LISP mapping system.

A and B are routers of ours, peers of each other; M is the map-server and map-resolver; D is a plain LISP site: no peers, no
sync, no session. D's underlay address is behind a router R, so that what the underlay does to packets can be seen.

    with LispSites() as net:
        ha, hd = net.host("a", 10), net.host("d", 10)
        net.start()
        assert net.ping(hd, ha)
"""
import ipaddress
import os

import sniff
from lab.netns import wait_for
from sites import NUMBERS, VN, Sites, ip_bytes

DATA, CONTROL = 4341, 4342
MAP_SERVER = "m"
# The network of the map-server's own; it has no part in the mapping system.
OTHER_VN = 99
ROUTER, BEHIND = "192.0.2.254", "198.51.100"


def secret(router, name, text=None):
    """A file with a secret, as the configuration names them."""
    path = f"{router.folder}/{name}.secret"
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w",
              encoding="ascii") as file:
        file.write((text or f"the secret of {name}") + "\n")
    return path


class LispSites(Sites):
    """'names': which of a, b, d and m. 'change(name, conf)' changes a configuration before the start. 'push': all share the
    key of CHANGE-PRIORITY messages. 'subscribe': the sites whose routers subscribe."""

    def __init__(self, names="abdm", change=None, push=(), subscribe=(), server=MAP_SERVER,
                 **more):
        self.change, self.push, self.subscribe, self.server = change, push, subscribe, server
        self.transit = None
        super().__init__(names, configure=self._lisp, **more)

    # ---- the underlay ----

    def address(self, name):
        return f"{BEHIND}.{NUMBERS[name]}" if name == "d" else super().address(name)

    def _attach(self, name, space):
        if name != "d":
            super()._attach(name, space)
            return
        router = self.transit = self.lab.ns("r")
        router.sysctl("net.ipv4.ip_forward", 1)
        router.sysctl("net.ipv4.icmp_ratelimit", 0)
        self.underlay.attach(router, "wan0", f"{ROUTER}/24")
        self.lab.link(router, "far0", space, "wan0")
        router.ip(f"address add {BEHIND}.254/24 dev far0")
        space.ip(f"address add {self.address(name)}/24 dev wan0")

    def start(self, timeout=10):
        for name, space in self.spaces.items():
            if name == "d":
                space.ip(f"route add default via {BEHIND}.254")
            elif self.transit:
                space.ip(f"route add {BEHIND}.0/24 via {ROUTER}")
        if self.transit:
            self.transit.run("ethtool", "-K", "wan0", "gro", "off", "tx-udp-segmentation", "off")
            self.transit.run("ethtool", "-K", "far0", "gro", "off", "tx-udp-segmentation", "off")
        super().start(timeout)
        self.wait_registered()
        return self

    def narrow(self, mtu):
        """The link between R and D takes packets of this size."""
        self.transit.ip(f"link set far0 mtu {mtu}")
        self.spaces["d"].ip(f"link set wan0 mtu {mtu}")

    # ---- configurations ----

    def _lisp(self, name, conf):
        vn = conf["vns"][0]
        peers = "ab" if name in "ab" else ""
        conf["peers"] = [peer for peer in conf["peers"] if peer["name"] in peers]
        vn["mobile"] = [{"prefix": self.subnet(which)} for which in peers]
        conf["lisp"] = {"keys": [], "rlocs": [{"address": self.rloc(name)}]}
        if name == self.server:
            self._map_server(conf)
        if name == MAP_SERVER:
            vn.update(id=OTHER_VN)
        else:
            vn["lisp"] = {"use": True}
            self._xtr(name, conf)
        if self.change:
            self.change(name, conf)

    def _key(self, conf, name, text=None, **more):
        router = self.routers[conf["name"]]
        if all(key["name"] != name for key in conf["lisp"]["keys"]):
            conf["lisp"]["keys"].append({"name": name, "secret_file": secret(router, name, text), **more})
        return name

    def rloc(self, name):
        """The locator of a site, and the address of the map-server's."""
        return self.address(name)

    def _xtr(self, name, conf):
        lisp, server = conf["lisp"], self.rloc(self.server)
        lisp.update(register_s=5, probe_s=0, subscribe=name in self.subscribe,
                    map_servers=[{"address": server, "key": self._key(conf, f"site-{name}")}],
                    map_resolvers=[server])
        if name in self.push:
            lisp["push"] = {"key": self._key(conf, "push")}

    def _map_server(self, conf):
        sites = [name for name in self.names if name != MAP_SERVER]
        conf["lisp"]["map_server"] = {
            "sites": [{"name": name, "keys": [self._key(conf, f"site-{name}")],
                       "prefixes": [{"vn": VN, "prefix": self.subnet(name)}]} for name in sites],
            "mobile": [{"vn": VN, "prefix": self.subnet(name), "sites": [site for site in sites if site in "ab"]}
                       for name in sites if name in "ab"]}

    # ---- what the routers say ----

    @property
    def xtrs(self):
        return [name for name in self.names if name != MAP_SERVER]

    def registration(self, name, prefix):
        """What an xTR says of one of its prefixes; None when it has none."""
        rows = self.routers[name].show("registrations")
        return next((row for row in rows if row["kind"] == "own" and row["prefix"] == prefix), None)

    def is_registered(self, name, prefix=None):
        row = self.registration(name, prefix or self.subnet(name))
        return bool(row) and row["state"] == "in-force"

    def wait_registered(self, timeout=5):
        for name in self.xtrs:
            wait_for(lambda which=name: self.is_registered(which), timeout,
                     f"the registration of {name}")

    def mapping(self, name, eid):
        """The mapping in a router's map-cache that an address falls into."""
        found = [row for row in self.routers[name].show("mapcache")
                 if ipaddress.ip_address(eid) in ipaddress.ip_network(row["prefix"])]
        return max(found, key=lambda row: int(row["prefix"].split("/")[1]), default=None)

    def locators(self, name, eid):
        """Where a router's map-cache says that an address is."""
        row = self.mapping(name, eid)
        return [locator["rloc"] for locator in row["locators"]] if row else None

    def wait_locator(self, name, eid, site, timeout=5):
        wait_for(lambda: self.locators(name, eid) == [self.address(site)], timeout,
                 f"{name} to map {eid} to {site}")


    def counts(self, name, part="xtr"):
        """Counters of an xTR, or of the map-server."""
        return self.routers[name].show("stats")[part]


# ---- on the wire ----

def is_data(frame):
    """A plain LISP data packet."""
    return frame.protocol == sniff.UDP and not frame.is_fragment and frame.port_to() == DATA


def is_control(frame):
    return frame.protocol == sniff.UDP and not frame.is_fragment and frame.port_to() == CONTROL


def inner(frame):
    """The inner packet of a data packet, as a frame."""
    return sniff.Frame(bytes(12) + b"\x08\x00" + frame.body[16:])


def source_port(frame):
    return frame.body[0] << 8 | frame.body[1]


def outer_checksum(frame):
    return frame.body[6] << 8 | frame.body[7]


def forged(source, target, inner_source, vn=VN, payload=b"forged", header=None):
    """An IP packet with plain LISP data, as somebody on the underlay would make it."""
    def packet(start, end, protocol, body):
        head = bytearray(bytes.fromhex("4500") + (20 + len(body)).to_bytes(2, "big") + bytes(4) +
                         bytes([64, protocol, 0, 0]) + ip_bytes(start) + ip_bytes(end))
        head[10:12] = (0xFFFF - sniff.checksum(bytes(head))).to_bytes(2, "big")
        return bytes(head) + body

    def udp(port, body):
        return (40000).to_bytes(2, "big") + port.to_bytes(2, "big") + (8 + len(body)).to_bytes(2, "big") + \
            b"\0\0" + body
    lisp = header or b"\x08\0\0\0" + vn.to_bytes(3, "big") + b"\0"
    return packet(source, target[0], sniff.UDP,
                  udp(DATA, lisp + packet(inner_source, target[1], sniff.UDP, udp(9, payload))))
