"""OOR behind a NAT: its site O is on the wire behind the box R, where D is, too; C is the RTR of both.

    with OorNat() as net:
        ha, ho = net.host("a", 10), net.host("o", 10)
        net.start()
        net.wait_ping(ho, ha)
"""
from lab.netns import wait_for
from lisp_nat import FOREIGN_RLOC, NatSites
from oor import Oor, block, prepare_space, xtr_conf
from sites import VN

SITE = "o"
SECRET = "the-secret-of-o"
# OOR registers so often; nothing else keeps the NAT's state of its control plane.
REGISTER_S = 60


class OorNat(NatSites):
    """'old_drafts': whether the RTR takes what OOR sends."""

    def __init__(self, old_drafts=True, **more):
        self.old_drafts = old_drafts
        super().__init__(**more)
        space = self.spaces[SITE] = self.switches[SITE] = self.foreign_space
        prepare_space(space, self.gateway(SITE))
        self.oor = Oor(space, SITE, xtr_conf(self.address("m"), SECRET, [self.subnet(SITE)], nat=True))

    def address(self, name):
        return FOREIGN_RLOC if name == SITE else super().address(name)

    def _xtr(self, name, conf):
        super()._xtr(name, conf)
        if name == "c" and self.old_drafts:
            conf["lisp"]["rtr"]["old_drafts"] = True

    def _map_server(self, conf):
        super()._map_server(conf)
        key = self._key(conf, f"site-{SITE}", text=SECRET, id=0, algorithm="sha1", full_length=True)
        conf["lisp"]["map_server"]["sites"].append({"name": SITE, "keys": [key], "strict_nonces": False,
                                                    "prefixes": [{"vn": VN, "prefix": self.subnet(SITE)}]})

    def start(self, timeout=10):
        super().start(timeout)
        self.oor.start()
        return self

    def wait_behind(self, timeout=10):
        return wait_for(lambda: self.behind(self.subnet(SITE)), timeout, "the RTR to know OOR's site")

    def registered(self):
        """What the map-server has of OOR's prefix, or None."""
        return next((row for row in self.routers["m"].show("registrations") if row["prefix"] == self.subnet(SITE)), None)


