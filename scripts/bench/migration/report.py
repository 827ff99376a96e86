"""Targets, the table and the file."""
import json
import os

from . import seeds

# The figure that a row is about, and the words for it.
FIGURES = {"seed003": ("convergence_ms", "RARP to map-cache"), "locator": ("rerouting_ms", "rerouting")}
RESTORATION = ("restoration_ms", "resume to restoration")


def figure(row):
    """(name of the row's figure, its words)"""
    return FIGURES.get(row["experiment"], RESTORATION)


def place(row):
    """What the row was measured at, in words."""
    if row["experiment"] == "seed003":
        return f"{row['method']}, {row['client']} client, {row['one_way_ms']} ms"
    if row["experiment"] == "locator":
        return f"{row['client']} client, {row['one_way_ms']} ms"
    text = f"{row['delay_ms']:g} ms ({row['distance_km']:g} km), loss {row['loss_pct']:g} %"
    return text + (f", corruption {row['corrupt_pct']:g} %" if row["corrupt_pct"] else "")


def targets(rows):
    """One entry for each row that something is promised of."""
    found = []
    for row in rows:
        name, words = figure(row)
        value = row[name]
        found.append({"experiment": row["experiment"], "at": place(row), "figure": words,
                      "median_ms": value["median"] if value else None, "bound_ms": row["bound_ms"],
                      "also": _also(row), "held": row["held"]})
    return found


def _also(row):
    """What is promised beside the time."""
    if row["experiment"] == "locator":
        return f"no loss: {row['lost']} of {row['sent']}"
    if row["experiment"] == "seed003":
        return ""
    text = "transfer goes on, content right" if row["survived"] else "transfer BROKEN or content WRONG"
    again = row["first_again"]
    return text + (f", {again} of {row['moves']} began with a retransmission" if again else "")


def result(rows, moves, options):
    """What is written to the file."""
    entries = targets(rows)
    return {"quick": options.quick, "everywhere": options.everywhere, "fast": options.fast, "rows": rows, "targets": entries,
            "held": bool(entries) and all(entry["held"] for entry in entries),
            "seeds": {"restoration": seeds.RESTORATION, "locator_change": seeds.LOCATOR_CHANGE,
                      "downtime_ms": seeds.DOWNTIME_MS, "convergence_ms": seeds.CONVERGENCE_MS},
            "moves": moves}


def write(data, output):
    os.makedirs(os.path.dirname(os.path.abspath(output)), exist_ok=True)
    with open(output, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")


def _number(value, width=9):
    return f"{'-' if value is None else f'{value:.1f}':>{width}}"


def show(rows, say=print):
    """The table, and which targets held."""
    say(f"{'experiment':<10} {'at':<46}{'median':>9}{'min':>9}{'max':>9}{'wanted':>9}{'plain switch':>14}  held  (ms)")
    for row in rows:
        value = row[figure(row)[0]] or {"median": None, "min": None, "max": None}
        bound = row["bound_ms"]
        plain = (row.get("plain_switch") or {}).get("restoration_ms")
        held = "-" if bound is None and row["held"] else "yes" if row["held"] else "NO"
        say(f"{row['experiment']:<10} {place(row):<46}{_number(value['median'])}{_number(value['min'])}"
            f"{_number(value['max'])}{_number(bound)}{_number(plain and plain['median'], 14)}  {held:<4}  {_also(row)}")
    entries = targets(rows)
    held = sum(entry["held"] for entry in entries)
    say(f"{held} of {len(entries)} targets hold" + ("" if held == len(entries) else "; these do not:"))
    for entry in entries:
        if not entry["held"]:
            say(f"  {entry['experiment']}, {entry['at']}: {entry['figure']} {_number(entry['median_ms'], 0)} ms, "
                f"wanted {_number(entry['bound_ms'], 0)} {entry['also']}")
