"""Places between which a machine can move: one plain switch, or clouds A, B and C with a router each.

    with Lab() as lab:
        world = Clouds(lab, LAYOUTS["subnets"], delay_ms=5)
        world.start()
        world.boot(guest.make())
        migration, old = world.migrate("b")
        old.end()
"""
from dataclasses import dataclass

from . import qemu
from .layout import FAR_HOSTS, HOSTS, SITES, STRETCHED, UNDERLAY, VM_HOSTS, VM_MAC, router_conf
from .netns import LabError, Namespace, wait_for
from .router import Router
from .underlay import Underlay

BRIDGE = "br0"
WAN_DEVICE = "wan0"


@dataclass
class Site:
    """A place where the machine can be: a namespace with a bridge, and the machine's tap on it."""
    name: str
    space: Namespace
    tap: str


class World:
    """What all topologies have in common: sites, hosts and one machine."""

    def __init__(self, lab, layout):
        self.lab = lab
        self.layout = layout
        self.sites = {}
        self.hosts = {}  # name -> namespace
        self.vm = None
        self.vm_site = None

    def add_host(self, name, site):
        """A host on the site's LAN, with the address that the layout gives it."""
        space = self.lab.ns(name.replace("_", "-"))
        switch = self.sites[site].space
        self.lab.link(switch, f"to-{space.name}", space, "eth0")
        switch.ip(f"link set to-{space.name} master {BRIDGE}")
        space.ip(f"address add {self.layout.hosts[name]} dev eth0")
        if self.layout.gateway(site):
            space.ip(f"route add default via {self.layout.gateway(site)}")
        self.hosts[name] = space
        return space

    def host_ports(self):
        """name of a host -> (namespace of its switch, port of that switch)"""
        sites = {**HOSTS, **FAR_HOSTS}
        return {name: (self.sites[sites[name]].space, f"to-{space.name}")
                for name, space in self.hosts.items()}

    def boot(self, image, site="a", ready_timeout=60):
        """Starts the machine; returns the seconds until its service ran."""
        place = self.sites[site]
        self.vm = qemu.Machine(place.space, place.tap, image, VM_MAC, self.layout.vm,
                               self.layout.gateway("a"))
        self.vm.start()
        self.vm_site = site
        return self.vm.wait_ready(ready_timeout)

    def wait_reachable(self, timeout=20):
        """Waits until every host has an answer from the machine."""
        for name, space in self.hosts.items():
            wait_for(lambda host=space: "1 received" in host.run(
                "ping", "-c", "1", "-W", "1", self.layout.vm_ip(), check=False),
                timeout, f"an answer of the machine to {name}")

    def mute(self, site, *kinds):
        """From now on the switch of this site hears nothing of these kinds from the machine's tap: "rarp", "garp"
        (gratuitous ARP), "arp" (all of it). The captures still see them. Without kinds: hears all again."""
        place, address = self.sites[site], self.layout.vm_ip()
        matches = {"rarp": "ether type 0x8035", "arp": "ether type arp",
                   "garp": f"arp saddr ip {address} arp daddr ip {address}"}
        table = f"netdev mute_{place.tap.replace('-', '_')}"
        lines = [f"add table {table}", f"delete table {table}"]
        if kinds:
            lines += [f"add table {table}", f"add chain {table} in {{ type filter hook ingress "
                      f"device \"{place.tap}\" priority 0; }}"]
        lines += [f"add rule {table} in {matches[kind]} drop" for kind in kinds]
        rules = self.lab.path(f"mute-{site}.nft")
        with open(rules, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        place.space.run("nft", "-f", rules)

    def prepare(self, to, hold=False):
        """Starts the hypervisor's half at the new site; for migrate()."""
        place = self.sites[to]
        return self.vm.at(place.space, place.tap).start(incoming=True, hold=hold)

    def migrate(self, to, target=None, meanwhile=None):
        """Moves the machine. Returns the migration and the old QEMU, which is paused: end() it. 'meanwhile': see
        qemu.migrate()."""
        target = target or self.prepare(to, hold=meanwhile is not None)
        migration = qemu.migrate(self.vm, target, meanwhile=meanwhile)
        old, self.vm, self.vm_site = self.vm, target, to
        return migration, old


class PlainSwitch(World):
    """One switch for everything: the physical limit. The sites are two taps on it."""

    def __init__(self, lab):
        super().__init__(lab, STRETCHED)
        space = lab.ns("switch")
        space.bridge(BRIDGE)
        for name in SITES:
            self.sites[name] = Site(name, space, f"vm-{name}")
            if name in VM_HOSTS:
                space.tap(f"vm-{name}", BRIDGE)
        for name, site in HOSTS.items():
            self.add_host(name, site)

    def start(self):
        """Nothing to start: a switch."""


class Clouds(World):
    """Clouds A, B and C, each with a bridge and a router, joined by an underlay."""

    def __init__(self, lab, layout, delay_ms=0, loss_pct=0, rules=(), configure=None):
        """'configure(site, conf)' may change a router's configuration before it starts."""
        super().__init__(lab, layout)
        self.underlay = Underlay(lab, delay_ms, loss_pct, rules)
        self.routers = {}
        self.known_ports = {}
        for name in SITES:
            space = lab.ns(name)
            space.bridge(BRIDGE)
            self.sites[name] = Site(name, space, "vm0")
            if name in VM_HOSTS:
                space.tap("vm0", BRIDGE)
            self.underlay.attach(space, WAN_DEVICE, f"{UNDERLAY[name]}/24")
            self.routers[name] = Router(space, name)
        for name, site in HOSTS.items():
            self.add_host(name, site)
        self._configure(configure)

    def _configure(self, configure):
        keys = {name: router.public_key for name, router in self.routers.items()}
        for name, router in self.routers.items():
            router.conf = router_conf(self.layout, name, router.key_file, keys, router.folder)
            if configure:
                configure(name, router.conf)

    def start(self, timeout=15):
        """Starts the underlay and the routers, and waits until they have found each other."""
        self.underlay.start()
        for name, router in self.routers.items():
            self.known_ports[name] = self.sites[name].space.ports(BRIDGE)
            router.start()
        self.wait_peers(timeout)

    def wait_peers(self, timeout=15):
        for name, router in self.routers.items():
            wait_for(router.peers_up, timeout, f"router {name} to have all its peers up")

    def lan_port(self, site):
        """The device at which the router's frames enter and leave the site's bridge."""
        return self.routers[site].lan_port(BRIDGE, self.known_ports[site])

    def owner(self, eid, asked="c"):
        """Where a router believes a machine is; None when it does not know."""
        for row in self.routers[asked].show("hwdt"):
            if row["eid"] == eid and row["state"] == "present":
                return row["vr"]
        return None

    def check(self):
        """LabError when a router has ended."""
        for name, router in self.routers.items():
            if router.process.poll() is not None:
                raise LabError(f"router {name} ended: {router.log()[-2000:]}")
