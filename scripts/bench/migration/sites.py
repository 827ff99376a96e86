"""Two data centres between which the machine moves, a near and a far client, and a map-server: seed 003's places.

METHODS says how the clients' routers hear of a move.
"""
from lab import lisp
from lab.layout import PORT, VN, Layout
from lab.netns import wait_for
from lab.router import Router
from lab.topology import BRIDGE, WAN_DEVICE, Site, World
from lab.underlay import Underlay

CENTRES, CLIENTS, SERVER = ("a", "b"), ("near", "far"), "m"
NAMES = (*CENTRES, *CLIENTS, SERVER)
ADDRESS = {"a": "192.0.2.1", "b": "192.0.2.2", "near": "192.0.2.3", "far": "192.0.2.4", "m": "192.0.2.5"}
LAYOUT = Layout(
    name="seed003", vm="10.1.0.5/24", hosts={"near": "10.3.0.10/24", "far": "10.4.0.10/24"},
    subnets={"a": "10.1.0.0/24", "b": "10.2.0.0/24", "near": "10.3.0.0/24", "far": "10.4.0.0/24"},
    gateways={"a": "10.1.0.1/24", "b": "10.2.0.1/24", "near": "10.3.0.1/24", "far": "10.4.0.1/24"},
    mobile="10.1.0.0/24", mobile_hosts=CENTRES)
METHODS = {
    "sync": "the clients' routers are peers",
    "cp": "CHANGE-PRIORITY from the destination site",
    "algorithm1": "CHANGE-PRIORITY from the source site, told by the destination (seed 003, algorithm 1)",
    "pubsub": "the clients' routers have subscribed at the map-server",
    "smr": "SMR from the destination site, moves more than 3 s apart",
    "smr-fast": "SMR, moves less than 3 s apart",
}


