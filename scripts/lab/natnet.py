"""Sites X and Y behind NATs, and a rendezvous R that everybody reaches, on one piece of Internet.

    with Lab() as lab:
        net = NatNet(lab, "eim-apdf", "double")
        net.start()
        net.wait_ping()

Each of X and Y is: host - LAN - router - its NATs - Internet. Where a site has no NAT its router has the public address
itself. R is a router with a public address, without machines.

With 'x6' or 'y6' there is IPv6, too, by boxes of its own, and R has both. A site without IPv4 is of the kind None.
"""
from .nat import INSIDE, KINDS, KINDS6, OUTSIDE, Nat, Socket
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
# IPv6: the router's device, where that is not WAN; the Internet; what is routed to a site behind a firewall (the second when
# it is renumbered); what stands behind NAT66.
WAN6 = "wan6"
PUBLIC6 = {"r": "2001:db8:f::1", "x": "2001:db8:f::11", "y": "2001:db8:f::12"}
ROUTED6 = {"x": ("2001:db8:a1", "2001:db8:a2"), "y": ("2001:db8:b1", "2001:db8:b2")}
HOME6 = {"x": "fd00:0:a1", "y": "fd00:0:b1"}


class NatSite:
    """X or Y. 'space' is the router's, 'nats' are from the inside out, 'address' is the router's own on its way out,
    'public' where the Internet sees it; 'address6', 'box6' and 'wan6' (the router's device) are of IPv6."""

    def __init__(self, net, name, kind, home, kind6=None):
        self.net, self.name, self.kind, self.kind6 = net, name, kind, kind6
        self.space = net.lab.ns(name)
        self.public = PUBLIC[name]
        self.nats = []
        self.box6 = self.address = self.address6 = self.wan6 = None
        self._lan()
        self._four(kind, home)
        if kind6 is not None:
            self._six(KINDS6[kind6])
        self.router = Router(self.space, name)

    def _four(self, kind, home):
        if kind is None:
            return
        if self.net.home and self.name == "y":
            self._beside()
        elif KINDS[kind]:
            self._behind(KINDS[kind], [home, CARRIER[self.name]])
        else:
            self.address = self.public
            self.net.underlay.attach(self.space, WAN, f"{self.public}/24")

    def _six(self, behaviours):
        public = PUBLIC6[self.name]
        if not behaviours:
            self.wan6, self.address6 = WAN, public
            if self.kind != "none":
                self.wan6 = WAN6
                self.net.underlay.attach(self.space, WAN6, None)
            use6(self.space, self.wan6, f"{public}/64")
            return
        behaviour, = behaviours
        box, self.wan6 = self.net.lab.ns(f"six{self.name}"), WAN6
        prefix = HOME6[self.name] if behaviour.mapping != "none" else ROUTED6[self.name][0]
        self.address6 = f"{prefix}::2"
        self.net.lab.link(box, INSIDE, self.space, WAN6)
        self.net.underlay.attach(box, OUTSIDE, None)
        use6(box, OUTSIDE, f"{public}/64")
        use6(box, INSIDE, "fe80::1/64", f"{prefix}::1/64")
        use6(self.space, WAN6, f"{self.address6}/64")
        self.space.ip("-6 route add default via fe80::1 dev wan6")
        self._acquaint(box, "fe80::1")
        self.box6 = Nat(box, behaviour, Socket(self.address6, PORT), family=6)
        if behaviour.mapping == "none":
            self.net.routed += [(f"{one}::/64", public) for one in ROUTED6[self.name]]

    def renumber(self):
        """Its IPv6 prefix behind the firewall is another from now on; the old one is gone."""
        old, self.address6 = self.address6, f"{ROUTED6[self.name][1]}::2"
        self.box6.space.ip(f"address add {ROUTED6[self.name][1]}::1/64 dev {INSIDE} nodad")
        self._acquaint(self.box6.space)
        return [f"address add {self.address6}/64 dev {WAN6} nodad", f"address del {old}/64 dev {WAN6}"]

    def _acquaint(self, box, gateway=None):
        """The box knows where the router's address is, and the router where the gateway is, without asking: Linux joins the group that
        it is asked for in (RFC 4291, 2.7.1) a moment after an address is there, and who asks before is silent for a second."""
        box.ip(f"neigh replace {self.address6} lladdr {self.space.mac(WAN6)} dev {INSIDE} nud permanent")
        if gateway:
            self.space.ip(f"neigh replace {gateway} lladdr {box.mac(INSIDE)} dev {WAN6} nud permanent")

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

    def _beside(self):
        """On x's LAN, behind the same NATs."""
        self.address, self.public = f"{HOME['x']}.3", PUBLIC["x"]
        self.net.plug(self.space, WAN)
        self.space.ip(f"address add {self.address}/24 dev {WAN}")
        self.space.ip(f"route add default via {HOME['x']}.1")

    def _behind(self, behaviours, links):
        below, device, port = self.space, WAN, PORT
        self.address = f"{links[0]}.2"
        for depth, behaviour in enumerate(behaviours):
            space = self.net.lab.ns(f"nat{self.name}{depth}")
            if depth == 0 and self.net.home:
                self.net.plug(space, INSIDE)
                self.net.plug(below, device)
            else:
                self.net.lab.link(space, INSIDE, below, device)
            space.ip(f"address add {links[depth]}.1/24 dev {INSIDE}")
            below.ip(f"address add {links[depth]}.2/24 dev {device}")
            below.ip(f"route add default via {links[depth]}.1")
            # The other end of a cable that is plugged in takes a moment until it answers.
            for one, end in ((space, INSIDE), (below, device)):
                one.sysctl(f"net.ipv4.neigh.{end}.retrans_time_ms", 10)
            nat = Nat(space, behaviour, Socket(f"{links[depth]}.2", port))
            self.nats.append(nat)
            below, device, port = space, OUTSIDE, nat.port
        self.net.underlay.attach(below, OUTSIDE, f"{self.public}/24")

    def start_nats(self):
        for nat in self.nats:
            nat.start()
        if self.box6:
            self.box6.start()

    def rebind(self):
        """All its NATs give the router another outer port."""
        self._change(lambda nat: nat.rebind())

    def reboot(self, meanwhile=None):
        """Its NATs go off, and on without any memory. 'meanwhile()' is called while the innermost is off."""
        self._change(lambda nat: nat.reboot(meanwhile if nat is self.nats[0] else None))

    def forget_after(self, seconds):
        for nat in self.nats:
            nat.forget_after(seconds)

    def readdress(self, number):
        """Its router gets another address behind its NATs, which make another mapping for it. Returns what has to be done at the
        router, as lines of ip."""
        prefix = self.address.rpartition(".")[0]
        self.address = f"{prefix}.{number}"
        self._change(lambda nat: nat.map_anew(self.address if nat is self.nats[0] else nat.socket.address))
        return [f"address flush dev {WAN}", f"address add {self.address}/24 dev {WAN}",
                f"route replace default via {prefix}.1 dev {WAN}"]

    def _change(self, change):
        # What one NAT makes of the socket is the socket of the next: that one is told before packets come from there.
        for nat, outer in zip(self.nats, self.nats[1:]):
            outer.socket.port = nat.port + 1
        for nat in reversed(self.nats):
            change(nat)

    def peer(self, name):
        """What its router says about another."""
        return next(row for row in self.router.show("peers") if row["name"] == name)


