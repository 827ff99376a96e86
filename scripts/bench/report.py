"""Medians, ratios, the file and the table."""

import json
import os
import statistics

UNITS = {"tcp1_gbps": "Gb/s"}
# Tool -> the tool it is compared with.
AGAINST = {"vrd_sealed": "openvpn", "openvpn": "routing"}
# One sealed TCP flow through vrd is at least so many times OpenVPN's.
GOAL = 4
GOAL_ROW = "tcp1_gbps.vrd_sealed"
GOAL_TOOLS = {"vrd_sealed", AGAINST["vrd_sealed"]}


def rows(values):
    """One row per figure: the median, and its ratio to what it is compared with in this run."""
    medians = {name: statistics.median(found) for name, found in values.items()}
    result = []
    for name, found in values.items():
        figure, tool = name.split(".", 1)
        against = f"{figure}.{AGAINST[tool]}" if tool in AGAINST else None
        base = medians.get(against)
        result.append({
            "name": name,
            "value": round(medians[name], 3),
            "unit": UNITS[figure],
            "against": against if base else None,
            "ratio": round(medians[name] / base, 3) if base else None,
            "min": round(min(found), 3),
            "max": round(max(found), 3),
            "repeats": len(found),
        })
    return result


def write(result, output):
    os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
    with open(output, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=2)
        file.write("\n")


def show(result):
    print(f"{'figure':<26}{'median':>9}{'min':>9}{'max':>9}  unit   compared with")
    for row in result:
        compared = f"{row['ratio']:.2f} x {row['against']}" if row["against"] else ""
        print(f"{row['name']:<26}{row['value']:>9.3f}{row['min']:>9.3f}{row['max']:>9.3f}"
              f"  {row['unit']:<6} {compared}")
    for row in result:
        if row["name"] == GOAL_ROW and row["ratio"] is not None:
            verdict = "reached" if row["ratio"] >= GOAL else "missed"
            print(f"goal: at least {GOAL} times OpenVPN: {verdict} ({row['ratio']:.2f})")


def goal_reached(result):
    return any(row["name"] == GOAL_ROW and row["ratio"] is not None and row["ratio"] >= GOAL
               for row in result)
