"""Sites and machines that are their own routers: the interface model, for any test that needs some.

    with Machines() as net:
        net.start()
        assert net.ping(net.m, net.ha)

Site "a" has a LAN, with the host 'ha', in the router model. The machines "m" and "n" have a TUN device vn0 and the addresses
10.9.0.M and 10.9.0.N of one subnet that is at home nowhere but at each of them."""
from lab.netns import wait_for
from lab.router import Router
from sites import NUMBERS, PORT, VN, Sites

DEVICE = "vn0"
NAMES = "mn"


class Machine:
    """A machine as the helpers for traffic know hosts."""

    def __init__(self, space, name, address):
        self.space, self.name, self.ip = space, name, address


class Machines(Sites):
    """'configure(name, conf)' changes a configuration before the start."""

    def __init__(self, configure=None, **more):
        super().__init__("a", configure=None, **more)
        self.machines = NAMES
        self.names = "a" + NAMES
        for name in self.machines:
            space = self.spaces[name] = self.lab.ns(name)
            self._attach(name, space)
            self.routers[name] = Router(space, name)
            setattr(self, name, Machine(space, name, self.virtual(name)))
        for name in self.names:
            self.routers[name].conf = self._conf_of(name)
            if configure:
                configure(name, self.routers[name].conf)
        self.ha = self.host("a", 10)
        self.ha.space.ip("route replace default via 10.1.0.1")

    @staticmethod
    def virtual(name):
        return f"10.9.0.{NUMBERS[name]}"

    def prefixes(self, name):
        return [f"{self.virtual(name)}/32"] if name in self.machines else [self.subnet(name)]

    def _conf_of(self, name):
        conf = self._conf(name)
        vn = conf["vns"][0]
        vn["mobile"] = []
        if name in self.machines:
            vn.update(model="interface", device=DEVICE, local=[], addresses=[f"{self.virtual(name)}/24"])
        conf["peers"] = [{"name": peer, "public_key": self.routers[peer].public_key,
                          "endpoints": [f"{self.address(peer)}:{PORT}"],
                          "vns": [{"id": VN, "prefixes": self.prefixes(peer)}]}
                         for peer in self.names if peer != name]
        return conf

    def start(self, timeout=10):
        super().start(timeout)
        for name in self.machines:
            wait_for(lambda which=name: self.owner("a", self.virtual(which)) == which, timeout,
                     f"a to place {name}")
        return self
