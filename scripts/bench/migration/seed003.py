"""Seed 003: downtime and mapping convergence of a near and a far client, by each method.

Mapping convergence is from the machine's announcement (RARP) on its new LAN to the first datagram that the client's router
sends to the new site; a datagram is sent every millisecond, so it is that much too large at most. Afterwards the router
is asked itself, too. Downtime is what seed 003 measured: by a ping every 20 ms.
"""
import time

from lab import probes
from lab.capture import packed
from lab.netns import Lab, wait_for

from . import figures
from .sites import ADDRESS, CENTRES, CLIENTS, METHODS, Places
from .watch import Watch, carries, first_rarp

ONE_WAY_MS = {"near": 8, "far": 150}
PING_S = 0.02
STREAM_HZ = 1000
# Each client's datagrams have a size of their own.
SIZES = {"near": 333, "far": 345}
FLOWS = {"near": (11, 111), "far": (12, 112)}  # stream, ping
# A router asks again about the same mapping after 3 s.
APART_S = 3.4
BEFORE_S, GIVE_UP_S = 0.2, 8


def bound_ms(method, client):
    """What the mapping convergence must be, in the median. Whoever tells the client in a second step, the old site or the
    map-server, is as far from the new site as the near client is."""
    one_way = ONE_WAY_MS[client]
    two_ways = ONE_WAY_MS["near"] + one_way
    return {"sync": one_way + 2, "cp": one_way + 2, "algorithm1": two_ways + 4, "pubsub": two_ways + 4,
            "smr": 3 * one_way + 5, "smr-fast": 5 * one_way + 10}[method]


class Trial:
    """The places with one method, the machine, and traffic from both clients."""

    def __init__(self, lab, method, image):
        self.method = method
        self.world = world = Places(lab, method, ONE_WAY_MS)
        world.start()
        world.boot(image)
        world.wait_reachable()
        self.address = world.layout.vm_ip()
        self.load = []
        for client in CLIENTS:
            stream, ping = FLOWS[client]
            self.load.append(probes.stream(world.hosts[client], self.address, stream, STREAM_HZ, SIZES[client]))
            self.load.append(probes.ping(world.hosts[client], self.address, ping, round(1 / PING_S)))
        places = [(world.sites[site].space, [world.sites[site].tap]) for site in CENTRES]
        places += [(world.sites[client].space, list(world.client_device(client))) for client in CLIENTS]
        self.watch = Watch(places)
        time.sleep(0.5 + 0.004 * ONE_WAY_MS["far"])
        self.watch.rest()
        self.moved = 0

    def move(self):
        """One move; a row for each client."""
        world, watch = self.world, self.watch
        start = world.vm_site
        to = next(site for site in CENTRES if site != start)
        place = world.prepare(to)
        fast = self.method == "smr-fast"
        watch.wake()
        pause = self.moved + APART_S - time.monotonic()
        time.sleep(BEFORE_S if fast else max(pause, BEFORE_S))
        migration, old = world.migrate(to, place)
        now = time.monotonic()
        apart, self.moved = now - self.moved if self.moved else None, now
        # What is lost is known when the answers to what came after it are here.
        time.sleep((0.2 if fast else 0.5) + 0.004 * ONE_WAY_MS["far"])
        for client in CLIENTS:
            wait_for(lambda who=client: world.knows(who, to), GIVE_UP_S, f"{client}'s router to know of the move")
        watch.take()
        rows = [self._figures(client, to, migration) for client in CLIENTS]
        old.end()
        watch.rest()
        world.check()
        return [{**row, "method": self.method, "from": start, "to": to, "apart_s": apart and round(apart, 2)} for row in rows]

    def _figures(self, client, to, migration):
        world, watch = self.world, self.watch
        stopped, resumed = (when - watch.epoch for when in (migration.stopped, migration.resumed))
        site = world.sites[client].space
        port, wan = world.client_device(client)
        rarp = first_rarp(watch.at(world.sites[to].space, world.sites[to].tap), stopped)
        locator = packed(ADDRESS[to])
        mapped = None if rarp is None else next(
            (f.time for f in watch.at(site, wan) if f.outbound and f.ip_to == locator and f.time > rarp
             and carries(f, SIZES[client], self.method == "sync")), None)
        pings = [f for f in watch.at(site, port) if f.flow == FLOWS[client][1]]
        answered = {f.number for f in pings if f.outbound and not f.is_request}
        last = max(answered, default=-1)
        requests = [(f.number, f.time) for f in pings if f.is_request and not f.outbound and f.number <= last
                    and f.number >= min(answered, default=0)]
        down, lost = figures.downtime(requests, answered, PING_S)
        return {"client": client, "paused_ms": round((resumed - stopped) * 1000, 3),
                "resume_to_rarp_ms": None if rarp is None else round((rarp - resumed) * 1000, 3),
                "convergence_ms": None if mapped is None else round((mapped - rarp) * 1000, 3),
                "downtime_ms": round(down * 1000, 1), "pings_lost": lost}

    def stop(self):
        for probe in self.load:
            self.world.lab.end(probe.process)
        self.watch.stop()


def _count(method, rows):
    """The moves that count: by algorithm 1 alone the one towards B; the first of those that follow each other is no such."""
    if method == "algorithm1":
        return [row for row in rows if row["to"] == "b"]
    if method == "smr-fast":
        return [row for row in rows if row["apart_s"] and row["apart_s"] < 3]
    return rows


def summarise(method, client, rows):
    mine = [row for row in _count(method, rows) if row["client"] == client]
    values = [row["convergence_ms"] for row in mine]
    middle = figures.median([GIVE_UP_S * 1000 if value is None else value for value in values])
    bound = bound_ms(method, client)
    return {"experiment": "seed003", "method": method, "client": client, "one_way_ms": ONE_WAY_MS[client],
            "moves": len(mine), "convergence_ms": figures.summary(values),
            "downtime_ms": figures.summary([row["downtime_ms"] for row in mine]),
            "pings_lost": figures.summary([row["pings_lost"] for row in mine]),
            "paused_ms": figures.summary([row["paused_ms"] for row in mine]),
            "bound_ms": bound, "above_bound": sum(value is None or value > bound for value in values),
            "held": middle is not None and middle <= bound}


def run(methods, count, image, say):
    """(rows, moves) of these methods, 'count' moves each that count."""
    rows, moves = [], []
    for method in methods:
        with Lab("seed003") as lab:
            trial = Trial(lab, method, image)
            say(f"{method}: {METHODS[method]}")
            mine, more = [], 2 * count - 1 if method == "algorithm1" else count + (method == "smr-fast")
            for _ in range(more):
                mine += trial.move()
            trial.stop()
        for client in CLIENTS:
            row = summarise(method, client, mine)
            say(_line(row))
            rows.append(row)
        moves += mine
    return rows, moves


def _line(row):
    found = row["convergence_ms"] or {"median": float("nan"), "min": float("nan"), "max": float("nan")}
    return (f"  {row['client']:4} ({row['one_way_ms']} ms): mapping converged in {found['median']:.1f} ms ({found['min']:.1f} "
            f"to {found['max']:.1f}), wanted {row['bound_ms']}; down for {row['downtime_ms']['median']:.0f} ms, "
            f"{row['pings_lost']['median']:g} pings lost")
