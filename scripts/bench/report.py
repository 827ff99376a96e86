"""Medians, ratios, the file and the table."""

import json
import os
import statistics

from . import goals

UNITS = {"tcp1_gbps": "Gb/s", "tcp1_rev_gbps": "Gb/s", "tcp4_gbps": "Gb/s", "udp64_kpps": "1000/s",
         # What the sender sends without a limit: where udp64_kpps is near it, the sender limits.
         "udp64_sender_kpps": "1000/s",
         "rtt_us": "us", "rtt_p99_us": "us", "rtt_added_us": "us",
         # Of the tunnel's processes, or of the machine where the kernel is the tunnel.
         "cpu_s_per_gb": "s/GB",
         # Of the whole machine: the generators, and whatever else it does.
         "machine_s_per_gb": "s/GB", "rss_mb": "MB",
         "aead64_per_s": "1/s", "aead1400_per_s": "1/s",
         "udp_echo_per_s": "1/s", "map_server_requests_per_s": "1/s",
         "map_server_registers_per_s": "1/s", "map_server_bytes_per_eid": "B",
         "gndt_lookups_per_s": "1/s", "gndt_single_lookups_per_s": "1/s", "line_reads_per_s": "1/s",
         "gndt_updates_per_s": "1/s", "gndt_bytes_per_prefix": "B", "route_bytes": "B",
         "growth_tcp1_gbps": "Gb/s", "growth_udp64_kpps": "1000/s",
         "growth_rtt_us": "us", "growth_rtt_p99_us": "us",
         # Processor time of both routers.
         "growth_us_per_datagram": "us",
         "growth_bytes_per_entry": "B", "growth_bytes_per_peer": "B", "growth_bytes_per_flow": "B",
         "growth_service_s": "s",
         "stress_offered_kpps": "1000/s", "stress_arrived_kpps": "1000/s",
         "stress_dropped_port_kpps": "1000/s", "stress_dropped_tunnel_kpps": "1000/s",
         "stress_move_ms": "ms", "stress_move_added_ms": "ms", "stress_delivery_ms": "ms",
         "stress_control_rtt_us": "us",
         # What a process had of its core: near 1, it is this that limits what is answered.
         "udp_echo_cpu": "core", "map_server_requests_cpu": "core", "map_server_registers_cpu": "core"}
LIMIT = "routing"


def with_added(values):
    """The same, and what each tool adds to the round trip of the limit, turn by turn."""
    limit = values.get(f"rtt_us.{LIMIT}")
    result = dict(values)
    for name, found in values.items():
        figure, tool = name.split(".", 1)
        if limit and figure == "rtt_us" and tool != LIMIT:
            result[f"rtt_added_us.{tool}"] = [value - least for value, least in zip(found, limit)]
    return result


def rows(values):
    """One row per figure: the median, and its ratio to what it is compared with in this run."""
    values = with_added(values)
    medians = {name: statistics.median(found) for name, found in values.items()}
    verdicts = goals.judged(medians)
    result = []
    for name, found in values.items():
        figure, tool = name.split(".", 1)
        against = goals.against(name, medians)
        peer = goals.best_peer(figure, medians) if tool in goals.AGAINST_PEERS else None
        result.append({
            "name": name,
            "value": round(medians[name], 3),
            "unit": UNITS[figure],
            "against": against,
            "ratio": round(medians[name] / medians[against], 3) if against else None,
            "min": round(min(found), 3),
            "max": round(max(found), 3),
            "repeats": len(found),
        })
        if peer and medians[peer]:
            result[-1].update(best_peer=peer, best_peer_ratio=round(medians[name] / medians[peer], 3))
        if name in verdicts:
            result[-1]["goals"] = verdicts[name]
    return result


def write(result, output):
    os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
    with open(output, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=2)
        file.write("\n")


def figure_of(row):
    return row["name"].split(".", 1)[0]


def show(result):
    print(f"{'figure':<42}{'median':>16}{'min':>16}{'max':>16}  unit   compared with")
    # What belongs together stands together, in the order in which it was measured first.
    order = list(dict.fromkeys(map(figure_of, result)))
    for row in sorted(result, key=lambda row: order.index(figure_of(row))):
        compared = [f"{row['ratio']:.2f} x {row['against']}"] if row["against"] else []
        if "best_peer" in row:
            compared.append(f"{row['best_peer_ratio']:.2f} x {row['best_peer']}")
        print(f"{row['name']:<42}{row['value']:>16.3f}{row['min']:>16.3f}{row['max']:>16.3f}"
              f"  {row['unit']:<6} {', '.join(compared)}".rstrip())
    for row in result:
        for verdict in row.get("goals", []):
            print(goal_text(row, verdict))


def goal_text(row, verdict):
    """One goal as a line."""
    way = "least" if "least" in verdict else "most"
    bound = f"at {way} {verdict[way]} " + \
        (f"x {verdict['against']}" if verdict["against"] else row["unit"])
    found = verdict["ratio"] if verdict["ratio"] is not None else row["value"]
    return f"goal: {row['name']} {bound}: {'reached' if verdict['reached'] else 'missed'} ({found:.2f})"


def goal_reached(result):
    verdicts = [verdict for row in result for verdict in row.get("goals", [])]
    return bool(verdicts) and all(verdict["reached"] for verdict in verdicts)
