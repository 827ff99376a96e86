"""The thesis's moves: FTP, HTTP and video streaming from the machine that moves, over distance, loss and corruption.

The machine has the servers, as there. The client is at a plain LISP site, which hears of each move by SMR (section 5.2
there). Each point is measured a second time with one plain switch in the place of vrd. As there (section 5.1) half of the delay is at each of the two sites between which the machine moves, so that client
and map-server are half the way from both; 'everywhere' puts all of it on the line between any two sites instead. Loss and
corruption are on all lines.
"""
import time
from dataclasses import dataclass, replace

from lab import lisp
from lab.capture import packed
from lab.layout import SITES, VM_HOSTS
from lab.netns import Lab, wait_for

from . import figures, servers
from .fetch import Fetch
from .grounds import Overlay, Switch
from .watch import Watch, first_rarp, is_of_server, rtp_missing, sent_again

KINDS = ("ftp", "http", "video")
# Speed in fibre, there: 12,000 km are 60 ms.
KM_PER_MS = 200
BEFORE_S, AFTER_S = 0.25, 0.6
# A transfer that was not restored then never is.
GIVE_UP_S = 15
# From the first bytes on.
WARM_S = {"ftp": 0.6, "http": 0.6, "video": 1.5}
# Where something is promised.  How long an emulated machine is silent differs from move to move by more than it may be: of
# five the median is chance.
MOVES = 9
# Without distance that is all there is: the medians of nine still differ by 5 ms. At the largest, with loss, TCP may be just
# repairing one: of nine it is chance how many moves meet that.
MANY_MOVES = 25
FARTHEST_MS = 60
# Moves on the plain switch, and where nothing is promised, are fewer.
FEWER = 3
# The hypervisor announces the machine, by RARP. What virtio has the machine do besides (a word to all who ask its kernel for
# news, and ARP) it does before it goes on with its transfer, and translates anew: under software emulation as much as half of
# all that it does until its first packet.  Two processors translate at the same time.
MACHINE = ("-smp", "2", "-global", "virtio-net-pci.guest_announce=off")


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

    def moves(self, wanted):
        """How many, if so many are wanted; None: as many as the figure needs."""
        if self.bound_ms() is None:
            return min(FEWER, wanted or FEWER)
        is_many = self.delay_ms == 0 or (self.delay_ms == FARTHEST_MS and self.loss_pct)
        return wanted or (MANY_MOVES if is_many else MOVES)

    def client_ms(self, everywhere):
        """One way between the client and the machine."""
        return self.delay_ms if everywhere else self.delay_ms / 2

    def line(self, everywhere):
        """For the WAN emulator: the line to the client."""
        return f"* * delay_us={self.client_ms(everywhere) * 1000} loss_pct={self.loss_pct} corrupt_pct={self.corrupt_pct}"

    def rules(self, everywhere):
        """For the WAN emulator: all lines."""
        rows = [self.line(everywhere)]
        if not everywhere:
            ends = [str(SITES.index(site)) for site in VM_HOSTS]
            others = [str(position) for position in range(len(lisp.LOCATORS)) if str(position) not in ends]
            rows += [f"{one} {other} delay_us=0" for one in others for other in others if one != other]
            rows += [f"{one} {other} delay_us={self.delay_ms * 1000}" for one in ends for other in ends if one != other]
        return rows


# The thesis's corruption came with loss.
FULL = ([Point(delay, loss) for delay in (0, 5, 20, 40, FARTHEST_MS) for loss in (0, 1)]
        + [Point(delay, 5) for delay in (0, 20, FARTHEST_MS)] + [Point(delay, 0.2, 1) for delay in (0, 20, FARTHEST_MS)])
QUICK = [Point(20), Point(20, 1)]


class Stage:
    """A ground with the machine and one client, and captures."""

    def __init__(self, ground, image, everywhere, rate):
        self.ground, self.everywhere, self.rate = ground, everywhere, rate
        self.world, self.client, self.client_site, self.port = ground.world, ground.client, ground.client_site, ground.port
        self.world.boot(image)
        self.world.wait_reachable()
        self.vm = self.world.layout.vm_ip()
        taps = {}
        for site in VM_HOSTS:
            taps.setdefault(self.world.sites[site].space, []).append(self.world.sites[site].tap)
        self.watch = Watch([*taps.items(), (self.client_site, [self.port])])
        self.watch.rest()

    def fetch(self, kind, point):
        for rule in self.ground.rules(point, self.everywhere):
            self.world.underlay.tell(rule)
        client = Fetch(self.client, kind, self.vm, self.ground.address, self.rate, timeout=40)
        wait_for(lambda: client.mark()["bytes"], 40, f"the first bytes of {kind}", interval=0.1)
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
        while (row := self._figures(kind, migration, start, to, one_way))["restoration_ms"] is None:
            if time.monotonic() > begin + GIVE_UP_S:
                break
            time.sleep(0.2)
            watch.take()
        old.end()
        watch.rest()
        self.ground.check()
        after = client.mark()
        row.update(kind=kind, delay_ms=point.delay_ms, loss_pct=point.loss_pct, corrupt_pct=point.corrupt_pct,
                   to=to, goes_on=after["content_ok"] and not after["error"] and after["bytes"] > before["bytes"])
        return row

    def _figures(self, kind, migration, start, to, one_way):
        """What the captures say."""
        address = packed(self.vm)
        resumed, stopped = migration.resumed - self.watch.epoch, migration.stopped - self.watch.epoch
        new = self.watch.at(self.world.sites[to].space, self.world.sites[to].tap)
        said = [f for f in new if not f.outbound and is_of_server(f, kind, address) and f.time >= resumed]
        left = [f.time for f in said]
        old = self.watch.at(self.world.sites[start].space, self.world.sites[start].tap)
        again = [] if kind == "video" else sent_again(
            [f for f in old if not f.outbound and is_of_server(f, kind, address) and f.time < resumed], said)
        frames = [f for f in self.watch.at(self.client_site, self.port)
                  if f.outbound and is_of_server(f, kind, address)]
        came = [f.time for f in frames]
        restored = figures.restoration(came, left, resumed, one_way)
        rarp = first_rarp(new, stopped)
        return {"rarp_ms": _ms(None if rarp is None else rarp - resumed), "paused_ms": _ms(migration.resumed - migration.stopped),
                "guest_ms": _ms(left[0] - resumed if left else None),
                "segments_again": len(again), "first_again": bool(again) and again[0] is said[0],
                "restoration_ms": _ms(restored),
                "silence_ms": _ms(None if restored is None else figures.silence(came, resumed + restored)),
                "rtp_missing": rtp_missing(frames) if kind == "video" else None,
                "rtp_packets": len(frames) if kind == "video" else None}

    def counters(self):
        """What the lines have lost and corrupted so far."""
        now = self.world.underlay.tell("mark")
        return {name: now[name] for name in ("passed", "lost", "corrupted")}

    def stop(self):
        self.watch.stop()


