"""The thesis's moves: FTP, HTTP and video streaming from the machine that moves, over distance, loss and corruption.

The machine has the servers, as there. The client is at a plain LISP site, which hears of each move by SMR (section 5.2
there). As there (section 5.1) half of the delay is at each of the two sites between which the machine moves, so that client
and map-server are half the way from both; 'everywhere' puts all of it on the line between any two sites instead. Loss and
corruption are on all lines.
"""
import time
from dataclasses import dataclass

from lab import lisp
from lab.capture import packed
from lab.layout import LAYOUTS, SITES, VM_HOSTS
from lab.netns import Lab
from lab.topology import Clouds

from . import figures, servers
from .fetch import Fetch
from .watch import Watch, first_rarp, is_of_server, rtp_number

KINDS = ("ftp", "http", "video")
# Speed in fibre, there: 12,000 km are 60 ms.
KM_PER_MS = 200
BEFORE_S, AFTER_S = 0.25, 0.6
# A transfer that was not restored then never is.
GIVE_UP_S = 15
WARM_S = {"ftp": 0.6, "http": 0.6, "video": 6}


@dataclass(frozen=True)
class Point:
    """The delay is one way, between the sites of the machine; the rest is of every line."""
    delay_ms: float
    loss_pct: float = 0
    corrupt_pct: float = 0

    def bound_ms(self):
        """From resume to restoration, the median: one round trip between the sites, and what a machine under software
        emulation needs. None where nothing is promised."""
        return 2 * self.delay_ms + 60 if self.loss_pct <= 1 and not self.corrupt_pct else None

    def client_ms(self, everywhere):
        """One way between the client and the machine."""
        return self.delay_ms if everywhere else self.delay_ms / 2

    def rules(self, everywhere):
        """For the WAN emulator."""
        rows = [f"* * delay_us={self.client_ms(everywhere) * 1000} loss_pct={self.loss_pct} corrupt_pct={self.corrupt_pct}"]
        if not everywhere:
            ends = [str(SITES.index(site)) for site in VM_HOSTS]
            others = [str(position) for position in range(len(lisp.LOCATORS)) if str(position) not in ends]
            rows += [f"{one} {other} delay_us=0" for one in others for other in others if one != other]
            rows += [f"{one} {other} delay_us={self.delay_ms * 1000}" for one in ends for other in ends if one != other]
        return rows


# The thesis's corruption came with loss.
FULL = ([Point(delay, loss) for delay in (0, 5, 20, 40, 60) for loss in (0, 1)]
        + [Point(delay, 5) for delay in (0, 20, 60)] + [Point(delay, 0.2, 1) for delay in (0, 20, 60)])
QUICK = [Point(20), Point(20, 1)]


class Stage:
    """Clouds with the machine and one client, and captures."""

    def __init__(self, lab, image, everywhere, rate):
        self.everywhere, self.rate = everywhere, rate
        self.world = Clouds(lab, LAYOUTS["subnets"], rules=["* * delay_us=0"])
        lisp.add(self.world, "smr")
        self.world.start()
        lisp.add_host(self.world)
        self.world.boot(image)
        self.world.wait_reachable()
        self.client, self.client_site = self.world.hosts[lisp.HOST], self.world.sites[lisp.PLAIN].space
        size = servers.RECEIVE_BUFFER[rate]
        self.client.sysctl("net.ipv4.tcp_rmem", f"4096 {size} {size}")
        self.port = f"to-{lisp.HOST}"
        # Its cable carries frames of 1500 bytes. Of 64 kB at once nothing is given back to the window before all is read.
        self.client_site.run("ethtool", "-K", self.port, "tso", "off", "gso", "off")
        self.vm = self.world.layout.vm_ip()
        places = [(self.world.sites[site].space, [self.world.sites[site].tap]) for site in VM_HOSTS]
        self.watch = Watch(places + [(self.client_site, [self.port])])
        self.watch.rest()

    def fetch(self, kind, point):
        for rule in point.rules(self.everywhere):
            self.world.underlay.tell(rule)
        client = Fetch(self.client, kind, self.vm, lisp.ADDRESS.split("/")[0], self.rate, timeout=40)
        time.sleep(WARM_S[kind] + 0.02 * point.delay_ms)
        return client

    def move(self, kind, point, client):
        """One move under way of one transfer, and its figures."""
        world, watch, one_way = self.world, self.watch, point.client_ms(self.everywhere) / 1000
        start = world.vm_site
        to = next(site for site in VM_HOSTS if site != start)
        place = world.prepare(to)
        watch.wake()
        before = client.mark()
        time.sleep(BEFORE_S + 2 * one_way)
        migration, old = world.migrate(to, place)
        begin = time.monotonic()
        time.sleep(AFTER_S + 4 * one_way)
        watch.take()
        while (row := self._figures(kind, migration, to, one_way))["restoration_ms"] is None:
            if time.monotonic() > begin + GIVE_UP_S:
                break
            time.sleep(0.2)
            watch.take()
        old.end()
        watch.rest()
        world.check()
        after = client.mark()
        row.update(kind=kind, delay_ms=point.delay_ms, loss_pct=point.loss_pct, corrupt_pct=point.corrupt_pct,
                   to=to, goes_on=after["content_ok"] and not after["error"] and after["bytes"] > before["bytes"])
        return row

    def _figures(self, kind, migration, to, one_way):
        """What the captures say."""
        address = packed(self.vm)
        resumed, stopped = migration.resumed - self.watch.epoch, migration.stopped - self.watch.epoch
        new = self.watch.at(self.world.sites[to].space, self.world.sites[to].tap)
        left = [f.time for f in new if not f.outbound and is_of_server(f, kind, address)]
        frames = [f for f in self.watch.at(self.client_site, self.port)
                  if f.outbound and is_of_server(f, kind, address)]
        came = [f.time for f in frames]
        restored = figures.restoration(came, left, resumed, one_way)
        rarp = first_rarp(new, stopped)
        return {"rarp_ms": _ms(None if rarp is None else rarp - resumed), "paused_ms": _ms(migration.resumed - migration.stopped),
                "guest_ms": _ms(next((time_ - resumed for time_ in left if time_ >= resumed), None)),
                "restoration_ms": _ms(restored),
                "silence_ms": _ms(None if restored is None else figures.silence(came, resumed + restored)),
                "rtp_missing": figures.missing_numbers([rtp_number(f) for f in frames]) if kind == "video" else None,
                "rtp_packets": len(frames) if kind == "video" else None}

    def counters(self):
        """What the lines have lost and corrupted so far."""
        now = self.world.underlay.tell("mark")
        return {name: now[name] for name in ("passed", "lost", "corrupted")}

    def stop(self):
        self.watch.stop()


