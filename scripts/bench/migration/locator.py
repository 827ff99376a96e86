"""The locator change of the thesis, section 3.4: a site has two routers, and its traffic is moved from one to the other.

As there, both ways stay usable, and only the locator of the site's server changes: it is switched to the other router,
between two of its frames, and announces itself there. The clients are at plain LISP sites. Numbered datagrams and their
answers go on all the time, one a millisecond.
"""
import threading
import time

from lab import probes, tools
from lab.capture import mac_bytes, packed
from lab.frames import Wire, gratuitous_arp
from lab.layout import VM_MAC
from lab.netns import Lab, wait_for
from lab.topology import BRIDGE

from . import figures, seeds
from .sites import ADDRESS, CENTRES, CLIENTS, Places
from .watch import Watch, carries

ONE_WAY_MS = {"near": 5, "far": 15}
STREAM_HZ = 1000
SIZES = {"near": 333, "far": 345}
FLOWS = {"near": 21, "far": 22}
# A router ignores for some seconds what a machine that has left its site says there, until it announces itself.
APART_S, AFTER_S = 6.2, 0.5
SAY_S = 0.00005
PORT, SERVER = "access", "server"
# The first row of thesis table "comparison between two simulations": as good as its LISP.
BOUND_MS = seeds.LOCATOR_CHANGE["lisp"]["rerouting_s"] * 1000