def _ms(seconds):
    return None if seconds is None else round(seconds * 1000, 3)


def summarise(kind, point, everywhere, moves, end, wan=None):
    """One row of the table. 'wan': what the lines have done meanwhile."""
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
            "segments_again": [m["segments_again"] for m in moves], "first_again": sum(m["first_again"] for m in moves),
            "bytes": end["bytes"], "survived": whole, "wan": wan,
            "everywhere": everywhere, "client_round_trip_bound_ms": strict,
            "client_round_trip_held": whole and (strict is None or middle <= strict),
            "bound_ms": bound, "held": whole and (bound is None or middle <= bound)}


@dataclass(frozen=True)
class Plan:
    """What is to be done: 'moves' of each kind at each point, None: Point.moves(). 'rate': of FTP and HTTP, see servers.py."""
    kinds: list
    points: list
    moves: int
    everywhere: bool = False
    rate: int = servers.SLOW


def _on(stage, kind, point, count, plan):
    """(row, moves)"""
    before = stage.counters()
    client = stage.fetch(kind, point)
    moves = [stage.move(kind, point, client) for _ in range(count)]
    end = client.end()
    wan = {name: after - before[name] for name, after in stage.counters().items()}
    row = summarise(kind, point, plan.everywhere, moves, end, wan)
    for move in moves:
        move["on"] = stage.ground.name
    return row, moves


# What a row has of the yardstick.
OF_YARDSTICK = ("moves", "restoration_ms", "guest_ms", "way_ms", "paused_ms", "segments_again", "first_again", "survived", "wan")


def compare(row, yardstick):
    """Adds to a row what the same was on the plain switch, None when it was not measured, and by how much the row is later:
    in all, and on the way from the machine to the client."""
    row["plain_switch"] = yardstick and {name: yardstick[name] for name in OF_YARDSTICK}
    for name, figure in (("overlay_adds_ms", "restoration_ms"), ("overlay_adds_on_the_way_ms", "way_ms")):
        both = yardstick and row[figure] and yardstick[figure]
        row[name] = round(row[figure]["median"] - yardstick[figure]["median"], 3) if both else None
    return row


def _at_point(stages, kind, point, plan):
    """(row, moves)"""
    row, moves = _on(stages[0], kind, point, point.moves(plan.moves), plan)
    yardstick, others = _on(stages[1], kind, point, min(FEWER, plan.moves or FEWER), plan)
    return compare(row, yardstick), moves + others


def run(plan, image, say):
    """(rows, moves)"""
    rows, moves = [], []
    image = replace(image, options=MACHINE)
    with Lab("migration") as lab, Lab("yardstick") as other:
        stages = [Stage(ground, image, plan.everywhere, plan.rate) for ground in (Overlay(lab), Switch(other))]
        say("the machines run their servers; one's client is at a plain LISP site, the other's on a plain switch")
        for point in plan.points:
            for kind in plan.kinds:
                row, mine = _at_point(stages, kind, point, plan)
                say(_line(row))
                rows.append(row)
                moves += mine
        for stage in stages:
            stage.stop()
    return rows, moves


def _line(row):
    found = row["restoration_ms"] or {"median": float("nan"), "min": float("nan"), "max": float("nan")}
    bound = "-" if row["bound_ms"] is None else f"{row['bound_ms']:.0f}"
    yardstick = row["plain_switch"]["restoration_ms"]
    plain = f"{yardstick['median']:.1f} ms" if yardstick else "never"
    return (f"{row['experiment']:5} {row['delay_ms']:>3g} ms, loss {row['loss_pct']:g} %, corruption "
            f"{row['corrupt_pct']:g} %: restored {found['median']:.1f} ms after the resume ({found['min']:.1f} to "
            f"{found['max']:.1f}), wanted {bound}; goes on: {row['survived']}; plain switch {plain}; first sent again: {row['first_again']}")


