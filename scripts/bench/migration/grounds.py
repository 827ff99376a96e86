"""What carries the frames between the machine and its client: vrd's routers, or one plain switch as the yardstick.

With both the machine moves between the same two taps, and the client is as far away, with the same loss and corruption on its line.
"""
from lab import lisp
from lab.layout import LAYOUTS, STRETCHED, VM_HOSTS
from lab.topology import BRIDGE, WAN_DEVICE, Clouds, Site, World
from lab.underlay import Underlay


class Ground:
    """A world with the machine's two places in it, and one client far away.

    client       the client's namespace; 'address' is its own
    client_site  the namespace of the switch that the client's cable is in, at 'port'
    """
    name = None

    def __init__(self, world, client, client_site, address):
        self.world, self.client, self.client_site = world, client, client_site
        self.address = address.split("/")[0]
        self.port = f"to-{client.name}"
        # Its cable carries frames of 1500 bytes. Of 64 kB at once nothing is given back to the window before all is read.
        client_site.run("ethtool", "-K", self.port, "tso", "off", "gso", "off")

    def rules(self, point, everywhere):
        """For the WAN emulator."""
        return [point.line(everywhere)]

    def check(self):
        """LabError when something that carries frames has ended."""


class Overlay(Ground):
    """Two clouds with a router each, and the client at a plain LISP site."""
    name = "vrd"

    def __init__(self, lab):
        world = Clouds(lab, LAYOUTS["subnets"], rules=["* * delay_us=0"])
        lisp.add(world, "smr")
        world.start()
        lisp.add_host(world)
        super().__init__(world, world.hosts[lisp.HOST], world.sites[lisp.PLAIN].space, lisp.ADDRESS)

    def rules(self, point, everywhere):
        return point.rules(everywhere)

    def check(self):
        self.world.check()


class _Line(World):
    """One switch that both of the machine's places are on; the client's own switch is at the other end of a line."""

    def __init__(self, lab):
        super().__init__(lab, STRETCHED)
        self.underlay = Underlay(lab, rules=["* * delay_us=0"])
        here, there = lab.ns("switch"), lab.ns("far-switch")
        for space in (here, there):
            space.bridge(BRIDGE)
            self.underlay.attach(space, WAN_DEVICE, None)
            space.ip(f"link set {WAN_DEVICE} master {BRIDGE}")
        for name in VM_HOSTS:
            here.tap(f"vm-{name}", BRIDGE)
            self.sites[name] = Site(name, here, f"vm-{name}")
        self.sites["c"] = Site("c", there, None)
        self.add_host("client", "c")
        self.underlay.start()


class Switch(Ground):
    """No overlay: what remains is the machine's own time, and the line's."""
    name = "plain switch"

    def __init__(self, lab):
        world = _Line(lab)
        super().__init__(world, world.hosts["client"], world.sites["c"].space, world.layout.hosts["client"])
