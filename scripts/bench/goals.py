"""What a figure is compared with, and what it has to reach."""

from collections import namedtuple

# Packaged by Debian, and in processes of their own, as vrd is.
PEERS = ("openvpn", "wireguard_go", "tinc", "fastd", "nebula")
BEST_PEER = "the best of " + ", ".join(PEERS)
# Tool -> the tools it is compared with: the first of them that was measured.
AGAINST = {"vxlan": ("routing",), "vrd_plain": ("vxlan",), "vrd_sealed": ("vxlan", "openvpn"),
           **{peer: ("routing",) for peer in PEERS},
           "vrd_interface": ("vrd_sealed",), "vrd_relayed": ("vrd_sealed",),
           "tinc_tcp": ("routing",), "vrd_tcp": ("tinc_tcp",), "ipsec_mb": ("openssl",),
           **{f"vrd_workers{count}": ("vrd_workers0",) for count in (1, 2, 4)},
           **{f"{kind}_{label}": (f"{kind}_{least}",) for kind, least, labels in (
               ("entries", "10", ("1k", "100k", "1m")), ("peers", "1", ("10", "100", "1k")),
               ("flows", "1", ("100", "10k"))) for label in labels},
           "loaded": ("unloaded",)}
# Tools that are compared with the best of the peers, too.
AGAINST_PEERS = ("vrd_plain", "vrd_sealed")
# Figure -> the figure of the same case that it is compared with.
AGAINST_FIGURE = {"map_server_requests_per_s": "udp_echo_per_s",
                  "map_server_registers_per_s": "udp_echo_per_s",
                  "gndt_lookups_per_s": "line_reads_per_s",
                  "gndt_single_lookups_per_s": "line_reads_per_s",
                  "gndt_updates_per_s": "line_reads_per_s",
                  "gndt_bytes_per_prefix": "route_bytes"}
# The best of these is the least.
LESS_IS_BETTER = ("rtt_us", "rtt_p99_us", "rtt_added_us", "cpu_s_per_gb", "machine_s_per_gb", "rss_mb")

# The row is at least, or at most, so many times another row; without another one, so much.  'other' is a
# row or BEST_PEER.
Goal = namedtuple("Goal", "row other least most", defaults=(None, None, None))

GOALS = (
    Goal("tcp1_gbps.vrd_sealed", "tcp1_gbps.openvpn", least=4),
    Goal("tcp1_gbps.vrd_sealed", "tcp1_gbps.vxlan", least=0.4),
    Goal("tcp1_gbps.vrd_sealed", BEST_PEER, least=5),
    Goal("tcp1_gbps.vrd_plain", "tcp1_gbps.vxlan", least=0.7),
    Goal("tcp1_gbps.vrd_relayed", "tcp1_gbps.vrd_sealed", least=0.8),
    Goal("tcp1_gbps.vrd_tcp", "tcp1_gbps.tinc_tcp", least=2),
    Goal("udp64_kpps.vrd_sealed", BEST_PEER, least=2),
    Goal("rtt_added_us.vrd_plain", BEST_PEER, most=1),
    Goal("rtt_added_us.vrd_plain", most=20),
    Goal("rtt_added_us.vrd_sealed", BEST_PEER, most=1),
    Goal("rtt_added_us.vrd_sealed", most=20),
    *(Goal(f"{figure}.{case}", f"udp_echo_per_s.{case}", least=least) for case in ("1k", "1m")
      for figure, least in (("map_server_requests_per_s", 0.5), ("map_server_registers_per_s", 0.25))),
    *(Goal(f"{figure}.entries_1m", f"{figure}.entries_10", least=0.95)
      for figure in ("growth_tcp1_gbps", "growth_udp64_kpps")),
    Goal("stress_move_added_ms.loaded", most=5),
    # Of as many random cache lines a second as the machine reads at all.
    *(Goal(f"gndt_lookups_per_s.{case}", f"line_reads_per_s.{case}", least=least) for case, least in (
        ("v4_bgp_1m", 0.15), ("v4_uniform_1m", 0.1), ("v4_hosts_1m", 0.1), ("v6_bgp_1m", 0.08))),
)


def against(name, medians):
    """The row that a row is compared with; None when it was not measured."""
    figure, tool = name.split(".", 1)
    others = [f"{figure}.{other}" for other in AGAINST.get(tool, ())]
    if figure in AGAINST_FIGURE:
        others.append(f"{AGAINST_FIGURE[figure]}.{tool}")
    return next((other for other in others if medians.get(other)), None)


def best_peer(figure, medians):
    """The row of the best of the peers; None unless all of them were measured."""
    names = [f"{figure}.{peer}" for peer in PEERS]
    if not all(name in medians for name in names):
        return None
    return (min if figure in LESS_IS_BETTER else max)(names, key=medians.get)


def judge(goal, medians):
    """{"against", "ratio", "least" or "most", "reached"}; None when something was not measured."""
    if goal.row not in medians:
        return None
    value, other, base = medians[goal.row], None, 1
    if goal.other:
        other = best_peer(goal.row.split(".")[0], medians) if goal.other == BEST_PEER else goal.other
        if other not in medians:
            return None
        base = medians[other]
    verdict = {"against": other, "ratio": round(value / base, 3) if other and base else None}
    if goal.least is not None:
        return {**verdict, "least": goal.least, "reached": value >= goal.least * base}
    return {**verdict, "most": goal.most, "reached": value <= goal.most * base}


def judged(medians):
    """{row: [verdict, ...]} of the goals that these figures decide."""
    result = {}
    for goal in GOALS:
        verdict = judge(goal, medians)
        if verdict:
            result.setdefault(goal.row, []).append(verdict)
    return result


def decides(rows):
    """Would a run that measures these rows decide anything?"""
    return bool(judged({name: 1.0 for name in rows}))
