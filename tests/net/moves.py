"""Clouds A, B and C with machines that move between them: what the tests of migration share.

    from moves import world, vm  # noqa: F401: fixtures

    def test_x(world, vm):
        with Traffic(world, vm) as traffic:
            vm.move("b")
            world.wait_owner(vm, "b")
            traffic.must_go_on()
"""
import dataclasses
import itertools
import json
import time

import pytest

import inside
from lab.layout import HOSTS, LAYOUTS, SITES, VN
from lab.netns import Lab, LabError, wait_for
from lab.topology import BRIDGE, Clouds
from rack import Machine, Rack, gratuitous_arp

# A test that waits longer has failed; what is promised in time is measured, not waited for.
PATIENCE = 8


def _for_tests(change):
    def configure(site, conf):
        conf["sync"] = {"hello_ms": 200, "dead_ms": 1000}
        conf["log"]["level"] = "debug"
        for vn in conf["vns"]:
            vn["freeze"] = {"moves": 1000}
        if change:
            change(site, conf)
    return configure


class World(Clouds):
    """The lab's clouds, and a rack with machines. All three sites may host them unless 'hosts' says otherwise."""
    places = SITES  # where a machine can be

    def __init__(self, lab, layout="subnets", hosts=SITES, change=None, **more):
        """'change(site, conf)' may change a router's configuration."""
        layout = dataclasses.replace(LAYOUTS[layout], mobile_hosts=tuple(hosts))
        super().__init__(lab, layout, configure=_for_tests(change), **more)
        self.rack = Rack(lab)
        self.machines = []
        self.numbers = itertools.count(50)
        self.router_ports = {}

    def start(self, timeout=15):
        super().start(timeout)
        self.router_ports = {name: self.lan_port(name) for name in SITES}
        for name in self.hosts:
            self.introduce(name)

    def introduce(self, host):
        """Lets a host be known to all routers."""
        address = self.layout.hosts[host].split("/")[0]
        self.say(host, gratuitous_arp(self.hosts[host].mac("eth0"), address))
        self.wait_eid(address, HOSTS[host])

    def say(self, host, frame):
        """One frame from a host."""
        with inside.packet(self.hosts[host], "eth0", 0) as s:
            s.send(frame)

    def machine(self, site="a", mac=None, address=None, known=True):
        """A new machine; 'known': it has spoken, and all routers know where it is."""
        number = next(self.numbers)
        net = self.layout.vm.rsplit(".", 1)[0]
        vm = Machine(self, site, mac or f"52:54:00:4c:41:{number:02x}",
                     address or f"{net}.{number}/24", self.layout.gateway("a"))
        self.machines.append(vm)
        if known:
            self.settle(vm)
        return vm

    def settle(self, vm):
        """Waits until everybody knows the machine and reaches it; the switches, too, know where it is."""
        wait_for(lambda: self.forwards(vm), PATIENCE, f"the switches to forward for {vm.ip}")
        vm.announce()
        self.wait_owner(vm, vm.site)
        for name in self.hosts:
            self.wait_ping(name, vm)

    def forwards(self, vm):
        """The kernel takes up to a second to let a new port forward."""
        return all(self.sites[name].space.run(
            "cat", f"/sys/class/net/{vm.device}/brport/state").strip() == "3" for name in self.places)

    def wait_ping(self, host, vm, timeout=PATIENCE):
        wait_for(lambda: "1 received" in self.hosts[host].run(
            "ping", "-c", "1", "-W", "1", vm.ip, check=False), timeout,
            f"an answer of {vm.ip} to {host}")

    def row(self, eid, asked):
        """What a router's HWDT has of an address."""
        rows = self.routers[asked].show("hwdt")
        return next((row for row in rows if row["eid"] == eid and row["state"] != "withdrawn"), None)

    def owner(self, eid, asked="c"):
        """Where a router believes a machine is; None when it does not know."""
        row = self.row(eid, asked)
        return row["vr"] if row else None

    def owners(self, eid):
        """Where each router believes it is."""
        return [self.owner(eid, asked) for asked in SITES]

    def wait_eid(self, eid, site, timeout=PATIENCE, asked=None):
        for which in asked or self.places:
            wait_for(lambda router=which: self.owner(eid, router) == site, timeout,
                     f"router {which} to place {eid} at {site}", 0.01)

    def wait_owner(self, vm, site, timeout=PATIENCE, asked=None):
        """Waits until the routers place the machine at a site."""
        self.wait_eid(vm.ip, site, timeout, asked)

    def records(self, vm, asked=None):
        """All records of its moves, in the order in which they were heard."""
        rows = [row for name in asked or self.places for row in self.routers[name].show("moves")
                if vm.ip in row["eids"]]
        return sorted(rows, key=lambda row: row["heard_us"])

    def record(self, vm, site, timeout=PATIENCE):
        """The last record of a router about the machine, once all routers have acknowledged it."""
        def complete():
            rows = self.records(vm, [site])
            return rows[-1] if rows and rows[-1]["all_acked_us"] is not None else None
        return wait_for(complete, timeout, f"router {site} to have a whole record of {vm.ip}")

    def drops(self, site, reason):
        return self.routers[site].drops().get(reason, 0)

    def stat(self, site, name):
        return self.routers[site].show("stats")[name]

    def router_mac(self, site):
        return next(vn["mac"] for vn in self.routers[site].show("vr")["vns"] if vn["vn"] == VN)

    def switch_port(self, site, mac):
        """The port behind which the site's switch sees a MAC."""
        for row in self.sites[site].space.run("bridge", "fdb", "show", "br", BRIDGE).splitlines():
            if row.startswith(mac) and "permanent" not in row:
                return row.split()[2]
        return None

    def neighbour(self, host, ip):
        """The MAC that a host has for an address."""
        rows = json.loads(self.hosts[host].run("ip", "-j", "neigh", "show", ip) or "[]")
        return rows[0].get("lladdr") if rows else None

    def log_has(self, site, text):
        return text in self.routers[site].log()

    def retire(self):
        """Ends all machines of a test."""
        for vm in self.machines:
            vm.close()
        self.machines = []


@pytest.fixture(scope="module", params=["subnets", "stretched"])
def world(request):
    """Clouds in each layout, for all tests of a module."""
    with Lab("moves") as lab:
        clouds = World(lab, request.param)
        clouds.start()
        yield clouds


@pytest.fixture
def vm(world):
    """A machine that runs at A and is known."""
    yield world.machine("a")
    world.retire()
    world.check()


def watch(condition, seconds, what):
    """The condition must hold all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            raise LabError(f"no longer: {what}")
        time.sleep(0.01)