def _ms(seconds):
    return None if seconds is None else round(seconds * 1000, 3)


def summarise(kind, point, everywhere, moves, end):
    """One row of the table."""
    values = [move["restoration_ms"] for move in moves]
    # One that was never restored counts as the worst.
    middle = figures.median([GIVE_UP_S * 1000 if value is None else value for value in values])
    bound = point.bound_ms()
    strict = None if bound is None else 2 * point.client_ms(everywhere) + 60
    whole = end["content_ok"] and not end["error"] and all(move["goes_on"] for move in moves)
    return {"experiment": kind, "delay_ms": point.delay_ms, "distance_km": point.delay_ms * KM_PER_MS,
            "loss_pct": point.loss_pct, "corrupt_pct": point.corrupt_pct, "moves": len(moves),
            "restoration_ms": figures.summary(values), "guest_ms": figures.summary([m["guest_ms"] for m in moves]),
            "way_ms": figures.summary([m["restoration_ms"] - m["guest_ms"] for m in moves if m["restoration_ms"] is not None]),
            "silence_ms": figures.summary([m["silence_ms"] for m in moves]),
            "paused_ms": figures.summary([m["paused_ms"] for m in moves]),
            "rtp_missing": figures.summary([m["rtp_missing"] for m in moves]),
            "bytes": end["bytes"], "survived": whole,
            "everywhere": everywhere, "client_round_trip_bound_ms": strict,
            "client_round_trip_held": whole and (strict is None or middle <= strict),
            "bound_ms": bound, "held": whole and (bound is None or middle <= bound)}


@dataclass(frozen=True)
class Plan:
    """What is to be done: 'moves' of each kind at each point. 'rate': of FTP and HTTP, see servers.py."""
    kinds: list
    points: list
    moves: int
    everywhere: bool = False
    rate: int = servers.SLOW


def _at_point(stage, kind, point, plan):
    """(row, moves)"""
    wan = stage.counters()
    client = stage.fetch(kind, point)
    moves = [stage.move(kind, point, client) for _ in range(plan.moves)]
    row = summarise(kind, point, plan.everywhere, moves, client.end())
    row["wan"] = {name: count - wan[name] for name, count in stage.counters().items()}
    return row, moves


def run(plan, image, say):
    """(rows, moves)"""
    rows, moves = [], []
    with Lab("migration") as lab:
        stage = Stage(lab, image, plan.everywhere, plan.rate)
        say("the machine runs its servers; its client is at a plain LISP site")
        for point in plan.points:
            for kind in plan.kinds:
                row, mine = _at_point(stage, kind, point, plan)
                say(_line(row))
                rows.append(row)
                moves += mine
        stage.stop()
    return rows, moves


def _line(row):
    found = row["restoration_ms"] or {"median": float("nan"), "min": float("nan"), "max": float("nan")}
    bound = "-" if row["bound_ms"] is None else f"{row['bound_ms']:.0f}"
    return (f"{row['experiment']:5} {row['delay_ms']:>3g} ms, loss {row['loss_pct']:g} %, corruption "
            f"{row['corrupt_pct']:g} %: restored {found['median']:.1f} ms after the resume ({found['min']:.1f} to "
            f"{found['max']:.1f}), wanted {bound}; goes on: {row['survived']}")


