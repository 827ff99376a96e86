"""The routers' own records of moves, held against what the captures say."""
import time

from .layout import SITES


class Records:
    """What the routers record from mark() on."""

    def __init__(self, world):
        self.world = world
        self.known = {}

    def _rows(self, site):
        return self.world.routers[site].show("moves")

    def mark(self):
        self.known = {site: max((row["number"] for row in self._rows(site)), default=0)
                      for site in SITES}

    def new(self):
        """(site of the router, record) of all that are newer."""
        return [(site, row) for site in SITES for row in self._rows(site)
                if row["number"] > self.known[site]]

    def compare(self, move, rarp, epoch):
        """The record of this move, beside what the captures say."""
        # Records have the monotonic clock.
        clock = time.time() - time.clock_gettime(time.CLOCK_MONOTONIC) - epoch
        return compare(self.new(), move, self.world.layout.vm_ip(), None if rarp is None else rarp - clock)


# What a record says, after it heard of the machine, and the figure that is the same after the RARP.
SAME = {"claimed": "rarp_to_resolved_ms", "all_acked": "rarp_to_all_acked_ms",
        "first_frame": "rarp_to_router_delivery_ms"}


def _problem(rows, move, address):
    """What is wrong with the records of one move; None when there is the one that must be."""
    if len(rows) != 1:
        return f"{len(rows)} records"
    site, row = rows[0]
    wanted = {"from": move["from"], "to": move["to"], "trigger": "rarp", "outcome": "done"}
    wrong = [f"{key} is {row[key]}" for key, value in wanted.items() if row[key] != value]
    if site != move["to"]:
        wrong.append(f"it is {site}'s")
    if address not in row["eids"]:
        wrong.append(f"it is of {row['eids']}")
    return ", ".join(wrong) or None


def compare(rows, move, address, rarp):
    """'rows': the new records of all routers, as Records.new(); 'rarp': the time of the announcement on the records'
    clock, in seconds."""
    problem = _problem(rows, move, address)
    result = {"count": len(rows), "problem": problem, "difference_ms": None}
    if problem or rarp is None:
        return result
    row = rows[0][1]
    heard = round((row["heard_us"] / 1e6 - rarp) * 1000, 3)
    result.update(trigger=row["trigger"], outcome=row["outcome"], rarp_to_heard_ms=heard)
    differences = [abs(heard)]
    for name in ("resolved", "claimed", "all_acked", "first_frame"):
        value = row.get(f"{name}_us")
        result[f"{name}_ms"] = None if value is None else round(value / 1000, 3)
    for name, figure in SAME.items():
        own, seen = result[f"{name}_ms"], move[figure]
        differences.append(None if own is None or seen is None else abs(heard + own - seen))
    if None not in differences:
        result["difference_ms"] = round(max(differences), 3)
    return result
