"""Clouds A, B and C, a map-server M, and P: a proxy (RFC 6832) between them and a piece of Internet without any vrd.

P's device is a switch that it shares with one router of that Internet, NET, which has routes for the clouds' prefixes to
P; the client INET stands behind that router and knows nothing but it. How P hears of a move is one of MODES.
"""
from lab import lisp
from lab.layout import SITES, UNDERLAY, VN
from lab.netns import wait_for
from lab.router import Router
from lab.topology import BRIDGE, WAN_DEVICE, Site
from moves import PATIENCE, World

PROXY, NET, INET = "p", "net", "inet"
LOCATOR = "192.0.2.6"
# P on the outside, the router there, and the client behind it.
OUTSIDE, ROUTER = "198.18.0.1", "198.18.0.2"
CLIENT, CLIENT_GATEWAY, CLIENT_NET = "198.19.0.10", "198.19.0.1", "198.19.0.0/24"
SERVED = ["10.1.0.0/24", "10.2.0.0/24"]
NOT_SERVED = "10.3.0.0/24"
SITE_ID = 77
# The first three as a plain LISP site hears of it; "peers": by MOVE, without a mapping system at all.
MODES = (*lisp.MODES, "peers")


class ProxyClouds(World):
    """'change(site, conf)' may change a router's configuration. 'nic': P has no switch outside but a cable to NET, whose
    MAC it uses, on a host that forwards."""

    def __init__(self, lab, mode="smr", change=None, nic=False, **more):
        super().__init__(lab, "subnets", hosts="ab", **more)
        self.mode, self.nic = mode, nic
        if mode != "peers":
            lisp.add(self, mode)
        self._site()
        self._outside()
        for site in SITES:
            self._use_proxy(self.routers[site].conf)
        if mode != "peers":
            self._tell_server()
        for site, router in self.routers.items():
            if change:
                change(site, router.conf)

    # ---- configurations ----

    def _site(self):
        space = self.lab.ns(PROXY)
        space.bridge(BRIDGE)
        self.sites[PROXY] = Site(PROXY, space, None)
        self.underlay.attach(space, WAN_DEVICE, f"{LOCATOR}/24")
        self.routers[PROXY] = Router(space, PROXY)
        self.routers[PROXY].conf = self._proxy(self.routers[PROXY])

    def _proxy(self, router):
        vn = {"id": VN, "name": "outside", "device": f"to-{NET}" if self.nic else BRIDGE,
              "mac": "nic" if self.nic else "virtual", "addresses": [f"{OUTSIDE}/24"],
              "native_gateway": ROUTER, "proxy": {"prefixes": SERVED}}
        conf = {"name": PROXY, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
                "control_socket": f"{router.folder}/vrd.sock", "listen": f"{LOCATOR}:51341",
                "log": {"level": "debug", "file": f"{router.folder}/vrd.log"}, "vns": [vn],
                "peers": []}
        if self.mode == "peers":
            conf["sync"] = {"hello_ms": 200, "dead_ms": 1000}
            vn["mobile"] = [{"prefix": self.layout.mobile, "hosts": list(self.layout.mobile_hosts)}]
            conf["peers"] = [{"name": site, "public_key": self.routers[site].public_key,
                              "endpoints": [f"{UNDERLAY[site]}:51341"],
                              "vns": [{"id": VN, "prefixes": [self.layout.subnets[site]]}]}
                             for site in SITES]
            return conf
        vn["lisp"] = {"use": True}
        server = lisp.LOCATORS[lisp.SERVER]
        conf["lisp"] = {"keys": [lisp.secret(router.folder, "site-p")],
                        "rlocs": [{"address": LOCATOR}], "map_resolvers": [server],
                        "map_servers": [{"address": server, "key": "site-p"}],
                        "site_id": SITE_ID, "probe_s": 0, "subscribe": self.mode == "pubsub"}
        if self.mode == "push":
            conf["lisp"]["keys"].append(lisp.secret(router.folder, "push"))
            conf["lisp"]["push"] = {"key": "push"}
        return conf

    def _use_proxy(self, conf):
        if self.mode == "peers":
            conf["peers"].append({"name": PROXY, "public_key": self.routers[PROXY].public_key,
                                  "endpoints": [f"{LOCATOR}:51341"],
                                  "vns": [{"id": VN, "proxy": True}]})
            return
        conf["vns"][0]["lisp"]["petrs"] = [LOCATOR]
        if self.mode == "push":
            conf["lisp"]["locators"].append({"address": LOCATOR, "push": True})

    def _tell_server(self):
        """A proxy registers nothing; it is known to subscribe."""
        router = self.routers[lisp.SERVER]
        router.conf["lisp"]["keys"].append(lisp.secret(router.folder, "site-p"))
        router.conf["lisp"]["map_server"]["sites"].append(
            {"name": PROXY, "keys": ["site-p"], "site_id": SITE_ID})

    # ---- the outside ----

    def _outside(self):
        switch = self.sites[PROXY].space
        net, client = self.lab.ns(NET), self.lab.ns(INET)
        self.net, self.hosts[INET] = net, client
        net.sysctl("net.ipv4.ip_forward", 1)
        net.sysctl("net.ipv4.icmp_ratelimit", 0)
        self.lab.link(switch, f"to-{NET}", net, "lisp0")
        if self.nic:
            switch.sysctl("net.ipv4.ip_forward", 1)
        else:
            switch.ip(f"link set to-{NET} master {BRIDGE}")
        net.ip(f"address add {ROUTER}/24 dev lisp0")
        self.lab.link(net, f"to-{INET}", client, "eth0")
        net.ip(f"address add {CLIENT_GATEWAY}/24 dev to-{INET}")
        client.ip(f"address add {CLIENT}/24 dev eth0")
        client.ip(f"route add default via {CLIENT_GATEWAY}")
        self.layout.hosts[INET] = f"{CLIENT}/24"
        # The announcement of the PITR: it attracts what is for these.
        for prefix in (*SERVED, NOT_SERVED):
            net.ip(f"route add {prefix} via {OUTSIDE}")

    def start(self, timeout=15):
        client = self.hosts.pop(INET)
        super().start(timeout)
        self.hosts[INET] = client
        if self.mode == "peers":
            return self
        lisp.add_host(self)
        self._know_neighbours()
        wait_for(lambda: all(row["state"] == "in-force" for site in "abcd" for row in
                             self.routers[site].show("registrations")), PATIENCE,
                 "all registrations")
        return self

    def _know_neighbours(self):
        """As lisp.add_host() does for the others."""
        for name in (*SITES, lisp.SERVER):
            one, other = self.sites[name].space, self.sites[PROXY].space
            for space, address, to in ((one, LOCATOR, other), (other, lisp.LOCATORS[name], one)):
                space.ip(f"neigh replace {address} lladdr {to.mac(WAN_DEVICE)} dev {WAN_DEVICE} "
                         "nud permanent")

    # ---- what P says ----

    def place(self, vm):
        """Where P sends what is for a machine: the name of a site, or None."""
        if self.mode == "peers":
            return self.owner(vm.ip, PROXY)
        rloc = lisp.locator(self, vm.ip, PROXY)
        return next((site for site in SITES if UNDERLAY[site] == rloc), None)

    def wait_place(self, vm, site, timeout=PATIENCE):
        wait_for(lambda: self.place(vm) == site, timeout,
                 f"P to send what is for {vm.ip} to {site}, not to {self.place(vm)}", 0.002)
