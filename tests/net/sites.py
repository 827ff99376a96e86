"""Sites with a router each on one underlay, and hosts on their LANs, for any test that needs a few of them.

    with Sites(names="ab") as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        assert net.ping(ha, hb)
"""
import re

import echo
import inside
from lab.netns import Lab, wait_for
from lab.router import Router
from lab.underlay import Underlay

VN, PORT = 7, 51341
NUMBERS = {"a": 1, "b": 2, "c": 3, "d": 4, "m": 5, "n": 6, "o": 7, "p": 8, "s": 9}
VIRTUAL_MAC = "02:56:52:00:00:07"
BROADCAST = b"\xff" * 6


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def ip_bytes(text):
    return bytes(int(part) for part in text.split("."))


class Host:
    """One machine: a namespace with eth0, which can be plugged in elsewhere."""

    def __init__(self, net, name, site, address, length):
        self.net, self.name, self.site = net, name, site
        self.ip, self.length = address, length
        self.space = net.lab.ns(name)
        self.cable = f"to-{name}"
        switch = net.switches[site]
        net.lab.link(switch, self.cable, self.space, "eth0")
        switch.ip(f"link set {self.cable} master br0")
        self.space.ip(f"address add {address}/{length} dev eth0")
        self.mac = self.space.mac("eth0")

    def is_forwarding(self):
        """Does the switch pass its frames? The kernel takes up to a second to say so."""
        return self.net.switches[self.site].run(
            "cat", f"/sys/class/net/{self.cable}/brport/state").strip() == "3"

    def move(self, site):
        """Unplugs the machine and plugs it in at another site, without a word on the wire."""
        old, new = self.net.switches[self.site], self.net.switches[site]
        old.ip(f"link set {self.cable} netns {new.full}")
        new.ip(f"link set {self.cable} master br0 up")
        self.site = site
        wait_for(self.is_forwarding, 3, f"{self.name} to be plugged in")

    def send(self, frame):
        with inside.packet(self.space, "eth0", 0) as s:
            s.send(frame.ljust(60, b"\0"))

    def rarp(self):
        """What a hypervisor says for it after a migration."""
        mac = mac_bytes(self.mac)
        self.send(BROADCAST + mac + bytes.fromhex("8035000108000604" "0003") + mac + bytes(4) +
                  mac + bytes(4))

    def arp(self, target, sender_ip=None, sender_mac=None, op=1, to=BROADCAST, eth_source=None):
        """An ARP frame with any content; asks for 'target' by default."""
        own = mac_bytes(sender_mac or self.mac)
        self.send(to + mac_bytes(eth_source or sender_mac or self.mac) +
                  bytes.fromhex("0806000108000604") + op.to_bytes(2, "big") + own +
                  ip_bytes(sender_ip or self.ip) + bytes(6) + ip_bytes(target))

    def neighbour(self, address):
        """The MAC that its kernel has for an address, or None."""
        row = self.space.ip(f"neigh show {address} dev eth0")
        found = re.search(r"lladdr (\S+)", row)
        return found[1] if found else None

    def forget_neighbours(self):
        self.space.ip("neigh flush dev eth0")


