"""A LISP site behind a NAT: A is a router of the VN, C another one, peer of A, and RTR; M is the map-server. D, and whatever
else is put there, is behind a NAT box R and speaks plain LISP.

    with NatSites() as net:
        ha, hd = net.host("a", 10), net.host("d", 10)
        net.start()
        assert net.ping(hd, ha)
"""
import inside
from foreign_xtr import ForeignXtr
from lab.netns import wait_for
from lisp_sites import BEHIND, LispSites
from sites import VN, Sites

FOREIGN, FOREIGN_RLOC, FOREIGN_NET = "f", f"{BEHIND}.66", "10.66.0.0/24"
FOREIGN_SECRET = "the secret of site-f"
# Somebody on the underlay.
STRANGER = "192.0.2.99"
# Seconds between two Map-Registers of D.
KEEPALIVE = 2


class NatSites(LispSites):
    """'fully_random': the NAT gives each flow a port of its own (mapping by address and port); otherwise it keeps the port
    of the inside and lets in only whom that was sent to."""

    def __init__(self, fully_random=False, names="acdm", **more):
        self.fully_random, self.ports = fully_random, ""
        super().__init__(names, **more)
        self.stranger = self.lab.ns("stranger")
        self.underlay.attach(self.stranger, "wan0", f"{STRANGER}/24")
        space = self.lab.ns(FOREIGN)
        self.lab.link(self.transit, "far1", space, "wan0")
        # Both are on one wire behind the NAT.
        self.transit.bridge("inside")
        self.transit.ip("address flush dev far0")
        self.transit.ip("link set far0 master inside")
        self.transit.ip("link set far1 master inside")
        self.transit.ip(f"address add {BEHIND}.254/24 dev inside")
        space.ip(f"address add {FOREIGN_RLOC}/24 dev wan0")
        space.ip(f"route add default via {BEHIND}.254")
        self.foreign_space = space

    def start(self, timeout=10):
        self.masquerade()
        self.spaces["d"].ip(f"route add default via {BEHIND}.254")
        Sites.start(self, timeout)
        self.wait_registered()
        wait_for(lambda: self.way_out("d"), 5, "D to have its RTR")
        return self

    def foreign(self):
        return ForeignXtr(self.foreign_space, FOREIGN_RLOC, VN, FOREIGN_NET, FOREIGN_SECRET.encode(), self.address("m"))

    def said_by_stranger(self, message, to, port, source_port=0, wait=0.3, source=STRANGER):
        """What somebody on the underlay gets for a datagram, within that time."""
        with inside.udp(self.stranger, source, source_port, wait) as s:
            s.sendto(message, (to, port))
            try:
                return s.recv(4000)
            except TimeoutError:
                return None

    # ---- the NAT ----

    def masquerade(self):
        random = " fully-random" if self.fully_random else self.ports
        rules = ("add table ip nat\ndelete table ip nat\ntable ip nat {\n"
                 " chain post {\n  type nat hook postrouting priority 100;\n"
                 f"  oifname \"wan0\" meta l4proto udp masquerade{random}\n }}\n"
                 # What nobody inside asked for is not let in, and takes no mapping away.
                 " chain in {\n  type filter hook input priority 0;\n"
                 "  iifname \"wan0\" ct state new drop\n }\n"
                 " chain through {\n  type filter hook forward priority 0;\n"
                 "  iifname \"wan0\" ct state new drop\n }\n}\n")
        path = self.lab.path("nat.nft")
        with open(path, "w", encoding="ascii") as file:
            file.write(rules)
        self.transit.run("nft", "-f", path)

    def rebind(self):
        """The NAT box loses its memory and takes other ports than before, as when it starts anew."""
        self.ports = " to :20000-29999" if self.ports == "" else " to :30000-39999"
        self.masquerade()
        self.transit.run("conntrack", "-F")

    def translated(self, to, to_port, source=None, port=None):
        """The ports that the NAT shows for flows from an inside address (and port) to an outside one."""
        rows = self.transit.run("conntrack", "-L", "-p", "udp").splitlines()
        found = []
        for row in rows:
            words = [word.split("=") for word in row.split() if "=" in word]
            first, second = dict(words[:4]), dict(words[4:])
            if (first.get("dst") == to and first.get("dport") == str(to_port)
                    and (source is None or first["src"] == source) and (port is None or first["sport"] == str(port))):
                found.append(int(second["dport"]))
        return found

    # ---- configurations ----

    def _lisp(self, name, conf):
        peers = conf["peers"]
        super()._lisp(name, conf)
        conf["peers"] = [peer for peer in peers if name in "ac" and peer["name"] in "ac"]

    def _xtr(self, name, conf):
        super()._xtr(name, conf)
        if name == "d":
            conf["lisp"].update(nat=True, nat_keepalive_s=KEEPALIVE)
        if name == "c":
            conf["lisp"]["rtr"] = {"map_servers": [{"address": self.address("m"),
                                                    "key": self._key(conf, "relay-c")}]}

    def _map_server(self, conf):
        super()._map_server(conf)
        server = conf["lisp"]["map_server"]
        server["rtrs"] = [{"address": self.address("c"), "key": self._key(conf, "relay-c")}]
        server["sites"].append({"name": FOREIGN, "keys": [self._key(conf, f"site-{FOREIGN}", id=0)],
                                "prefixes": [{"vn": VN, "prefix": FOREIGN_NET}]})

    # ---- what the routers say ----

    def way_out(self, name):
        """The RTR that a site sends everything to, or None."""
        row = next((row for row in self.routers[name].show("mapcache") if row["prefix"] == "0.0.0.0/0"), None)
        return row["locators"][0]["rloc"] if row else None

    def behind(self, prefix):
        """What the RTR knows of a prefix behind the NAT, or None."""
        return next((row for row in self.routers["c"].show("relayed") if row["prefix"] == prefix), None)

    def rtr_counts(self):
        return self.routers["c"].show("stats")["rtr"]
