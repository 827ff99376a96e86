"""The benchmark's arithmetic: ratios, goals, the search for a rate, what is read from /proc and from ping."""
import pytest

from bench import __main__ as bench
from bench import goals, metrics, processes, report, tools, udp

PEERS = {"openvpn": 0.8, "wireguard_go": 0.4, "tinc": 0.3, "fastd": 0.35, "nebula": 0.5}


def values(figure, **tool_values):
    return {f"{figure}.{tool}": [value] for tool, value in tool_values.items()}


def row_of(result, name):
    return next(row for row in result if row["name"] == name)


def verdicts(found, name):
    """{(bound, what it is compared with): reached}"""
    return {(verdict.get("least", verdict.get("most")), verdict["against"]): verdict["reached"]
            for verdict in row_of(report.rows(found), name).get("goals", [])}


# ---- ratios ----

def test_a_row_has_the_median_of_its_turns_and_the_ratio_of_medians():
    row = report.rows({"tcp1_gbps.vxlan": [10, 8, 9], "tcp1_gbps.vrd_plain": [3, 9, 6.3]})[1]
    assert (row["value"], row["min"], row["max"], row["repeats"]) == (6.3, 3, 9, 3)
    assert row["against"] == "tcp1_gbps.vxlan" and row["ratio"] == 0.7


def test_sealed_is_compared_with_vxlan_or_else_with_openvpn():
    both = report.rows(values("tcp1_gbps", vxlan=10, openvpn=0.8, vrd_sealed=4))
    assert row_of(both, "tcp1_gbps.vrd_sealed")["against"] == "tcp1_gbps.vxlan"
    one = report.rows(values("tcp1_gbps", openvpn=0.8, vrd_sealed=4))
    assert row_of(one, "tcp1_gbps.vrd_sealed")["against"] == "tcp1_gbps.openvpn"
    none = report.rows(values("tcp1_gbps", vrd_sealed=4))
    assert none[0]["against"] is None and none[0]["ratio"] is None


@pytest.mark.parametrize("figure,best", [("tcp1_gbps", "openvpn"), ("rtt_us", "tinc"), ("rss_mb", "tinc")])
def test_the_best_peer_has_the_most_or_the_least(figure, best):
    row = row_of(report.rows(values(figure, **PEERS, vrd_sealed=4)), f"{figure}.vrd_sealed")
    assert row["best_peer"] == f"{figure}.{best}"
    assert row["best_peer_ratio"] == round(4 / PEERS[best], 3)


def test_there_is_no_best_peer_unless_all_were_measured():
    found = values("tcp1_gbps", **PEERS, vrd_sealed=3.5)
    assert verdicts(found, "tcp1_gbps.vrd_sealed") == {
        (4, "tcp1_gbps.openvpn"): True, (5, "tcp1_gbps.openvpn"): False}
    del found["tcp1_gbps.fastd"]
    assert verdicts(found, "tcp1_gbps.vrd_sealed") == {(4, "tcp1_gbps.openvpn"): True}
    assert "best_peer" not in row_of(report.rows(found), "tcp1_gbps.vrd_sealed")


def test_what_the_kernel_does_has_no_memory_of_its_own_and_no_ratio():
    row = row_of(report.rows(values("rss_mb", routing=0, openvpn=20)), "rss_mb.openvpn")
    assert row["against"] is None and row["ratio"] is None


# ---- goals ----

@pytest.mark.parametrize("tool,least", [("vrd_plain", 0.7), ("vrd_sealed", 0.4)])
def test_one_flow_has_its_part_of_vxlan(tool, least):
    for value, reached in ((least * 10.1, True), (least * 9.9, False)):
        found = verdicts(values("tcp1_gbps", vxlan=10, **{tool: value}), f"tcp1_gbps.{tool}")
        assert found == {(least, "tcp1_gbps.vxlan"): reached}


@pytest.mark.parametrize("value,reached", [(1.7, True), (1.5, False)])
def test_small_datagrams_are_twice_the_best_peers(value, reached):
    assert verdicts(values("udp64_kpps", **PEERS, vrd_sealed=value), "udp64_kpps.vrd_sealed") == {
        (2, "udp64_kpps.openvpn"): reached}


@pytest.mark.parametrize("sealed,best,bound", [(26, True, True), (28, True, False), (60, False, False)])
def test_what_is_added_to_the_round_trip_is_little_and_less_than_any_peers(sealed, best, bound):
    found = values("rtt_us", routing=7, openvpn=82, wireguard_go=300, tinc=68, fastd=29, nebula=310,
                   vrd_sealed=sealed)
    assert verdicts(found, "rtt_added_us.vrd_sealed") == {
        (1, "rtt_added_us.fastd"): best if sealed < 29 else False, (20, None): bound}


def test_what_is_added_is_taken_turn_by_turn():
    found = report.with_added({"rtt_us.routing": [5, 50, 6], "rtt_us.vrd_sealed": [15, 62, 16]})
    assert found["rtt_added_us.vrd_sealed"] == [10, 12, 10] and "rtt_added_us.routing" not in found


