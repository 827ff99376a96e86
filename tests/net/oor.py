"""OpenOverlayRouter, a LISP router that is none of ours, as Debian packages it: what it is configured with, and a process of it in
a namespace.

    with OorSites() as net:
        ha, ho = net.host("a", 10), net.host("o", 10)
        net.start()
        net.wait_ping(ho, ha)
"""
import os
import re

from lab.netns import wait_for
from lisp_sites import LispSites
from sites import NUMBERS, VN

PROGRAM = "/usr/sbin/oor"
# Its sites, and its map-server.
NAMES, SERVER = "op", "s"
# It sends all through the gateway of its interface: its sites are behind a router G, each by a link of its own.
GATEWAY, ACCESS = "192.0.2.253", "198.18"
# Its only key type, which as in RFC 6830 fills the 16 bits that RFC 9301 divides: Key ID 0 and Algorithm ID 1.
SHA1 = 1


def block(name, *blocks, **values):
    """A section of its configuration file."""
    rows = [f"{key} = {value}" for key, value in values.items()]
    return f"{name} {{\n" + "\n".join((*rows, *blocks)) + "\n}\n"


def xtr_conf(server, secret, prefixes, nat=False, probe_s=0, proxy="on", family=4, key_type=SHA1):
    """The configuration of an xTR. 'server': its map-server and map-resolver; 'family': the IP version of its locator."""
    rloc = block("rloc-iface", interface="wan0", ip_version=family, priority=1, weight=100)
    return (f"operating-mode = xTR\nencapsulation = LISP\nnat_traversal_support = {'on' if nat else 'off'}\n" +
            block("rloc-probing", **{"rloc-probe-interval": probe_s, "rloc-probe-retries": 2,
                                     "rloc-probe-retries-interval": 1}) +
            f"map-resolver = {{ {server} }}\n" +
            block("map-server", **{"address": server, "key-type": key_type, "key": secret, "proxy-reply": proxy}) +
            "".join(block("database-mapping", rloc, **{"eid-prefix": prefix, "iid": VN}) for prefix in prefixes))


def site_conf(prefix, secret, key_type=SHA1):
    """A site of its map-server."""
    return block("lisp-site", **{"eid-prefix": prefix, "key-type": key_type, "key": secret, "iid": VN,
                                 "accept-more-specifics": "true"})


def prepare_space(space, gateway):
    """A LAN br0, and what it needs of its machine."""
    space.bridge("br0")
    space.ip(f"address add {gateway}/24 dev br0")
    space.sysctl("net.ipv4.ip_forward", 1)
    for which in ("all", "default"):
        space.sysctl(f"net.ipv4.conf.{which}.rp_filter", 0)


class Oor:
    """A process of OOR. 'conf': the text of its configuration without what all have."""

    def __init__(self, space, name, conf):
        self.space, self.name, self.conf = space, name, conf
        self.folder = space.lab.path(f"oor-{name}")
        os.makedirs(self.folder)
        self.process = None

    def start(self):
        with open(f"{self.folder}/oor.conf", "w", encoding="ascii") as file:
            file.write("debug = 1\nmap-request-retries = 2\n" + self.conf)
        with open(self.log_file, "ab") as output:
            # Its control socket has a fixed name in /tmp: each process gets a /tmp of its own.
            script = f"mount --bind {self.folder} /tmp && exec stdbuf -oL {PROGRAM} -f /tmp/oor.conf"
            self.process = self.space.popen("sh", "-c", script, stdout=output, stderr=output)
        return self

    def end(self):
        self.space.lab.end(self.process)
        self.process = None

    @property
    def log_file(self):
        return f"{self.folder}/output"

    def said(self, pattern):
        """All that its log says of it."""
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return re.findall(pattern, file.read())

    def wait_said(self, pattern, timeout=10, more_than=0):
        return wait_for(lambda: len(self.said(pattern)) > more_than, timeout, f"{self.name} to say {pattern}")


