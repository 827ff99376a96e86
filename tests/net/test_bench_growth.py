"""Growth and stress: their arithmetic, and each of them with small numbers."""
import ipaddress
from types import SimpleNamespace

import pytest
from bench import __main__ as bench
from bench import goals, growth, report, stress


@pytest.mark.parametrize("entries", [3, 4, 10, 1000, 100000])
def test_entries_lie_beside_each_other_and_hold_what_is_sent_to(entries):
    table = growth.Table(entries)
    networks = [ipaddress.ip_network(prefix) for prefix in table.prefixes()]
    assert len(networks) == entries - 2
    inside = ipaddress.ip_network(f"{growth.SPREAD}/{growth.SPREAD_LENGTH}")
    assert all(network.subnet_of(inside) for network in (networks[0], networks[-1]))
    assert all(int(one.broadcast_address) + 1 == int(other.network_address)
               for one, other in zip(networks, networks[1:]))
    assert ipaddress.ip_address(table.last()) in networks[-1]
    flows = growth.SPREAD_FLOWS
    last = int(ipaddress.ip_address(table.first())) + (flows - 1) * table.stride(flows)
    assert last <= int(networks[-1].broadcast_address)
    # So evenly that those at the end are reached.
    assert last > int(networks[-1].broadcast_address) - 2 * table.stride(flows) - flows


def test_a_million_entries_fit():
    table = growth.Table(growth.ENTRIES_MAX)
    assert table.length <= 32 and table.count * table.each <= 1 << (32 - growth.SPREAD_LENGTH)


@pytest.mark.parametrize("words", [["--entries", "0"], ["--peers", "1,x"], ["--flows", "70000"], ["--eids", ""]])
def test_numbers_beyond_what_there_is_are_refused(words, capsys):
    with pytest.raises(SystemExit) as end:
        bench.parse(["--measure-only", *words])
    assert end.value.code == 2 and f"{words[0]}: numbers from 1 to" in capsys.readouterr().err


@pytest.mark.parametrize("many,reached", [(9.6, True), (9.4, False)])
def test_a_million_entries_may_cost_a_twentieth(many, reached):
    rows = report.rows({"growth_tcp1_gbps.entries_10": [10], "growth_tcp1_gbps.entries_1m": [many]})
    assert rows[1]["against"] == "growth_tcp1_gbps.entries_10"
    assert [verdict["reached"] for verdict in rows[1]["goals"]] == [reached]


@pytest.mark.parametrize("added,reached", [(4.9, True), (5.1, False)])
def test_a_move_under_load_may_take_5_ms_more(added, reached):
    rows = report.rows({"stress_move_added_ms.loaded": [added]})
    assert [verdict["reached"] for verdict in rows[0]["goals"]] == [reached]


def test_every_case_is_compared_with_the_least():
    medians = {f"growth_rtt_us.{case}": 1.0 for case in ("peers_1", "peers_1k", "flows_1", "flows_10k")}
    assert goals.against("growth_rtt_us.peers_1k", medians) == "growth_rtt_us.peers_1"
    assert goals.against("growth_rtt_us.flows_10k", medians) == "growth_rtt_us.flows_1"


def test_growth_has_its_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    from bench import growth_plots
    assert [growth_plots.number(label) for label in ("1", "10k", "1m")] == [1, 10000, 1000000]
    rows = report.rows({f"{figure}.{case}": [3.0, 4.0, 5.0] for figure in ("growth_tcp1_gbps", "growth_rtt_us")
                        for case in ("entries_10", "entries_1m", "peers_1", "peers_1k")})
    files = growth_plots.draw(rows, str(tmp_path))
    assert len(files) == 2
    for file in files:
        with open(file, encoding="utf-8") as svg:
            assert "</svg>" in svg.read()
    assert growth_plots.draw(report.rows({"gndt_updates_per_s.v4_bgp_1m": [1.0]}), str(tmp_path)) == []


def test_growth_with_small_numbers(monkeypatch):
    monkeypatch.setattr(growth, "WEIGHED", 1)
    monkeypatch.setattr(growth, "SPREAD_FLOWS", 64)
    monkeypatch.setattr(growth.udp, "PINGS", 50)
    values = growth.measure(SimpleNamespace(entries=[10, 300], peers=[1, 4], flows=[1, 50], repeats=1, seconds=1))
    names = {f"growth_{figure}.{case}" for figure, cases in {
        "tcp1_gbps": ("entries_10", "entries_300", "peers_1", "peers_4"),
        "udp64_kpps": ("entries_10", "entries_300", "peers_1", "peers_4", "flows_1", "flows_50"),
        "rtt_us": ("entries_10", "entries_300", "peers_1", "peers_4", "flows_1", "flows_50"),
        "us_per_datagram": ("entries_10", "entries_300"), "service_s": ("entries_10", "entries_300"),
        "bytes_per_entry": ("entries_300",), "bytes_per_peer": ("peers_4",), "bytes_per_flow": ("flows_50",),
    }.items() for case in cases}
    assert names <= set(values)
    assert all(value > 0 for name in names for value in values[name] if "bytes" not in name)
    report.rows(values)


def test_control_is_unharmed_by_what_is_too_much(monkeypatch):
    """Before it had a socket of its own a move waited for hundreds of milliseconds; a busy machine gets some more than the 5."""
    monkeypatch.setattr(stress, "MOVES", 3)
    values = stress.measure(1)
    assert sum(values[f"stress_dropped_{where}_kpps.loaded"][0] for where in ("port", "tunnel")) > 0
    assert values["stress_move_added_ms.loaded"][0] < 100
    report.rows(values)