class Sites:
    """A whole network. 'stretched': one subnet for all; otherwise 10.N.0.0/24 with gateway 10.N.0.1 for the Nth
    site. 'lan': "bridge" (the router is on the switch itself) or "nic" (it has a device lan0, cabled to the
    switch). 'configure(name, conf)' changes a configuration before the start."""
    numbers = NUMBERS

    def __init__(self, names="ab", stretched=False, lan="bridge", configure=None, **underlay):
        self.lab = Lab("test")
        self.names, self.stretched, self.lan = names, stretched, lan
        self.underlay = Underlay(self.lab, **underlay)
        self.spaces, self.switches, self.routers, self.hosts = {}, {}, {}, {}
        for name in names:
            self._site(name)
        for name in names:
            self.routers[name].conf = self._conf(name)
            if configure:
                configure(name, self.routers[name].conf)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lab.close()

    def close(self):
        self.lab.close()

    def _site(self, name):
        space = self.spaces[name] = self.lab.ns(name)
        if self.lan == "bridge":
            switch = space
            switch.bridge("br0")
        else:
            switch = self.lab.ns(f"lan-{name}")
            switch.bridge("br0")
            self.lab.link(switch, "to-router", space, "lan0")
            switch.ip("link set to-router master br0")
        # A plain switch: it forwards broken packets too, and does not cost what netfilter costs.
        switch.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", check=False)
        self.switches[name] = switch
        self._attach(name, space)
        self.routers[name] = Router(space, name)

    def _attach(self, name, space):
        self.underlay.attach(space, "wan0", f"{self.address(name)}/24")

    def address(self, name):
        """Of a site on the underlay."""
        return f"192.0.2.{self.numbers[name]}"

    def subnet(self, name):
        return "10.0.0.0/24" if self.stretched else f"10.{self.numbers[name]}.0.0/24"

    def gateway(self, name):
        return f"10.{self.numbers[name]}.0.1"

    def _conf(self, name):
        router = self.routers[name]

        def fixed(which):
            return [] if self.stretched else [self.subnet(which)]
        vn = {"id": VN, "name": "blue", "device": "br0" if self.lan == "bridge" else "lan0",
              "local": fixed(name),
              "mobile": [{"prefix": subnet} for subnet in
                         sorted({self.subnet(which) for which in self.names})],
              "freeze": {"moves": 1000}}
        if self.stretched:
            vn["subnets"] = [self.subnet(name)]
        else:
            vn["addresses"] = [f"{self.gateway(name)}/24"]
        peers = [{"name": peer, "public_key": self.routers[peer].public_key,
                  "endpoints": [f"{self.address(peer)}:{PORT}"],
                  "vns": [{"id": VN, "prefixes": fixed(peer)}]}
                 for peer in self.names if peer != name]
        return {"name": name, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
                "control_socket": f"{router.folder}/vrd.sock",
                "listen": f"{self.address(name)}:{PORT}", "session": {}, "features": {},
                "sync": {"hello_ms": 200, "dead_ms": 3000},
                "log": {"level": "debug", "file": f"{router.folder}/vrd.log"},
                "vns": [vn], "peers": peers}

    def host(self, site, number, name=None, route=True):
        """A machine with the given last byte of its address."""
        net = self.subnet(site).rsplit(".", 1)[0]
        host = Host(self, name or f"h{site}{number}", site, f"{net}.{number}", 24)
        if route and not self.stretched:
            host.space.ip(f"route add default via {self.gateway(site)}")
        self.hosts[host.name] = host
        return host

    def start(self, timeout=10):
        self.underlay.start()
        for space in self.spaces.values():
            # As on a wire: a super-frame would pass where its segments do not.
            space.run("ethtool", "-K", "wan0", "tx-udp-segmentation", "off", "gso", "off")
        for router in self.routers.values():
            router.start()
        for host in self.hosts.values():
            wait_for(host.is_forwarding, 3, f"{host.name} to be plugged in")
        self.wait_peers(timeout)
        return self

    def start_pair(self):
        """Starts with a host at A and one at B; returns the two when they reach each other."""
        one, other = self.host("a", 10), self.host("b", 10)
        self.start()
        self.wait_ping(one, other)
        return one, other

    def wait_peers(self, timeout=10):
        for name, router in self.routers.items():
            wait_for(router.peers_up, timeout, f"router {name} to have its peers up")

    def wait_mtu(self, name, peer, most=1432, timeout=12):
        """Waits until the search for the path's MTU has ended at most 8 bytes, its exactness, below what the path
        carries inside of a record; returns what it found."""
        def found():
            mtu = self.peer(name, peer)["mtu"]
            return mtu if most - 8 <= mtu <= most else None
        return wait_for(found, timeout, f"{name} to find an MTU of {most} to {peer}")

    def peer(self, name, peer):
        """What one router says about another."""
        return next(row for row in self.routers[name].show("peers") if row["name"] == peer)

    def owner(self, name, address):
        """Where a router's HWDT places an address."""
        for row in self.routers[name].show("hwdt"):
            if row["eid"] == address and row["state"] != "withdrawn":
                return row["vr"]
        return None

    def wait_owner(self, address, site, timeout=5, at=None):
        for name in at or self.names:
            wait_for(lambda which=name: self.owner(which, address) == site, timeout,
                     f"{name} to place {address} at {site}")

    @staticmethod
    def ping(one, other, count=3, size=56, **options):
        """Is every echo request answered, exactly once? Options as in echo.ping()."""
        address = other if isinstance(other, str) else other.ip
        heard = echo.ping(one.space, address, count, size, **options)
        if sorted(heard) == list(range(count)):
            return True
        print(f"{one.name} asked {address} {count} times and heard {heard}")
        return False

    def wait_ping(self, one, other, timeout=8):
        wait_for(lambda: self.ping(one, other, 1, wait=0.5), timeout, f"an answer to {one.name}")

    def drops(self, name, reason):
        """A counter of drops."""
        return self.routers[name].drops().get(reason, 0)

    def wait_drops(self, name, reason, at_least, timeout=3):
        wait_for(lambda: self.drops(name, reason) >= at_least, timeout,
                 f"{at_least} of {reason} at {name}: {self.routers[name].drops()}")
