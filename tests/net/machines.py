"""A site, and machines that are their own routers (the interface model), for any test that needs some.

    with Machines() as net:
        net.start()
        assert net.ping(net.m, net.ha)

Site "a" is in the router model: its LAN has the host 'ha'. The machines "m" and "n" have the addresses 10.9.0.5 and 10.9.0.6 of one
subnet on a TUN device each; nothing else is at home there."""
import json
import re

from lab.netns import wait_for
from lab.router import Router
from sites import NUMBERS, PORT, VN, Sites

DEVICE = "vn0"
NAMES = "mn"


class Machine:
    """One of them, as what makes traffic knows hosts."""

    def __init__(self, space, name, address):
        self.space, self.name, self.ip = space, name, address


class Machines(Sites):
    """'configure(name, conf)' changes a configuration before the start."""

    def __init__(self, configure=None, **more):
        super().__init__("a", **more)
        self.names = "a" + NAMES
        for name in NAMES:
            space = self.spaces[name] = self.lab.ns(name)
            self._attach(name, space)
            self.routers[name] = Router(space, name)
        self.m, self.n = (Machine(self.spaces[name], name, self.virtual(name)) for name in NAMES)
        for name in self.names:
            self.routers[name].conf = self._conf_of(name)
            if configure:
                configure(name, self.routers[name].conf)
        self.ha = self.host("a", 10)

    @staticmethod
    def virtual(name):
        """The address of a machine on its TUN device."""
        return f"10.9.0.{NUMBERS[name]}"

    def _prefixes(self, name):
        return [f"{self.virtual(name)}/32"] if name in NAMES else [self.subnet(name)]

    def _conf_of(self, name):
        conf = self._conf(name)
        vn = conf["vns"][0]
        vn["mobile"] = []
        if name in NAMES:
            del vn["local"]
            vn.update(model="interface", device=DEVICE, addresses=[f"{self.virtual(name)}/24"])
        conf["peers"] = [{"name": peer, "public_key": self.routers[peer].public_key,
                          "endpoints": [f"{self.address(peer)}:{PORT}"],
                          "vns": [{"id": VN, "prefixes": self._prefixes(peer)}]}
                         for peer in self.names if peer != name]
        return conf

    def start(self, timeout=10):
        super().start(timeout)
        for name in NAMES:
            self.wait_owner(self.virtual(name), name, timeout)
        return self


def kernel(space):
    """All that a process can leave in a namespace's kernel, as text: links, addresses, routes, rules."""
    links = json.loads(space.ip("-j link show"))
    return "\n".join([
        *(f"{link['ifname']} {link['flags']} {link['mtu']}" for link in links),
        re.sub(r"(?m)^\d+: ", "", space.ip("-o addr show")), space.ip("route show table all"), 
        space.ip("rule show"), space.run("nft", "list", "ruleset")])


def wait_route(space, to, there=True):
    wait_for(lambda: (to in routes(space)) == there, 3, f"a route to {to}" if there else f"no route to {to}")


def routes(space, device=DEVICE):
    """Destinations through the device that the router put in."""
    return sorted(row["dst"] for row in json.loads(space.ip(f"-j route show dev {device} proto 86")))
