"""Clouds A, B and C with machines that move, beside D, a plain LISP site, and M, the map-server: what tests of both share."""
from lab import lisp
from lab.netns import wait_for
from moves import PATIENCE, World


class LispClouds(World):
    """The clouds of the tests of moves, D and M."""

    def __init__(self, lab, mode, layout="subnets", register_s=None, **more):
        """'register_s': another time between two Map-Registers."""
        super().__init__(lab, layout, **more)
        self.mode = mode
        lisp.add(self, mode)
        for router in self.routers.values() if register_s else ():
            router.conf["lisp"]["register_s"] = register_s

    def start(self, timeout=15):
        super().start(timeout)
        lisp.add_host(self)
        wait_for(lambda: all(row["state"] == "in-force" for site in "abcd" for row in
                             self.routers[site].show("registrations")), PATIENCE, "all registrations")

    def wait_locator(self, vm, site, timeout=PATIENCE):
        wait_for(lambda: lisp.locator(self, vm.ip) == lisp.LOCATORS[site], timeout,
                 f"D to map {vm.ip} to {site}, not to {lisp.locator(self, vm.ip)}", 0.002)

    def count(self, site, name, part="xtr"):
        return self.routers[site].show("stats")[part][name]
