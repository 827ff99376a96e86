"""Every pair of kinds of NAT: do two routers behind them find each other, by which path, how soon and how fast is it?

    PYTHONPATH=scripts python3 -m lab.matrix [--delay-ms D] [KIND...]

They know each other by public key only; the rendezvous is the one thing that both can reach. Prints the matrix; exit
status 0: all pairs are connected; 1: one is not; 2: usage.
"""
import argparse
import itertools
import json
import subprocess
import sys
import time
from dataclasses import dataclass

from . import probes
from .nat import KINDS
from .natnet import NatNet
from .netns import Lab, LabError, wait_for

# A pair that takes longer is not connected.
PATIENCE_S = 30
# From the first answer on, a path that somebody waits for may take so long.
WANTED_S = 5
# A path that nobody told us to wait for is the last one when it has been in use for so long.
SETTLE_S = 2
POLL_S = 0.003
IPERF_S = 1
AFTER_COUNT = 10


@dataclass
class Cell:
    """What was found of one pair. Times are from when both routers had their sessions with the rendezvous, or, when
    there is none, from when both were there."""
    kinds: tuple
    paths: tuple          # how x reaches y, and how y reaches x
    families: tuple       # 4 or 6: of the packets by which they do; None by a relay
    legs: tuple           # how each reaches the rendezvous
    connect_ms: float     # to the first answer of the other site's machine
    settled_ms: float     # to the last change of a path
    lost: int             # requests between the first and the last that were answered, 100 per second
    mbit: float
    reasons: tuple        # why x and y use the ways that they use

    def path(self):
        """Of the pair as a whole."""
        one, other = self.paths
        return one if one == other else f"{one}/{other}"


def pairs(kinds=None):
    """Every unordered pair, each with itself too."""
    return list(itertools.combinations_with_replacement(kinds or KINDS, 2))