class Access:
    """The site's own router, in front of its two routers to the world: it gives the server what comes from either, and one of
    them what the server says."""

    def __init__(self, world):
        lab = world.lab
        self.space, self.server = lab.ns("access"), lab.ns(SERVER)
        self.rules = lab.path("access.nft")
        lab.link(self.space, SERVER, self.server, "eth0", other_mac=VM_MAC)
        for site in CENTRES:
            there = world.sites[site].space
            lab.link(self.space, f"up-{site}", there, PORT)
            there.ip(f"link set {PORT} master {BRIDGE}")
        self._chains()
        # As a host that is in use; it never doubts what it knows of its gateway.
        self.server.sysctl("net.ipv4.neigh.eth0.base_reachable_time_ms", 3600000)
        self.server.ip(f"address add {world.layout.vm} dev eth0")
        self.server.ip(f"route add default via {world.layout.gateway('a')}")
        self.server.popen(tools.tool("guestd"), stdout=-3)
        self.address, self.wire = world.layout.vm_ip(), Wire(self.server, "eth0")

    def _devices(self):
        return [SERVER, *(f"up-{name}" for name in CENTRES)]

    def _nft(self, lines):
        with open(self.rules, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")
        self.space.run("nft", "-f", self.rules)

    def _chains(self):
        """Chains without rules, that let nothing through."""
        self._nft(["table netdev access {", *(
            f'chain {device} {{ type filter hook ingress device "{device}" priority 0; policy drop; }}'
            for device in self._devices()), "}"])

    def _apply(self, site):
        """All in one transaction: no frame is lost to it."""
        self._nft(["flush table netdev access", *(
            f'add rule netdev access {device} fwd to "{SERVER if device != SERVER else f"up-{site}"}"'
            for device in self._devices())])

    def use(self, site):
        """The server is behind this router from now on, and says so at once: a bonding driver does that between two frames.
        Here it goes on saying so while the rules change, and the first that takes the new way counts."""
        change = threading.Thread(target=self._apply, args=(site,))
        change.start()
        while change.is_alive():
            self.wire.send(gratuitous_arp(VM_MAC, self.address))
            time.sleep(SAY_S)
        self.wire.send(gratuitous_arp(VM_MAC, self.address))

    def forwards(self, world):
        """The kernel takes up to a second to let a new port forward."""
        return all(world.sites[site].space.run("cat", f"/sys/class/net/{PORT}/brport/state").strip() == "3"
                   for site in CENTRES)


class Trial:
    """The places, the server, and traffic from both clients."""

    def __init__(self, lab):
        self.world = world = Places(lab, "smr", ONE_WAY_MS)
        world.start()
        self.access = Access(world)
        wait_for(lambda: self.access.forwards(world), 5, "the switches to forward")
        self.site = "a"
        self.access.use("a")
        for client in CLIENTS:
            wait_for(lambda who=client: "1 received" in world.hosts[who].run(
                "ping", "-c", "1", "-W", "1", self.access.address, check=False), 10, f"an answer to {client}")
        self.load = [probes.stream(world.hosts[client], self.access.address, FLOWS[client], STREAM_HZ, SIZES[client])
                     for client in CLIENTS]
        places = [(world.sites[site].space, [PORT]) for site in CENTRES]
        places += [(world.sites[client].space, list(world.client_device(client))) for client in CLIENTS]
        self.watch = Watch(places)
        time.sleep(APART_S)

    def change(self):
        """One change of the locator; a row for each client."""
        world, watch = self.world, self.watch
        to = next(site for site in CENTRES if site != self.site)
        watch.wake()
        time.sleep(0.2)
        begin = time.time() - watch.epoch
        self.access.use(to)
        self.site = to
        time.sleep(AFTER_S)
        for client in CLIENTS:
            wait_for(lambda who=client: world.knows(who, to), 8, f"{client}'s router to know of the change")
        watch.take()
        rows = [{"to": to, **self._figures(client, to, begin)} for client in CLIENTS]
        watch.rest()
        time.sleep(APART_S - AFTER_S)
        world.check()
        return rows

    def _figures(self, client, to, begin):
        world, watch, flow = self.world, self.watch, FLOWS[client]
        site = world.sites[client].space
        port, wan = world.client_device(client)
        mac, locator = mac_bytes(VM_MAC), packed(ADDRESS[to])
        said = next(f.time for f in watch.at(world.sites[to].space, PORT)
                    if not f.outbound and f.source == mac and f.time >= begin)
        mapped = next((f.time for f in watch.at(site, wan) if f.outbound and f.ip_to == locator and f.time > said
                       and carries(f, SIZES[client], False)), None)
        ours = [f for f in watch.at(site, port) if f.flow == flow]
        answers = [f for f in ours if f.outbound and not f.is_request]
        # Of what was sent after the watch began, up to the last that was answered.
        first, last = min(f.number for f in answers), max(f.number for f in answers)
        sent = {f.number for f in ours if f.is_request and first <= f.number <= last}
        came = {f.number for f in answers}
        times = [f.time for f in answers]
        return {"client": client, "rerouting_ms": None if mapped is None else round((mapped - said) * 1000, 3),
                "sent": len(sent), "lost": len(sent - came),
                "longest_gap_ms": round(max(b - a for a, b in zip(times, times[1:])) * 1000, 1)}

    def stop(self):
        for probe in self.load:
            self.world.lab.end(probe.process)
        self.watch.stop()


def summarise(client, rows):
    mine = [row for row in rows if row["client"] == client]
    values = [row["rerouting_ms"] for row in mine]
    middle = figures.median([1e9 if value is None else value for value in values])
    lost = sum(row["lost"] for row in mine)
    return {"experiment": "locator", "client": client, "one_way_ms": ONE_WAY_MS[client], "changes": len(mine),
            "rerouting_ms": figures.summary(values), "lost": lost, "sent": sum(row["sent"] for row in mine),
            "longest_gap_ms": figures.summary([row["longest_gap_ms"] for row in mine]),
            "bound_ms": BOUND_MS, "bound_lost": 0, "held": middle is not None and middle <= BOUND_MS and lost == 0}


def run(count, say):
    """(rows, changes)"""
    changes = []
    with Lab("locator") as lab:
        trial = Trial(lab)
        for _ in range(count):
            changes += trial.change()
        trial.stop()
    rows = [summarise(client, changes) for client in CLIENTS]
    for row in rows:
        found = row["rerouting_ms"] or {"median": float("nan")}
        say(f"locator change, {row['client']} client ({row['one_way_ms']} ms): rerouted in {found['median']:.1f} ms, wanted "
            f"{BOUND_MS:.0f}; lost {row['lost']} of {row['sent']}")
    return rows, changes