def use6(space, device, *addresses):
    """IPv6 on a device; its addresses are good at once."""
    # Otherwise the kernel waits for what nobody disputes.
    space.sysctl(f"net.ipv6.conf.{device}.accept_dad", 0)
    space.sysctl(f"net.ipv6.conf.{device}.accept_ra", 0)
    space.sysctl(f"net.ipv6.conf.{device}.disable_ipv6", 0)
    for address in addresses:
        space.ip(f"address add {address} dev {device} nodad")


class Host:
    """The machine of a site."""

    def __init__(self, space, address):
        self.space, self.ip = space, address


class NatNet:
    """The whole. 'x' and 'y' are kinds of sites, see nat.KINDS, 'x6' and 'y6' of their IPv6, see KINDS6. 'endpoints': which routers' public endpoints the others
    are told, besides R's. 'same_home': both private networks have the same numbers. 'together': both stand on one LAN, behind
    x's NATs. 'configure(name, conf)' changes a configuration before the start; without 'rendezvous' R is a namespace only. More
    arguments are the underlay's."""

    def __init__(self, lab, x, y, x6=None, y6=None, endpoints="", same_home=False, together=False, rendezvous=True,
                 configure=None, **underlay):
        self.lab = lab
        self.underlay = Underlay(lab, **underlay)
        self.home = lab.ns("home") if together else None
        if self.home:
            self.home.bridge(BRIDGE)
        self.has6 = x6 is not None or y6 is not None
        self.routed = []  # (prefix, by whom) of IPv6
        self.sites = {name: NatSite(self, name, kind, HOME["x" if same_home else name], kind6)
                      for name, kind, kind6 in (("x", x, x6), ("y", y, y6))}
        self.x, self.y = self.sites["x"], self.sites["y"]
        self.r = lab.ns("r")
        self.r.bridge(BRIDGE)
        self.underlay.attach(self.r, WAN, f"{PUBLIC['r']}/24")
        if self.has6:
            use6(self.r, WAN, f"{PUBLIC6['r']}/64")
            self._route6()
        self.routers = {name: site.router for name, site in self.sites.items()}
        if rendezvous:
            self.routers["r"] = Router(self.r, "r")
        for name, router in self.routers.items():
            router.conf = self._conf(name, router, endpoints)
            if configure:
                configure(name, router.conf)

    def plug(self, space, device):
        """A cable from this namespace's device to the switch of the LAN of both."""
        self.lab.link(self.home, f"to-{space.name}", space, device)
        self.home.ip(f"link set to-{space.name} master {BRIDGE}")

    def isolate(self):
        """This switch hands on nothing between the two from now on, as a WLAN that isolates its stations."""
        for name in self.sites:
            self.home.ip(f"link set to-{name} type bridge_slave isolated on")

    def _route6(self):
        """Who is on the IPv6 Internet knows what is routed to whom."""
        on = [(self.r, WAN, PUBLIC6["r"])]
        for site in self.sites.values():
            if site.box6:
                on.append((site.box6.space, OUTSIDE, PUBLIC6[site.name]))
            elif site.wan6:
                on.append((site.space, site.wan6, PUBLIC6[site.name]))
        for space, device, address in on:
            for prefix, by in self.routed:
                if by != address:
                    space.ip(f"-6 route add {prefix} via {by} dev {device}")

    def _listen(self, name, port):
        """Where the router listens: for both families where there are both."""
        if self.has6:
            return f"[::]:{port}"
        return f"{self.sites[name].address if name in self.sites else PUBLIC[name]}:{port}"

    def _public(self, name, port):
        """Where the others find it."""
        site = self.sites.get(name)
        four = [f"{PUBLIC[name]}:{port}"] if site is None or site.kind else []
        if self.has6 and (site is None or site.address6):
            return [f"[{site.address6 if site else PUBLIC6[name]}]:{port}", *four]
        return four

    def _conf(self, name, router, endpoints):
        subnet = f"10.{NUMBERS[name]}.0"
        conf = {"name": name, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
                "control_socket": f"{router.folder}/vrd.sock", "listen": self._listen(name, PORT),
                "log": {"level": "debug", "file": f"{router.folder}/vrd.log"},
                "vns": [{"id": VN, "name": "blue", "device": BRIDGE, "local": [f"{subnet}.0/24"],
                         "addresses": [f"{subnet}.1/24"]}],
                "peers": [self._peer(name, other, endpoints) for other in self.routers if other != name]}
        if name == "r":
            conf["relay"], conf["tcp_listen"] = {}, self._listen("r", TCP_PORT)
        return conf

    def _peer(self, name, other, endpoints):
        known = other in endpoints or other == "r"
        peer = {"name": other, "public_key": self.routers[other].public_key,
                "endpoints": self._public(other, PORT) if known else [],
                "vns": [{"id": VN, "prefixes": [f"10.{NUMBERS[other]}.0.0/24"]}]}
        if other == "r" and name != "r":
            peer["relay"], peer["tcp"] = True, self._public(other, TCP_PORT)
        return peer

    def start_nats(self):
        """The network without any router: underlay and NATs."""
        self.underlay.start()
        for site in self.sites.values():
            site.start_nats()
            for device in {WAN if site.kind else None, site.wan6} - {None}:
                site.space.run("ethtool", "-K", device, "tx-udp-segmentation", "off", "gso", "off")
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