def test_each_goal_is_a_line_that_says_whether_it_is_reached(capsys):
    report.show(report.rows({**values("tcp1_gbps", vxlan=10, vrd_plain=6), **values("rtt_us", routing=5, vrd_sealed=9)}))
    said = capsys.readouterr().out
    assert "goal: tcp1_gbps.vrd_plain at least 0.7 x tcp1_gbps.vxlan: missed (0.60)" in said
    assert "goal: rtt_added_us.vrd_sealed at most 20 us: reached (4.00)" in said


def test_one_missed_goal_is_enough():
    good = values("tcp1_gbps", openvpn=0.8, vrd_sealed=4)
    assert report.goal_reached(report.rows(good))
    assert not report.goal_reached(report.rows({**good, **values("tcp1_gbps", vxlan=11)}))
    assert not report.goal_reached(report.rows(values("tcp1_gbps", openvpn=0.8)))


def test_every_goal_is_about_something_that_is_measured():
    rows = {f"{figure}.{tool.name}" for tool in tools.TOOLS for figure in tool.figures}
    for goal in goals.GOALS:
        figure, tool = goal.row.split(".")
        assert figure in report.UNITS
        assert goal.row in rows or figure in ("rtt_added_us", "stress_move_added_ms") or tool.endswith(("1k", "1m"))
    assert {tool.name for tool in tools.TOOLS} >= set(goals.PEERS)


def test_a_run_that_decides_nothing_is_refused(capsys):
    for words in (["--tools", "vrd_plain,vxlan", "--metrics", "rss_mb"], ["--metrics", "speed"]):
        with pytest.raises(SystemExit) as end:
            bench.parse(words)
        assert end.value.code == 2
    assert "no such metric: speed" in capsys.readouterr().err


# ---- the metrics ----

def test_figures_of_one_measurement_are_measured_once():
    assert metrics.measurements(["rtt_p99_us", "rtt_us", "machine_s_per_gb"]) == [metrics.rtt, metrics.tcp1]


def test_only_the_figures_that_were_asked_for_become_rows():
    options = bench.parse(["--tools", "openvpn,vrd_sealed,vrd_tcp", "--metrics", "tcp1_gbps"])
    assert bench.planned(options) == ["tcp1_gbps.vrd_sealed", "tcp1_gbps.openvpn", "tcp1_gbps.vrd_tcp"]


class Line:
    """Takes so many datagrams a second and no more; its sender does not send more than 'most'."""

    def __init__(self, takes, most, bad=()):
        self.takes, self.most, self.bad, self.rates = takes, most, set(bad), []

    def trial(self, rate):
        self.rates.append(rate)
        sent = min(rate or self.most, self.most)
        if len(self.rates) in self.bad:
            return sent, sent * 0.5
        return sent, min(sent, self.takes)


@pytest.mark.parametrize("takes", [20_000, 100_000, 170_000, 290_000])
def test_the_search_comes_near_what_a_line_takes(takes):
    line = Line(takes, 300_000)
    found, most = udp.highest(line.trial, steps=8)
    assert takes * 0.95 < found <= takes and most == 300_000


def test_a_line_that_takes_all_is_asked_once():
    line = Line(400_000, 300_000)
    assert udp.highest(line.trial) == (300_000, 300_000) and line.rates == [0]


def test_a_line_that_collapses_when_it_gets_too_much_is_found_from_below():
    def trial(rate):
        sent = min(rate or 300_000, 300_000)
        return sent, sent if sent <= 100_000 else 8_000
    found, _ = udp.highest(trial, steps=8)
    assert 90_000 < found <= 100_000


def test_one_bad_moment_does_not_end_the_search():
    found, _ = udp.highest(Line(100_000, 300_000, bad=[2]).trial, steps=8)
    assert found == 100_000


def test_where_nothing_passes_there_is_no_rate():
    assert udp.highest(lambda rate: (rate or 300_000, 0))[0] == 0


def test_a_loss_of_one_in_a_hundred_is_too_much():
    assert udp.highest(lambda rate: (rate or 1000, (rate or 1000) * 0.99), steps=1, tries=1)[0] == 0


def test_percentiles_are_values_that_were_measured():
    assert [udp.percentile(range(1, 101), percent) for percent in (50, 99, 100)] == [50, 99, 100]
    assert udp.percentile([7], 50) == udp.percentile([7], 99) == 7
    assert udp.percentile([3, 1, 2], 50) == 2


def test_round_trips_are_read_from_ping():
    said = "64 bytes from 10.2.0.10: icmp_seq=1 ttl=62 time=0.043 ms\n" \
        "64 bytes from 10.2.0.10: icmp_seq=2 ttl=62 time=12 ms\n\n2 packets transmitted, 2 received, time 1ms\n"
    assert udp.round_trips_us(said) == pytest.approx([43, 12000])


def test_processor_time_is_read_whatever_a_process_is_called(monkeypatch):
    monkeypatch.setattr(processes, "TICKS", 100)
    assert processes.seconds_of("7 (a (b) 9 9) S 1 7 7 0 -1 4 0 0 0 0 150 50 3 3 20 0 1 0") == 2
    assert processes.busy_seconds("cpu  100 20 30 9000 8000 4 6 70 0 0\ncpu0 1 1\n") == 1.6
