"""Medians, ratios, the file and the table."""

import json
import os
import statistics

UNITS = {"tcp1_gbps": "Gb/s", "aead64_per_s": "1/s", "aead1400_per_s": "1/s",
         "udp_echo_per_s": "1/s", "map_server_requests_per_s": "1/s",
         "map_server_registers_per_s": "1/s", "map_server_bytes_per_eid": "B",
         "gndt_lookups_per_s": "1/s", "gndt_single_lookups_per_s": "1/s", "line_reads_per_s": "1/s",
         "gndt_updates_per_s": "1/s", "gndt_bytes_per_prefix": "B", "route_bytes": "B",
         # What a process had of its core: near 1, it is this that limits what is answered.
         "udp_echo_cpu": "core", "map_server_requests_cpu": "core", "map_server_registers_cpu": "core"}
# Tool -> the tool it is compared with.
AGAINST = {"vrd_sealed": "openvpn", "openvpn": "routing", "vrd_interface": "vrd_sealed",
           "vrd_relayed": "vrd_sealed", "tinc_tcp": "routing", "vrd_tcp": "tinc_tcp",
           "ipsec_mb": "openssl"}
# Figure -> the figure of the same case that it is compared with.
AGAINST_FIGURE = {"map_server_requests_per_s": "udp_echo_per_s",
                  "map_server_registers_per_s": "udp_echo_per_s",
                  "gndt_lookups_per_s": "line_reads_per_s",
                  "gndt_single_lookups_per_s": "line_reads_per_s",
                  "gndt_updates_per_s": "line_reads_per_s",
                  "gndt_bytes_per_prefix": "route_bytes"}
# One sealed TCP flow through vrd is at least so many times OpenVPN's.
GOAL = 4
# Row -> its least ratio.
GOALS = {"tcp1_gbps.vrd_sealed": GOAL, "tcp1_gbps.vrd_relayed": 0.8, "tcp1_gbps.vrd_tcp": 2,
         "map_server_requests_per_s.1k": 0.5, "map_server_registers_per_s.1k": 0.25,
         "map_server_requests_per_s.1m": 0.5, "map_server_registers_per_s.1m": 0.25,
         # Of as many random cache lines a second as the machine reads at all.
         "gndt_lookups_per_s.v4_bgp_1m": 0.15, "gndt_lookups_per_s.v4_uniform_1m": 0.1,
         "gndt_lookups_per_s.v4_hosts_1m": 0.1, "gndt_lookups_per_s.v6_bgp_1m": 0.08}


def rows(values):
    """One row per figure: the median, and its ratio to what it is compared with in this run."""
    medians = {name: statistics.median(found) for name, found in values.items()}
    result = []
    for name, found in values.items():
        figure, tool = name.split(".", 1)
        against = None
        if tool in AGAINST:
            against = f"{figure}.{AGAINST[tool]}"
        elif figure in AGAINST_FIGURE:
            against = f"{AGAINST_FIGURE[figure]}.{tool}"
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
    print(f"{'figure':<42}{'median':>16}{'min':>16}{'max':>16}  unit   compared with")
    for row in result:
        compared = f"{row['ratio']:.2f} x {row['against']}" if row["against"] else ""
        print(f"{row['name']:<42}{row['value']:>16.3f}{row['min']:>16.3f}{row['max']:>16.3f}"
              f"  {row['unit']:<6} {compared}")
    for row, goal in decided(result):
        verdict = "reached" if row["ratio"] >= goal else "missed"
        print(f"goal: {row['name']} at least {goal} x {row['against']}: {verdict} "
              f"({row['ratio']:.2f})")


def decides(tools):
    """Is any of these tools measured against a goal beside another of them?"""
    return any(f"tcp1_gbps.{tool}" in GOALS and AGAINST[tool] in tools for tool in tools
               if tool in AGAINST)


def decided(result):
    """(row, its least ratio) of those that were measured beside what they are compared with."""
    return [(row, GOALS[row["name"]]) for row in result
            if row["name"] in GOALS and row["ratio"] is not None]


def goal_reached(result):
    goals = decided(result)
    return bool(goals) and all(row["ratio"] >= goal for row, goal in goals)