class Places(World):
    """All of it, for one method. 'one_way_ms': name of a client -> the delay of every line to it; between all others it is
    the near client's."""

    def __init__(self, lab, method, one_way_ms):
        super().__init__(lab, LAYOUT)
        self.method, self.one_way_ms, self.routers = method, one_way_ms, {}
        self.names = [name for name in NAMES if name != SERVER or method != "sync"]
        far = NAMES.index("far")
        rules = [f"{ends} delay_us={one_way_ms['far'] * 1000}" for ends in (f"{far} *", f"* {far}")]
        self.underlay = Underlay(lab, one_way_ms["near"], rules=rules)
        for name in self.names:
            space = lab.ns(f"at-{name}")
            space.bridge(BRIDGE)
            self.sites[name] = Site(name, space, "vm0")
            if name in CENTRES:
                space.tap("vm0", BRIDGE)
            self.underlay.attach(space, WAN_DEVICE, f"{ADDRESS[name]}/24")
            self.routers[name] = Router(space, name)
        for name in self.names:
            self.routers[name].conf = self._conf(name)

    def client_device(self, name):
        """The switch port of a client's host, and the device of its router on the underlay."""
        return f"to-{name}", WAN_DEVICE

    def start(self, timeout=20):
        self.underlay.start()
        self._know_neighbours()
        for router in self.routers.values():
            router.start()
        for name, router in self.routers.items():
            wait_for(router.peers_up, timeout, f"router {name} to have all its peers up")
        for name in CLIENTS:
            self.add_host(name, name)
        if self.method != "sync":
            for name in (*CENTRES, *CLIENTS):
                wait_for(lambda which=name: all(row["state"] == "in-force" for row in
                                                self.routers[which].show("registrations")), timeout,
                         f"the registrations of {name}")

    def knows(self, client, site):
        """Does a client's router say itself that the machine is at this site?"""
        eid = self.layout.vm_ip()
        if self.method == "sync":
            return any(row["eid"] == eid and row["state"] == "present" and row["vr"] == site
                       for row in self.routers[client].show("hwdt"))
        return lisp.locator(self, eid, client) == ADDRESS[site]

    def _know_neighbours(self):
        """On a WAN the next hop is a gateway whose MAC a router knows."""
        macs = {name: self.sites[name].space.mac(WAN_DEVICE) for name in self.names}
        for name in self.names:
            for other, mac in macs.items():
                if other != name:
                    self.sites[name].space.ip(f"neigh replace {ADDRESS[other]} lladdr {mac} "
                                              f"nud permanent dev {WAN_DEVICE}")

    # ---- configurations ----

    def _conf(self, name):
        router = self.routers[name]
        conf = {"name": name, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
                "control_socket": f"{router.folder}/vrd.sock", "listen": f"{ADDRESS[name]}:{PORT}",
                "log": {"level": "info", "file": f"{router.folder}/vrd.log"}, "peers": self._peers(name)}
        if name == SERVER:
            # It has a network of its own, which has no part in the mapping system.
            return {**conf, "vns": [{"id": VN + 1, "device": BRIDGE}], "lisp": self._server(router)}
        vn = {"id": VN, "name": "blue", "device": BRIDGE, "local": [LAYOUT.subnets[name]],
              "addresses": [LAYOUT.gateways[name]]}
        if self.method == "algorithm1" and name in CENTRES:
            vn["mobile"] = [{"prefix": LAYOUT.mobile}]
        elif self.method == "sync" or name in CENTRES:
            vn["mobile"] = [{"prefix": LAYOUT.mobile, "hosts": list(CENTRES)}]
        conf["vns"] = [vn]
        if self.method != "sync":
            vn["lisp"] = {"use": True}
            conf["lisp"] = self._xtr(router, name)
        return conf

    def _peers(self, name):
        # By algorithm 1 alone the source hears of the move by CHANGE-PRIORITY too, and not by MOVE.
        among = {"sync": (*CENTRES, *CLIENTS), "algorithm1": ()}.get(self.method, CENTRES)
        if name not in among:
            return []
        return [{"name": peer, "public_key": self.routers[peer].public_key,
                 "endpoints": [f"{ADDRESS[peer]}:{PORT}"],
                 "vns": [{"id": VN, "prefixes": [LAYOUT.subnets[peer]]}]}
                for peer in among if peer != name]

    def _xtr(self, router, name):
        conf = {"keys": [lisp.secret(router.folder, f"site-{name}")], "rlocs": [{"address": ADDRESS[name]}],
                "map_servers": [{"address": ADDRESS[SERVER], "key": f"site-{name}"}],
                "map_resolvers": [ADDRESS[SERVER]], "register_s": 10, "probe_s": 0,
                "subscribe": self.method == "pubsub" and name in CLIENTS}
        if self.method in ("cp", "algorithm1"):
            conf["keys"].append(lisp.secret(router.folder, "push"))
            conf["push"] = {"key": "push"}
            # By algorithm 1 alone the destination, B, tells nobody but A.
            told = {"a": (*CLIENTS, "b") if self.method == "algorithm1" else CLIENTS,
                    "b": ("a",) if self.method == "algorithm1" else CLIENTS}.get(name, ())
            conf["locators"] = [{"address": ADDRESS[site], "push": True} for site in told]
        return conf

    @staticmethod
    def _server(router):
        sites = [{"name": name, "keys": [f"site-{name}"],
                  "prefixes": [{"vn": VN, "prefix": LAYOUT.subnets[name]}]} for name in (*CENTRES, *CLIENTS)]
        return {"keys": [lisp.secret(router.folder, f"site-{site['name']}") for site in sites],
                "rlocs": [{"address": ADDRESS[SERVER]}], "register_s": 10,
                "map_server": {"sites": sites, "mobile": [
                    {"vn": VN, "prefix": LAYOUT.mobile, "sites": list(CENTRES)}]}}

    def check(self):
        """LabError when a router has ended."""
        for router in self.routers.values():
            router.show("vr")
