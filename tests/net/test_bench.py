"""The benchmark: its goals decide its exit status, and what breaks leaves no figures."""
import json
import subprocess

import pytest
from bench import __main__ as bench
from lab import netns


@pytest.mark.parametrize("words,vrd,status", [
    ([], 3.3, 0), ([], 3.1, 1), (["--measure-only"], 3.1, 0)])
def test_the_goal_of_the_benchmark_decides_its_status(monkeypatch, tmp_path, words, vrd, status):
    file = tmp_path / "bench.json"
    monkeypatch.setattr(bench, "measure", lambda _: {
        "tcp1_gbps.openvpn": [0.8], "tcp1_gbps.vrd_sealed": [vrd]})
    assert bench.main(["--output", str(file), *words]) == status
    assert [row["ratio"] for row in json.loads(file.read_text())][1] == pytest.approx(vrd / 0.8, 0.01)


@pytest.mark.parametrize("tool,other,least", [("vrd_relayed", "vrd_sealed", 0.8), ("vrd_tcp", "tinc_tcp", 2)])
def test_each_way_between_two_routers_has_a_goal_of_its_own(monkeypatch, tmp_path, tool, other, least):
    for value, status in ((least * 1.01, 0), (least * 0.99, 1)):
        monkeypatch.setattr(bench, "measure", lambda _, found=value: {
            f"tcp1_gbps.{other}": [1.0], f"tcp1_gbps.{tool}": [found]})
        assert bench.main(["--output", str(tmp_path / "bench.json"), "--tools", f"{tool},{other}"]) == status


def test_a_benchmark_without_what_it_compares_only_measures(monkeypatch, tmp_path):
    file = str(tmp_path / "bench.json")
    with pytest.raises(SystemExit) as end:
        bench.main(["--output", file, "--tools", "vrd_sealed"])
    assert end.value.code == 2
    monkeypatch.setattr(bench, "measure", lambda _: {"tcp1_gbps.vrd_sealed": [3.0]})
    assert bench.main(["--output", file, "--tools", "vrd_sealed", "--measure-only"]) == 0


@pytest.mark.parametrize("failure", [FileNotFoundError("openvpn"), netns.LabError("not joined"),
                                     subprocess.TimeoutExpired("iperf3", 5)])
def test_a_benchmark_that_breaks_leaves_no_old_figures(monkeypatch, tmp_path, failure):
    def broken(_):
        raise failure
    file = tmp_path / "bench.json"
    file.write_text("[]")
    monkeypatch.setattr(bench, "measure", broken)
    assert bench.main(["--output", str(file)]) == 3
    assert not file.exists()
