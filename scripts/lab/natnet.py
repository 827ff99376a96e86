"""Sites X and Y behind NATs, and a rendezvous R that everybody reaches, on one piece of Internet.

    with Lab() as lab:
        net = NatNet(lab, "eim-apdf", "double")
        net.start()
        net.wait_ping()

Each of X and Y is: host - LAN - router - its NATs - Internet. Where a site has no NAT its router has the public address
itself. R is a router with a public address, without machines.
"""
from .nat import INSIDE, KINDS, OUTSIDE, Nat, Socket
from .netns import wait_for
from .router import Router
from .underlay import Underlay

VN, PORT, TCP_PORT = 7, 51341, 443
BRIDGE, WAN = "br0", "wan0"
PUBLIC = {"r": "198.51.100.1", "x": "198.51.100.11", "y": "198.51.100.12"}
NUMBERS = {"x": 1, "y": 2, "r": 3}
OTHER = {"x": "y", "y": "x"}
# The links behind NATs: the router's side is .2, the NAT's .1. Carriers number theirs from 100.64.0.0/10.
HOME = {"x": "192.168.1", "y": "192.168.2"}
CARRIER = {"x": "100.64.1", "y": "100.64.2"}


class NatSite:
    """X or Y. 'space' is the router's, 'nats' are from the inside out, 'address' is the router's own on its way out,
    'public' where the Internet sees it."""

    def __init__(self, net, name, kind, home):
        self.net, self.name, self.kind = net, name, kind
        self.space = net.lab.ns(name)
        self.public = PUBLIC[name]
        self.nats = []
        self._lan()
        if KINDS[kind]:
            self._behind(KINDS[kind], [home, CARRIER[name]])
        else:
            self.address = self.public
            net.underlay.attach(self.space, WAN, f"{self.public}/24")
        self.router = Router(self.space, name)

    def _lan(self):
        self.space.bridge(BRIDGE)
        number = NUMBERS[self.name]
        self.host = Host(self.net.lab.ns(f"h{self.name}"), f"10.{number}.0.10")
        self.net.lab.link(self.space, "to-host", self.host.space, "eth0")
        self.space.ip(f"link set to-host master {BRIDGE}")
        self.host.space.ip(f"address add {self.host.ip}/24 dev eth0")
        # It asks again for a router that has not started yet without losing a second.
        self.host.space.sysctl("net.ipv4.neigh.eth0.retrans_time_ms", 10)
        self.host.space.ip(f"route add default via 10.{number}.0.1")

    def _behind(self, behaviours, links):
        below, device, port = self.space, WAN, PORT
        self.address = f"{links[0]}.2"
        for depth, behaviour in enumerate(behaviours):
            space = self.net.lab.ns(f"nat{self.name}{depth}")
            self.net.lab.link(space, INSIDE, below, device)
            space.ip(f"address add {links[depth]}.1/24 dev {INSIDE}")
            below.ip(f"address add {links[depth]}.2/24 dev {device}")
            below.ip(f"route add default via {links[depth]}.1")
            nat = Nat(space, behaviour, Socket(f"{links[depth]}.2", port))
            self.nats.append(nat)
            below, device, port = space, OUTSIDE, nat.port
        self.net.underlay.attach(below, OUTSIDE, f"{self.public}/24")

    def start_nats(self):
        for nat in self.nats:
            nat.start()

    def rebind(self):
        """All its NATs give the router another outer port."""
        self._change(lambda nat: nat.rebind())

    def reboot(self, meanwhile=None):
        """Its NATs go off, and on without any memory. 'meanwhile()' is called while the innermost is off."""
        self._change(lambda nat: nat.reboot(meanwhile if nat is self.nats[0] else None))

    def forget_after(self, seconds):
        for nat in self.nats:
            nat.forget_after(seconds)

    def _change(self, change):
        # What one NAT makes of the socket is the socket of the next: that one is told before packets come from there.
        for nat, outer in zip(self.nats, self.nats[1:]):
            outer.socket.port = nat.port + 1
        for nat in reversed(self.nats):
            change(nat)

    def peer(self, name):
        """What its router says about another."""
        return next(row for row in self.router.show("peers") if row["name"] == name)


class Host:
    """The machine of a site."""

    def __init__(self, space, address):
        self.space, self.ip = space, address


class NatNet:
    """The whole. 'x' and 'y' are kinds of sites, see nat.KINDS. 'endpoints': which routers' public endpoints the others
    are told, besides R's. 'same_home': both private networks have the same numbers. 'configure(name, conf)' changes a
    configuration before the start; without 'rendezvous' R is a namespace only. More arguments are the underlay's."""

    def __init__(self, lab, x, y, endpoints="", same_home=False, rendezvous=True, configure=None, **underlay):
        self.lab = lab
        self.underlay = Underlay(lab, **underlay)
        self.sites = {name: NatSite(self, name, kind, HOME["x" if same_home else name])
                      for name, kind in (("x", x), ("y", y))}
        self.x, self.y = self.sites["x"], self.sites["y"]
        self.r = lab.ns("r")
        self.r.bridge(BRIDGE)
        self.underlay.attach(self.r, WAN, f"{PUBLIC['r']}/24")
        self.routers = {name: site.router for name, site in self.sites.items()}
        if rendezvous:
            self.routers["r"] = Router(self.r, "r")
        for name, router in self.routers.items():
            router.conf = self._conf(name, router, endpoints)
            if configure:
                configure(name, router.conf)

    def _conf(self, name, router, endpoints):
        subnet = f"10.{NUMBERS[name]}.0"
        listen = self.sites[name].address if name in self.sites else PUBLIC[name]
        conf = {"name": name, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
                "control_socket": f"{router.folder}/vrd.sock", "listen": f"{listen}:{PORT}",
                "log": {"level": "debug", "file": f"{router.folder}/vrd.log"},
                "vns": [{"id": VN, "name": "blue", "device": BRIDGE, "local": [f"{subnet}.0/24"],
                         "addresses": [f"{subnet}.1/24"]}],
                "peers": [self._peer(name, other, endpoints) for other in self.routers if other != name]}
        if name == "r":
            conf["relay"], conf["tcp_listen"] = {}, f"{PUBLIC['r']}:{TCP_PORT}"
        return conf

    def _peer(self, name, other, endpoints):
        known = other in endpoints or other == "r"
        peer = {"name": other, "public_key": self.routers[other].public_key,
                "endpoints": [f"{PUBLIC[other]}:{PORT}"] if known else [],
                "vns": [{"id": VN, "prefixes": [f"10.{NUMBERS[other]}.0.0/24"]}]}
        if other == "r" and name != "r":
            peer["relay"], peer["tcp"] = True, [f"{PUBLIC[other]}:{TCP_PORT}"]
        return peer

    def start_nats(self):
        """The network without any router: underlay and NATs."""
        self.underlay.start()
        for site in self.sites.values():
            site.start_nats()
            site.space.run("ethtool", "-K", WAN, "tx-udp-segmentation", "off", "gso", "off")
        return self

    def start(self):
        """Everything. R is first; X and Y follow at once."""
        self.start_nats()
        for name in sorted(self.routers):
            self.routers[name].start()
        return self

    def ping(self, source="x", wait=1):
        """Does the other site's machine answer this one's?"""
        return "1 received" in self.sites[source].host.space.run(
            "ping", "-c", "1", "-W", str(wait), self.sites[OTHER[source]].host.ip, check=False)

    def wait_ping(self, timeout=15):
        for name in self.sites:
            wait_for(lambda source=name: self.ping(source), timeout, f"an answer to the machine of {name}")
        return self
