"""A public LAN and a private one behind a NAT, on an Internet that routes only public addresses (seed 004, 3.2 III).

    client 198.18.0.10 --- isp --- gw --- 203.0.113.0/24: VR a .2, native .10, the machine .50
                            |
                           nat (masquerades) --- 192.168.7.0/24: VR b .2, native .10

Each VR is a machine of its LAN like any other, with one address there; b's has no public one and calls a. The gateway and the
NAT are plain Linux routers: what they have for the network is one route each.
"""
import itertools

import inside
from evidence import Evidence
from lab.capture import IP4, Capture, packed
from lab.layout import VN, Layout
from lab.netns import wait_for
from lab.router import Router
from lab.topology import BRIDGE, Site
from lab.topology import World as Places
from moves import PATIENCE, World
from rack import Rack

PUBLIC, PRIVATE = "203.0.113.0/24", "192.168.7.0/24"
GATEWAY, NAT = "203.0.113.1", "192.168.7.254"
UNDERLAY = {"a": "203.0.113.2", "b": "192.168.7.2"}   # of the VRs' hosts
VR = {"a": "203.0.113.3", "b": "192.168.7.1"}         # where the LANs' routers send what is for the other LAN
OUTSIDE = {"gw": "192.0.2.2", "nat": "192.0.2.6"}     # towards the ISP, each on a /30
CLIENT = "198.18.0.10"
PORT = 51341
LAYOUT = Layout(
    name="public", vm="203.0.113.50/24",
    hosts={"inet": f"{CLIENT}/24", "native_a": "203.0.113.10/24", "native_b": "192.168.7.10/24"},
    subnets={"a": PUBLIC, "b": PRIVATE}, gateways={"a": f"{GATEWAY}/24", "b": f"{NAT}/24"},
    mobile=PUBLIC, mobile_hosts=("a", "b"))


