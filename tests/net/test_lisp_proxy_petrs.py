"""Two proxies: P is the Proxy-ETR that sites prefer, Q the second, and what comes from outside goes through Q. P ends, and
comes back."""
import copy
import time

import pytest
from echo import ping
from lab import lisp
from lab.netns import Lab, wait_for
from lab.router import Router
from lab.topology import BRIDGE, WAN_DEVICE, Site
from proxies import CLIENT, LOCATOR, PROXY, SERVED, ProxyClouds

SPARE, SPARE_LOCATOR, SPARE_OUTSIDE, SPARE_MAC = "q", "192.0.2.7", "198.18.0.3", "02:56:52:00:00:51"
PROBE_S = 1
# docs/proxy.md: out of use three seconds after the first probe without an answer; and what a busy machine needs.
GIVEN_UP = PROBE_S + 3 + 0.5
SITE = "a"


class TwoProxies(ProxyClouds):
    def __init__(self, lab):
        super().__init__(lab, change=self._prefer)
        space = lab.ns(SPARE)
        space.bridge(BRIDGE)
        self.sites[SPARE] = Site(SPARE, space, None)
        self.underlay.attach(space, WAN_DEVICE, f"{SPARE_LOCATOR}/24")
        switch = self.sites[PROXY].space
        lab.link(switch, f"to-{SPARE}", space, f"to-{PROXY}")
        switch.ip(f"link set to-{SPARE} master {BRIDGE}")
        space.ip(f"link set to-{PROXY} master {BRIDGE}")
        self.routers[SPARE] = Router(space, SPARE)
        self.routers[SPARE].conf = self._spare(self.routers[SPARE])
        for prefix in SERVED:
            self.net.ip(f"route replace {prefix} via {SPARE_OUTSIDE}")

    @staticmethod
    def _prefer(name, conf):
        if name in (PROXY, lisp.SERVER):
            return
        conf["vns"][0]["lisp"]["petrs"] = [LOCATOR, SPARE_LOCATOR]
        conf["lisp"]["probe_s"] = PROBE_S

    def _spare(self, router):
        conf = copy.deepcopy(self.routers[PROXY].conf)
        conf.update({"name": SPARE, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
                     "control_socket": f"{router.folder}/vrd.sock", "listen": f"{SPARE_LOCATOR}:51341"})
        conf["log"]["file"] = f"{router.folder}/vrd.log"
        conf["vns"][0].update({"addresses": [f"{SPARE_OUTSIDE}/24"], "mac": SPARE_MAC})
        conf["lisp"]["rlocs"] = [{"address": SPARE_LOCATOR}]
        return conf

    def states(self):
        """What the site's router says of its Proxy-ETRs, the preferred first."""
        return [row["state"] for row in self.routers[SITE].show("proxies")]

    def let_out(self, name):
        row, = self.routers[name].show("proxies")
        return row["let_out"]


@pytest.fixture(scope="module")
def net():
    with Lab("petrs") as lab:
        world = TwoProxies(lab)
        world.start()
        world.host = world.hosts["native_a"]
        wait_for(lambda: ping(world.host, CLIENT, 1, wait=0.5), 8, "an answer")
        wait_for(lambda: world.states() == ["up", "up"], 3, f"both to answer probes, not {world.states()}")
        yield world
        world.check()


def reached_again(net, timeout):
    """How long it takes until the outside answers."""
    start = time.monotonic()
    wait_for(lambda: ping(net.host, CLIENT, 1, wait=0.1), timeout, "an answer from outside")
    return time.monotonic() - start


def test_the_second_is_used_while_the_first_is_down(net):
    before = {name: net.let_out(name) for name in (PROXY, SPARE)}
    assert sorted(ping(net.host, CLIENT, 5)) == list(range(5))
    assert net.let_out(PROXY) == before[PROXY] + 5 and net.let_out(SPARE) == before[SPARE]
    answered = net.routers[PROXY].show("stats")["xtr"]["probes_answered"]
    assert answered > 0
    assert net.routers[PROXY].stop() == 0
    try:
        assert not ping(net.host, CLIENT, 1, wait=0.3)
        took = reached_again(net, GIVEN_UP)
        print(f"by the second proxy {took:.2f} s after the first had ended")
        assert net.states() == ["silent", "up"]
        assert sorted(ping(net.host, CLIENT, 5)) == list(range(5))
        assert net.let_out(SPARE) >= before[SPARE] + 6
    finally:
        net.routers[PROXY].start()
    wait_for(lambda: net.states() == ["up", "up"], PROBE_S + 0.5, f"the first to be used again: {net.states()}")
    # It asks for the mapping of the source, which the packet waits for.
    assert sorted(ping(net.host, CLIENT, 5)) == list(range(5))
    assert net.let_out(PROXY) == 5