class Connecting:
    """A network from its start until both sites have found the way that they keep."""

    def __init__(self, net):
        self.net = net
        self.known = self.settled = None
        self.paths, self.legs, self.families = (None, None), (None, None), (None, None)
        self.reasons = (None, None)

    def look(self):
        """One look at both routers."""
        rows = {}
        for name, site in self.net.sites.items():
            for row in site.router.show("peers"):
                rows[name, row["name"]] = row if row["state"] == "up" else None
        now = time.monotonic()
        legs = tuple(_path(rows.get((name, "r"))) for name in "xy")
        if self.known is None and ("r" not in self.net.routers or all(legs)):
            self.known = now
        paths = (_path(rows["x", "y"]), _path(rows["y", "x"]))
        if paths != self.paths:
            self.settled = now
        self.paths, self.legs = paths, legs
        self.families = (_family(rows["x", "y"]), _family(rows["y", "x"]))
        self.reasons = tuple(row and row["path_reason"] for row in (rows["x", "y"], rows["y", "x"]))

    def _is_done(self, wanted):
        if self.known is None or not all(self.paths):
            return False
        return self.paths == wanted if wanted else time.monotonic() - self.settled > SETTLE_S

    def run(self, wanted, ping):
        """Until there is an answer to the ping, and the paths are as wanted or stay the same. LabError when there is no
        answer; a path that is not the wanted one is left to whoever asked."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.look()
            answered = ping.mark()["received"] > 0
            if answered and self.known is not None:
                deadline = min(deadline, time.monotonic() + WANTED_S)
            if answered and self._is_done(wanted):
                return
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_S)
        if not answered or self.known is None:
            raise LabError(f"not connected: paths {self.paths}, to the rendezvous {self.legs}")


def _path(row):
    """The path of one peer; None when it is down."""
    return row["path"] if row else None


def _family(row):
    """Of the packets that go to it themselves."""
    if row is None or row["path"] == "relayed":
        return None
    return 6 if row["endpoint"].startswith("[") else 4


def throughput(net, seconds=IPERF_S):
    """TCP from the one machine to the other, in Mb/s."""
    one, other = net.x.host, net.y.host
    server = other.space.popen("iperf3", "-s", "-1", stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: ":5201 " in other.space.run("ss", "-Hltn"), 5, "iperf3 -s")
        said = one.space.run("iperf3", "-J", "-c", other.ip, "-t", str(seconds), "--connect-timeout", "5000",
                             check=False)
    finally:
        net.lab.end(server)
    result = json.loads(said or "{}")
    if "end" not in result or "error" in result:
        raise LabError(f"iperf3: {result.get('error', 'nothing said')}")
    return result["end"]["sum_received"]["bits_per_second"] / 1e6


def label(site):
    """The kind of a site, of both families where it has IPv6."""
    return site.kind if site.kind6 is None else f"{site.kind or '-'} + {site.kind6}"


def measure(net, wanted=None):
    """Starts the network and looks at it. 'wanted': the paths (of x, of y) that end the wait."""
    net.start_nats()
    ping = probes.ping(net.x.host.space, net.y.host.ip, 1)
    connecting = Connecting(net)
    for name in sorted(net.routers):
        net.routers[name].start()
    connecting.run(wanted, ping)
    # What is lost in a change shows when something later is answered; what went by the relay before may be under way for two round trips.
    time.sleep(8 * net.underlay.delay_ms / 1000)
    last = ping.mark()["highest"]
    wait_for(lambda: ping.mark()["highest"] >= last + AFTER_COUNT, 5, "the answers to go on")
    pinged = ping.mark()
    net.lab.end(ping.process)
    mbit = throughput(net)
    connecting.look()
    since = connecting.known * 1000
    return Cell((label(net.x), label(net.y)), connecting.paths, connecting.families, connecting.legs,
                max(0, pinged["first_reply_us"] / 1000 - since), max(0, connecting.settled * 1000 - since),
                pinged["highest"] - pinged["first"] + 1 - pinged["received"], mbit, connecting.reasons)


# ---- what is printed ----

def table(cells):
    """One line for each pair."""
    rows = [("x", "y", "path", "IP", "to R", "connect ms", "settled ms", "lost", "Mb/s")]
    for cell in cells:
        legs = "/".join(leg or "-" for leg in cell.legs)
        ip = "/".join(sorted({str(family or "-") for family in cell.families}))
        rows.append((*cell.kinds, cell.path(), ip, legs, f"{cell.connect_ms:.0f}", f"{cell.settled_ms:.0f}",
                     str(cell.lost), f"{cell.mbit:.0f}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(text.rjust(width) if i > 4 else text.ljust(width)
                               for i, (text, width) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


def grid(cells):
    """The paths alone."""
    paths = {cell.kinds: cell.path() for cell in cells}
    kinds = [kind for kind in KINDS if any(kind in pair for pair in paths)]
    rows = [["", *kinds]]
    for one in kinds:
        rows.append([one, *(paths.get((one, other), paths.get((other, one), "")) for other in kinds)])
    width = max(len(text) for row in rows for text in row) + 1
    return "\n".join("".join(text.ljust(width) for text in row).rstrip() for row in rows)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="lab.matrix", description="Routers behind NATs find each other.")
    parser.add_argument("--delay-ms", type=float, default=0, metavar="D",
                        help="one way, between any two on the Internet (default 0)")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (default: all)")
    chosen = parser.parse_args(arguments)
    if set(chosen.kinds) - set(KINDS):
        parser.error(f"kinds are {', '.join(KINDS)}")
    cells, failed = [], []
    for x, y in pairs(chosen.kinds):
        with Lab("matrix") as lab:
            try:
                cells.append(measure(NatNet(lab, x, y, delay_ms=chosen.delay_ms)))
            except LabError as problem:
                failed.append(f"{x} and {y}: {problem}")
    if cells:
        print(f"{table(cells)}\n\n{grid(cells)}")
    for line in failed:
        print(line, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