class PublicSubnets(World):
    """'lan': "bridge", where the VR's host is the LAN's switch (a hypervisor), or "nic", where it has a cable to it."""
    places = ("a", "b")

    def __init__(self, lab, lan="bridge"):
        Places.__init__(self, lab, LAYOUT)
        self.lan = lan
        self.routers, self.known_ports, self.router_ports = {}, {}, {}
        self.rack, self.machines, self.numbers = Rack(lab), [], itertools.count(50)
        self.isp, self.gw, self.nat = (self._forwarder(name) for name in ("isp", "gw", "nat"))
        for site in self.places:
            self._site(site)
        self._internet()
        self._gateways()
        self._hosts()
        for site, router in self.routers.items():
            router.conf = self._conf(site)

    # ---- the ground ----

    def _forwarder(self, name):
        space = self.lab.ns(name)
        space.sysctl("net.ipv4.ip_forward", 1)
        return space

    def _site(self, site):
        switch = space = self.lab.ns(f"lan-{site}")
        switch.bridge(BRIDGE)
        switch.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", check=False)
        self.sites[site] = Site(site, switch, None)
        if self.lan == "nic":
            space = self.lab.ns(f"vr-{site}")
            self.lab.link(switch, "to-vr", space, "lan0")
            switch.ip(f"link set to-vr master {BRIDGE}")
        device = BRIDGE if self.lan == "bridge" else "lan0"
        space.ip(f"address add {UNDERLAY[site]}/24 dev {device}")
        space.ip(f"route add default via {self.layout.gateway(site)}")
        self.routers[site] = Router(space, site)

    def _plug(self, site, space, device, address):
        switch = self.sites[site].space
        self.lab.link(switch, f"to-{space.name}", space, device)
        switch.ip(f"link set to-{space.name} master {BRIDGE}")
        space.ip(f"address add {address} dev {device}")

    def _internet(self):
        for space, mine in ((self.gw, "192.0.2.1"), (self.nat, "192.0.2.5")):
            self.lab.link(self.isp, f"to-{space.name}", space, "wan0")
            self.isp.ip(f"address add {mine}/30 dev to-{space.name}")
            space.ip(f"address add {OUTSIDE[space.name]}/30 dev wan0")
            space.ip(f"route add default via {mine}")
        self.isp.ip(f"route add {PUBLIC} via {OUTSIDE['gw']}")
        client = self.hosts["inet"] = self.lab.ns("inet")
        self.lab.link(self.isp, "to-inet", client, "eth0")
        self.isp.ip("address add 198.18.0.1/24 dev to-inet")
        client.ip(f"address add {self.layout.hosts['inet']} dev eth0")
        client.ip("route add default via 198.18.0.1")

    def _gateways(self):
        self._plug("a", self.gw, "lan0", f"{GATEWAY}/24")
        self.gw.ip(f"route add {PRIVATE} via {VR['a']}")
        self._plug("b", self.nat, "lan0", f"{NAT}/24")
        # All of the public LAN is behind the VR but the other VR, which is reached as ever.
        self.nat.ip(f"route add {PUBLIC} via {VR['b']}")
        self.nat.ip(f"route add {UNDERLAY['a']} via 192.0.2.5")
        rules = self.lab.path("nat.nft")
        with open(rules, "w", encoding="ascii") as file:
            file.write("table ip nat { chain out { type nat hook postrouting priority 100;\n"
                       "oifname \"wan0\" masquerade\n}\n}\n")
        self.nat.run("nft", "-f", rules)

    def _hosts(self):
        for site in self.places:
            name = f"native_{site}"
            space = self.hosts[name] = self.lab.ns(f"native-{site}")
            self._plug(site, space, "eth0", self.layout.hosts[name])
            space.ip(f"route add default via {self.layout.gateway(site)}")

    def _conf(self, site):
        router, other = self.routers[site], "ba"["ab".index(site)]
        vn = {"id": VN, "name": "public", "device": BRIDGE if self.lan == "bridge" else "lan0",
              "local": [self.layout.subnets[site]], "addresses": [f"{VR[site]}/24"],
              "native_gateway": self.layout.gateway(site),
              "mobile": [{"prefix": PUBLIC, "hosts": ["a", "b"]}], "freeze": {"moves": 1000}}
        peer = {"name": other, "public_key": self.routers[other].public_key,
                "vns": [{"id": VN, "prefixes": [self.layout.subnets[other]]}]}
        if site == "b":
            peer["endpoints"] = [f"{UNDERLAY['a']}:{PORT}"]
        return {"name": site, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
                "control_socket": f"{router.folder}/vrd.sock",
                "listen": f"{UNDERLAY[site]}:{PORT}", "sync": {"hello_ms": 200, "dead_ms": 1000},
                "log": {"level": "debug", "file": f"{router.folder}/vrd.log"},
                "vns": [vn], "peers": [peer]}

    def start(self, timeout=15):
        for site, router in self.routers.items():
            self.known_ports[site] = self.sites[site].space.ports(BRIDGE)
            router.start()
            self.router_ports[site] = ("to-vr" if self.lan == "nic" else
                                       router.lan_port(BRIDGE, self.known_ports[site]))
        self.wait_peers(timeout)
        for name in ("native_a", "native_b"):
            wait_for(lambda host=name: self._talks(host), PATIENCE, f"{name} to be plugged in")
        return self

    def _talks(self, name):
        """It asks for its gateway, by which the VR of its LAN comes to know both."""
        gateway = self.layout.gateway(name[-1])
        return "1 received" in self.hosts[name].run("ping", "-c", "1", "-W", "1", gateway,
                                                     check=False)

    def say(self, host, frame):
        with inside.packet(self.hosts[host], "eth0", 0) as s:
            s.send(frame)


class Wires(Evidence):
    """What passes the machine's cables, the LANs' switches, and the cables of gateway and NAT to the Internet."""

    def __init__(self, world, vm):
        super().__init__(world, vm, routers=False)
        self.captures += [Capture(space, ["wan0"], self.epoch) for space in (world.gw, world.nat)]

    def outside(self, which, after):
        """IP packets of the machine's that passed the gateway's or the NAT's cable to the Internet: in, out."""
        address, client = packed(self.vm.ip), packed(CLIENT)
        frames = [f for f in self.found.get((which, "wan0"), []) if f.kind == IP4 and f.time > after
                  and client in (f.ip_from, f.ip_to)]
        return ([f for f in frames if not f.outbound and f.ip_to == address],
                [f for f in frames if f.outbound and (f.ip_from == address or which == "nat")])
