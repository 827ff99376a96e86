"""Machines in the hybrid model, on one LAN and elsewhere, in a network with a site in the router model and a machine in the
interface model.

    with Hybrids() as net:
        net.start()
        assert net.ping(net.p, net.q)

"p" and "q" stand on one LAN, "r" on another one; each has an address of that LAN on its NIC eth0 and 10.9.0.N in the network.
"m" has the TUN device vn0 with 10.9.0.5. Site "a" has a LAN, 10.1.0.0/24, with the host 'ha'. The LANs are the underlay, too.
"""
from lab.router import Router
from machines import DEVICE, Machine
from sites import NUMBERS, PORT, VN, Sites

HYBRID, INTERFACE, ROUTER = "pqr", "m", "a"
LANS = {"p": "lan-1", "q": "lan-1", "r": "lan-2"}
ROUTERS = {"lan-1": ("172.16.1", 9), "lan-2": ("172.16.2", 10)}  # their nets, and of the LANs' routers on the underlay
NIC, BRIDGE, TAP = "eth0", "eth0-vrb", "eth0-vrt"


class Hybrids(Sites):
    """'configure(name, conf)' changes a configuration before the start."""
    numbers = {**NUMBERS, "p": 11, "q": 12, "r": 13}

    def __init__(self, configure=None):
        super().__init__(ROUTER)
        self.names = ROUTER + INTERFACE + HYBRID
        self.nics = {}
        for lan, (net, number) in ROUTERS.items():
            self._lan(lan, net, number)
        for name in HYBRID + INTERFACE:
            self._machine(name)
        for name in self.names:
            self.routers[name].conf = self._conf_of(name)
            if configure:
                configure(name, self.routers[name].conf)
        self.ha = self.host("a", 10)

    def _lan(self, lan, net, number):
        """A switch, and a router that joins it and the underlay."""
        switch = self.switches[lan] = self.lab.ns(lan)
        switch.bridge("br0")
        router = self.lab.ns(f"r-{lan}")
        router.sysctl("net.ipv4.ip_forward", 1)
        self.lab.link(switch, "to-router", router, "lan0")
        switch.ip("link set to-router master br0")
        router.ip(f"address add {net}.1/24 dev lan0")
        self.underlay.attach(router, "wan0", f"192.0.2.{number}/24")
        for space in self.spaces.values():
            space.ip(f"route add {net}.0/24 via 192.0.2.{number}")
        for other, (far, far_number) in ROUTERS.items():
            if other != lan:
                router.ip(f"route add {far}.0/24 via 192.0.2.{far_number}")

    def _machine(self, name):
        space = self.spaces[name] = self.lab.ns(name)
        if name in INTERFACE:
            self._attach(name, space)
            for net, number in ROUTERS.values():
                space.ip(f"route add {net}.0/24 via 192.0.2.{number}")
        else:
            switch = self.switches[LANS[name]]
            self.lab.link(switch, f"to-{name}", space, NIC)
            switch.ip(f"link set to-{name} master br0")
            space.ip(f"address add {self.native(name)}/24 dev {NIC}")
            space.ip(f"route add default via {ROUTERS[LANS[name]][0]}.1")
        self.routers[name] = Router(space, name)
        setattr(self, name, Machine(space, name, self.virtual(name)))

    def virtual(self, name):
        return f"10.9.0.{self.numbers[name]}"

    def native(self, name):
        """On the machine's own LAN, or on the underlay."""
        return f"{ROUTERS[LANS[name]][0]}.{self.numbers[name]}" if name in LANS else f"192.0.2.{self.numbers[name]}"

    def prefixes(self, name):
        return [self.subnet(name)] if name in ROUTER else [f"{self.virtual(name)}/32"]

    def _conf_of(self, name):
        conf = self._conf(name)
        vn = conf["vns"][0]
        conf["listen"] = f"{self.native(name)}:{PORT}"
        vn["mobile"] = []
        if name in HYBRID:
            vn.update(model="hybrid", device=NIC)
        elif name in INTERFACE:
            vn.update(model="interface", device=DEVICE)
        if name not in ROUTER:
            vn.update(local=[], addresses=[f"{self.virtual(name)}/24"])
        conf["peers"] = [{"name": peer, "public_key": self.routers[peer].public_key,
                          "endpoints": [f"{self.native(peer)}:{PORT}"],
                          "vns": [{"id": VN, "prefixes": self.prefixes(peer)}]}
                         for peer in self.names if peer != name]
        return conf

    def start(self, timeout=10):
        self.underlay.start()
        for router in self.routers.values():
            router.start()
        self.wait_peers(timeout)
        return self

    def passed(self, name):
        """Frames that the router of a machine took from it, or gave to it."""
        stats = self.routers[name].show("stats")
        return stats["lan_taken"] + stats["lan_delivered"]