class OorSites(LispSites):
    """A and B, routers of ours, and M, our map-server, beside the sites 'oors' of OOR. 'oor': parts of the configuration of
    its xTRs that are not as usual."""

    def __init__(self, names="abm", oors=NAMES, oor=(), **more):
        self.oor_names, self.oor = oors, dict(oor)
        self.oors = {}
        super().__init__(names, **more)
        self.access = self.lab.ns("g")
        self.access.sysctl("net.ipv4.ip_forward", 1)
        self.underlay.attach(self.access, "wan0", f"{GATEWAY}/24")
        for name in oors:
            self._oor_site(name)

    # ---- the underlay ----

    def address(self, name):
        return f"{ACCESS}.{NUMBERS[name]}.2" if name in NAMES else super().address(name)

    def _attach(self, name, space):
        if name not in NAMES:
            super()._attach(name, space)
            return
        gateway = f"{ACCESS}.{NUMBERS[name]}.1"
        self.lab.link(self.access, f"to-{name}", space, "wan0")
        self.access.ip(f"address add {gateway}/24 dev to-{name}")
        space.ip(f"address add {self.address(name)}/24 dev wan0")
        space.ip(f"route add default via {gateway} dev wan0 metric 100")

    def _oor_site(self, name):
        space = self.spaces[name] = self.switches[name] = self.lab.ns(name)
        prepare_space(space, self.gateway(name))
        self._attach(name, space)
        self.oors[name] = Oor(space, name, self._xtr_conf(name))

    def start(self, timeout=10):
        for name in self.names:
            self.spaces[name].ip(f"route add {ACCESS}.0.0/16 via {GATEWAY}")
        super().start(timeout)
        for oor in self.oors.values():
            oor.start()
        for name in self.oors:
            self.wait_here(name)
        return self

    # ---- configurations ----

    @staticmethod
    def oor_secret(name):
        return f"the-secret-of-{name}"

    def _xtr_conf(self, name):
        more = {"secret": self.oor_secret(name), **self.oor}
        return xtr_conf(self.rloc(self.server), prefixes=self.eids(name), **more)

    def eids(self, name):
        """The prefixes of a site of OOR."""
        return [self.subnet(name)]

    def _map_server(self, conf):
        super()._map_server(conf)
        server = conf["lisp"]["map_server"]
        # An xTR of OOR asks, after an SMR, for the prefix that it has.
        for mobile in server["mobile"]:
            mobile["by_host"] = True
        for name in self.oor_names:
            key = self._key(conf, f"site-{name}", text=self.oor_secret(name), id=0, algorithm="sha1", full_length=True)
            # Its nonces are random: they do not grow.
            server["sites"].append({"name": name, "keys": [key], "strict_nonces": False,
                                    "prefixes": [{"vn": VN, "prefix": prefix} for prefix in self.eids(name)]})

    # ---- what the map-server says ----

    def here(self, name):
        """The registration that our map-server has of a site, or None."""
        return next((row for row in self.routers[self.server].show("registrations")
                     if row["kind"] == "here" and row["prefix"] == self.subnet(name)), None)

    def wait_here(self, name, timeout=75):
        """OOR registers again after a minute when its first Map-Register is lost: on busy cores it comes before its route."""
        return wait_for(lambda: self.here(name), timeout, f"the registration of {name}")


class OorServer(LispSites):
    """Two routers of ours, A and the plain D, whose map-server and map-resolver is OOR at S. 'ids': they send xTR-IDs.
    'proxy': it is asked to answer for them. 'key': of their keys what is not as usual; 'key_type': as OOR is told."""

    def __init__(self, names="ad", ids=True, proxy=True, key=(), key_type=SHA1, **more):
        self.ids, self.proxy, self.key = ids, proxy, dict(key)
        super().__init__(names, server=SERVER, **more)
        space = self.spaces[SERVER] = self.lab.ns(SERVER)
        self._attach(SERVER, space)
        sites = [site_conf(self.subnet(name), self._text(name), key_type) for name in names]
        self.oor = Oor(space, SERVER, "operating-mode = MS\ncontrol-iface = wan0\n" + "".join(sites))

    @staticmethod
    def _text(name):
        return f"the-secret-of-{name}"

    def _xtr(self, name, conf):
        key = self._key(conf, f"site-{name}", text=self._text(name),
                        **{"id": 0, "algorithm": "sha1", "full_length": True, **self.key})
        super()._xtr(name, conf)
        conf["lisp"]["map_servers"] = [{"address": self.address(SERVER), "key": key, "ids": self.ids,
                                        "proxy_reply": self.proxy}]

    def start(self, timeout=10):
        self.oor.start()
        self.oor.wait_said(r"started\.\.\.")
        return super().start(timeout)
