"""The lab is trusted with the verdict, so it is tested itself: it must see what is wrong."""
import copy
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from bench import __main__ as bench
from lab import demo, frames, netns, probes, records, sealed, tools, verdict
from lab.capture import Capture, Reader, collect, packed
from lab.flows import Flow, FlowFigures, account
from lab.layout import HOSTS, STRETCHED, UNDERLAY
from lab.measure import PING_FLOW, UDP_FLOWS, Observer
from lab.netns import Lab, run, wait_for
from lab.underlay import Underlay

CLIENT = UDP_FLOWS["client"]
SENDER = {**{flow: name for name, flow in UDP_FLOWS.items()}, PING_FLOW: "client"}


def request(number, at, flow=CLIENT, outbound=True):
    return SimpleNamespace(number=number, time=at, flow=flow, outbound=outbound, is_request=True)


def observer_of(hosts=tuple(UDP_FLOWS)):
    """An observer of sites a, b and c, without captures."""
    observer = object.__new__(Observer)
    observer.flows, observer.delay, observer.begin = {}, 0, None
    space = {name: SimpleNamespace(name=name) for name in "abc"}
    observer.captures = [SimpleNamespace(space=space[name]) for name in "abc"]
    observer.world = SimpleNamespace(layout=STRETCHED, sites={
        name: SimpleNamespace(space=space[name], tap="vm0") for name in "abc"})
    observer.lan_ports = {name: "lan" for name in "abc"}
    observer.host_ports = {name: (space[HOSTS[name]], f"to-{name}") for name in hosts}
    return observer


def figures(old, new, stopped, sent=None, routers=(), flow=CLIENT, asked=9.0):
    """What an observer makes of the client's requests, given as (number, time): those seen on the taps of the old site A and
    the new site B, those that left their host, all of them unless told, 'routers': (site, number, time) that came from a
    router. Every host sends on until 9 s."""
    if sent is None:
        numbers = sorted({n for n, _ in old + new})
        sent = [(n, 0.01 * n) for n in range(numbers[0], numbers[-1] + 1)]
    found = {("a", "vm0"): [request(n, t, flow) for n, t in old],
             ("b", "vm0"): [request(n, t, flow) for n, t in new]}
    for site, number, time_ in routers:
        found.setdefault((site, "lan"), []).append(request(number, time_, flow, outbound=False))
    for name, site in HOSTS.items():
        # The first and the last frames of a host say when its capture began and ended.
        mine = sent if name == SENDER[flow] else []
        port = [request(0, 0.0, 900), *[request(n, t, flow, False) for n, t in mine],
                request(1, 9.0, 900)]
        found[(site, f"to-{name}")] = port
    found = {port: list_ for port, list_ in found.items() if list_}
    seen, _ = observer_of()._flow_figures(found, "a", stopped, asked)
    return seen[flow]


def test_a_clean_move_has_clean_figures():
    seen = figures([(1, 0.1), (2, 0.2)], [(3, 0.3), (4, 0.4)], stopped=0.25)
    assert (seen.lost, seen.duplicated, seen.reordered, seen.to_two_sites) == (0, 0, 0, 0)
    assert seen.counted == 4


def test_a_request_to_the_dead_tap_is_lost():
    seen = figures([(1, 0.1), (2, 0.2)], [(4, 0.4)], stopped=0.15)
    assert (seen.lost, seen.to_two_sites) == (2, 0)


@pytest.mark.parametrize("flow", [*UDP_FLOWS.values(), PING_FLOW])
def test_a_flow_that_never_arrives_again_is_lost(flow):
    sent = [(n, 0.01 * n) for n in range(1, 101)]
    seen = figures([(1, 0.01), (2, 0.02)], [], stopped=0.025, sent=sent, flow=flow)
    assert (seen.lost, seen.counted) == (98, 100)


def test_a_flow_that_never_arrives_at_all_is_lost():
    seen = figures([], [], stopped=0.025, sent=[(n, 0.01 * n) for n in range(1, 101)])
    assert (seen.lost, seen.counted) == (100, 100)


def test_what_is_still_on_its_way_is_not_lost():
    sent = [(1, 0.1), (2, 0.2), (3, 8.99)]
    seen = figures([(1, 0.1)], [(2, 0.2)], stopped=0.15, sent=sent)
    assert (seen.lost, seen.counted) == (0, 2)


def test_what_was_sent_before_every_capture_ran_does_not_count():
    observer = observer_of()
    found = {("a", "vm0"): [request(2, 0.3)], ("a", "to-native_a"): [request(0, 0.25, 900)],
             ("b", "to-native_b"): [request(0, 0.0, 900)],
             ("c", "to-client"): [request(1, 0.1, outbound=False), request(2, 0.3, outbound=False),
                                  request(3, 0.4, 900)]}
    for port in list(found)[1:]:
        found[port].append(request(1, 9.0, 900))
    seen, window = observer._flow_figures(found, "a", 5.0, 9.0)
    assert (seen[CLIENT].lost, seen[CLIENT].counted) == (0, 1)
    assert window == pytest.approx(9.0 - 0.25 - 0.05)


def test_a_request_to_both_taps_is_seen_even_if_only_one_counts():
    assert figures([(1, 0.1), (2, 0.2)], [(2, 0.3), (3, 0.4)], stopped=0.15).to_two_sites == 1
    both = figures([(1, 0.1), (2, 0.14)], [(2, 0.3), (3, 0.4)], stopped=0.15)
    assert (both.to_two_sites, both.duplicated, both.lost) == (1, 1, 0)


@pytest.mark.parametrize("site", ["a", "c"])
def test_a_request_that_a_router_puts_on_another_lan_is_seen_at_two_sites(site):
    there = [("b", 3, 0.29), (site, 3, 0.31)]
    seen = figures([(1, 0.1), (2, 0.2)], [(3, 0.3), (4, 0.4)], stopped=0.25, routers=there)
    assert (seen.to_two_sites, seen.lost, seen.duplicated) == (1, 0, 0)
    one = figures([(1, 0.1), (2, 0.2)], [(3, 0.3), (4, 0.4)], stopped=0.25, routers=there[:1])
    assert one.to_two_sites == 0


def test_also_a_request_too_young_to_be_counted_is_seen_at_two_sites():
    sent = [(1, 0.1), (2, 8.99)]
    seen = figures([(1, 0.1)], [(2, 8.992)], stopped=0.25, sent=sent, routers=[("a", 2, 8.991)])
    assert (seen.to_two_sites, seen.counted) == (1, 1)


def test_late_requests_are_reordered_for_as_long_as_they_come():
    seen = figures([(1, 0.100)], [(5, 0.200), (2, 0.201), (6, 0.202), (3, 0.210), (4, 0.211)],
                   stopped=0.15)
    assert (seen.reordered, seen.reorder_episodes, seen.lost) == (3, 1, 0)
    assert seen.reordered_ms == pytest.approx(11, abs=0.01)
    assert seen.reordered_in_path == 0


def test_late_requests_that_overtake_each_other_are_out_of_order_in_their_path():
    seen = figures([(1, 0.100)], [(5, 0.200), (3, 0.201), (6, 0.202), (2, 0.210), (4, 0.211)],
                   stopped=0.15)
    assert (seen.reordered, seen.reordered_in_path) == (3, 1)


def test_a_request_counts_once_over_two_moves():
    flow, mine = Flow(), FlowFigures()
    flow.sent = {1: 0.1, 2: 0.2, 3: 0.3}
    flow.copies = {1: 1, 2: 1, 3: 1}
    account(flow, mine, 0, 0.25)
    assert (mine.counted, mine.lost, flow.settled) == (2, 0, 2)
    later = FlowFigures()
    flow.sent.update({4: 0.4, 5: 0.5})
    flow.copies.update({2: 1, 5: 1})
    account(flow, later, 0.25, 9.0)
    assert (later.counted, later.lost, later.duplicated) == (3, 1, 1)


RECORD = 401


def sealed_run(requests=400, extra=(), without=(), merged=(), busy=(), backlog=0):
    """Requests 1 ms apart and their records. 'extra': another record goes to a second site; 'without': no record;
    'merged': the record shares a datagram with one of an acknowledgement; 'busy': the router comes to it 4 ms late;
    'backlog': records of older requests first."""
    times = [0.001 * n for n in range(requests)]
    packets, counters = [], {b"b": 0, b"a": 0}

    def send(at, size, to=b"b", records=1):
        payload = b"\4\1\0\0" + b"\0\0\0\7" + counters[to].to_bytes(8, "big")
        counters[to] += records
        packets.append(SimpleNamespace(time=at, ip_to=to, payload=payload, size=size + 42))
    for n in range(backlog):
        send(-0.001 + n * 1e-5, RECORD)
    for n, time_ in enumerate(times):
        at = time_ + (0.004 if n in busy else 0.0002)
        if n not in without:
            send(at, RECORD + (92 if n in merged else 0), records=1 + (n in merged))
        if n in extra:
            send(at, RECORD, to=b"a")
        if n % 10 == 0:
            send(at, 5 * 92, records=5)
    packets.sort(key=lambda packet: packet.time)
    return sealed.compare(times, packets, RECORD)


def test_one_record_for_each_request_is_all_right():
    for seen in (sealed_run(), sealed_run(merged=range(100, 200)), sealed_run(backlog=3),
                 sealed_run(busy=range(100, 120))):
        assert (seen["surplus"], seen["missing"]) == (0, 0)
        assert seen["taken"] >= 390


def test_one_record_too_many_is_seen_however_many_share_a_datagram():
    assert sealed_run(extra=[200], merged=range(0, 400, 3))["surplus"] == 1
    assert sealed_run(extra=[200, 201, 390])["surplus"] == 3
    # A record that was withheld does not make up for one too many.
    assert sealed_run(extra=[250], without=[120])["missing"] == 0
    assert sealed_run(extra=[120], without=[250])["surplus"] == 1


def test_a_request_without_a_record_is_seen():
    assert sealed_run(without=[200])["missing"] == 1
    assert sealed_run(requests=100)["taken"] == 0


MOVE = {"from": "a", "to": "b", "rarp_to_resolved_ms": 0.1, "rarp_to_all_acked_ms": 0.3,
        "rarp_to_router_delivery_ms": 0.5}
ROW = {"number": 3, "from": "a", "to": "b", "trigger": "rarp", "outcome": "done",
       "eids": ["10.0.0.5"], "heard_us": 7_000_020, "resolved_us": 8, "claimed_us": 80,
       "all_acked_us": 280, "first_frame_us": 480}


def record_of(*rows, rarp=7.0):
    return records.compare(list(rows), MOVE, "10.0.0.5", rarp)


def test_the_one_record_of_a_move_is_compared_at_every_step():
    good = record_of(("b", ROW))
    assert good["problem"] is None and good["difference_ms"] == pytest.approx(0.02)
    for key in ("claimed_us", "all_acked_us", "first_frame_us"):
        assert record_of(("b", {**ROW, key: ROW[key] + 4000}))["difference_ms"] > 3.9
        assert record_of(("b", {**ROW, key: None}))["difference_ms"] is None
    assert record_of(("b", ROW), rarp=6.99)["difference_ms"] > 9
    assert record_of(("b", ROW), rarp=None)["difference_ms"] is None


@pytest.mark.parametrize("wrong", [
    {"from": "c"}, {"to": "a"}, {"trigger": "garp"}, {"outcome": "unconfirmed"},
    {"eids": ["10.0.0.6"]}])
def test_a_record_of_something_else_is_none(wrong):
    seen = record_of(("b", {**ROW, **wrong}))
    assert seen["problem"] and seen["difference_ms"] is None


def test_there_must_be_exactly_one_record_at_the_new_site():
    assert record_of()["problem"] == "0 records"
    assert record_of(("b", ROW), ("a", ROW))["problem"] == "2 records"
    assert record_of(("a", ROW))["problem"]


def test_only_records_that_are_new_count():
    rows = {"a": [], "b": [ROW], "c": []}
    routers = {name: SimpleNamespace(show=lambda what, site=name: rows[site]) for name in rows}
    seen = records.Records(SimpleNamespace(routers=routers))
    seen.mark()
    assert seen.new() == []
    rows["b"] = [ROW, {**ROW, "number": 4}]
    assert [(site, row["number"]) for site, row in seen.new()] == [("b", 4)]


GOOD_PEER = {"host": "native_b", "lost_udp": 5, "duplicated_udp": 0, "reordered_udp": 0,
             "reordered_in_path": 0, "reordered_ms": 0, "reorder_episodes": 0, "counted_udp": 1500,
             "rarp_to_delivery_ms": 0.6, "tcp_ok": True, "via_vr_frames_after_100ms": 0,
             "via_vr_frames_after_guest_heard": 0, "shares_subnet": True}
GOOD = {"number": 1, "vm_paused_ms": 4.0, "resume_to_rarp_ms": 0.1, "rarp_to_delivery_ms": 0.5,
        "window_ms": 1500, "lost_icmp": 1, "counted_icmp": 150, "duplicated_icmp": 0,
        "to_two_sites": 0, "guest_caught_up_ms": 60,
        "sealed": {"taken": 1500, "surplus": 0, "missing": 0},
        "record": {"problem": None, "difference_ms": 0.1},
        "peers": {role: dict(GOOD_PEER) for role in ("client", "native_from", "native_to")}}
BAD = [("rarp_to_delivery_ms", 1.5), ("rarp_to_delivery_ms", None), ("to_two_sites", 1),
       ("duplicated_icmp", 1), ("record", {"problem": None, "difference_ms": None}),
       ("record", {"problem": None, "difference_ms": 1.5}),
       ("record", {"problem": "2 records", "difference_ms": 0.1}), ("lost_icmp", 2),
       ("counted_icmp", 0), ("window_ms", 0), ("sealed", {"taken": 1500, "surplus": 1, "missing": 0}),
       ("sealed", {"taken": 1500, "surplus": 0, "missing": 1}),
       ("sealed", {"taken": 0, "surplus": 0, "missing": 0})]
BAD_PEER = [("lost_udp", 7), ("duplicated_udp", 1), ("reordered_udp", 1), ("tcp_ok", False),
            ("counted_udp", 0), ("counted_udp", 1000), ("rarp_to_delivery_ms", None),
            ("reordered_in_path", 1)]
GOOD_PROBES = {name: {"received": 9000, "duplicated": 0, "reordered": 0}
               for name in ("udp client", "udp native_a", "udp native_b", "udp ping")}


def checks_of(moves, wanted=1, finished=None, final=None, delay_ms=0, loss_pct=0):
    finished = {"client": True} if finished is None else finished
    final = GOOD_PROBES if final is None else final
    return verdict.of_layout(moves, wanted, finished, final, delay_ms, loss_pct)


def holds(moves, **more):
    return all(check.holds for check in checks_of(moves, **more))


def test_good_figures_hold():
    assert holds([GOOD])


@pytest.mark.parametrize("key,value", BAD)
def test_one_bad_figure_of_a_move_breaks_the_verdict(key, value):
    assert not holds([{**GOOD, key: value}])


@pytest.mark.parametrize("role", GOOD["peers"])
@pytest.mark.parametrize("key,value", BAD_PEER)
def test_one_bad_figure_of_a_peer_breaks_the_verdict(role, key, value):
    move = copy.deepcopy(GOOD)
    move["peers"][role][key] = value
    assert not holds([move])


def with_plain_site(**more):
    """A good move that a plain LISP site has followed."""
    move = copy.deepcopy(GOOD)
    move["rarp_to_mapping_ms"] = 4.9
    move["peers"]["lisp"] = dict(GOOD_PEER, host="far")
    return {**move, **more}


def test_a_plain_site_is_judged_like_the_others_and_must_follow():
    assert holds([with_plain_site()])
    assert not holds([with_plain_site(rarp_to_mapping_ms=5.1)])
    assert not holds([with_plain_site(rarp_to_mapping_ms=None)])
    for key, value in BAD_PEER:
        move = with_plain_site()
        move["peers"]["lisp"][key] = value
        assert not holds([move]), key
    far = {"received": 9000, "duplicated": 0, "reordered": 0}
    assert holds([with_plain_site()], final={**GOOD_PROBES, "udp far": far})
    assert not holds([with_plain_site()], final={**GOOD_PROBES, "udp far": {**far, "duplicated": 1}})


def test_with_delay_a_plain_site_has_one_and_a_half_round_trips():
    slow, late = with_plain_site(rarp_to_mapping_ms=64.9), with_plain_site(rarp_to_mapping_ms=65.1)
    said = {how: [check for check in checks_of([slow, *more, slow], 3, delay_ms=20) if "LISP" in check.text][0]
            for how, more in (("each", [slow]), ("one", [late]))}
    assert said["each"].holds and not said["one"].holds


def test_the_first_packet_of_the_plain_site_to_the_new_locator_counts():
    def packet(time, to, outbound=True, protocol=17):
        return SimpleNamespace(time=time, outbound=outbound, protocol=protocol, ip_to=packed(UNDERLAY[to]))
    seen = {("d", "wan0"): [packet(0.9, "b"), packet(1.001, "a"), packet(1.002, "b", outbound=False),
                            packet(1.003, "b", protocol=6), packet(1.004, "b"), packet(1.005, "b")]}
    assert Observer._mapped(seen, "b", 1.0) == 4.0
    assert Observer._mapped({}, "b", 1.0) is None
    assert Observer._mapped(seen, "b", None) is None


def test_missing_moves_or_transfers_break_the_verdict():
    assert not holds([GOOD], wanted=2)
    assert not holds([GOOD], finished={"client": False})
    assert not holds([GOOD], finished={})
    assert not holds([])
    assert not holds([], wanted=0)


@pytest.mark.parametrize("name", GOOD_PROBES)
def test_answers_are_judged_too(name):
    def final(**wrong):
        return {**GOOD_PROBES, name: {**GOOD_PROBES[name], **wrong}}
    assert not holds([GOOD], final=final(duplicated=1))
    assert not holds([GOOD], final=final(duplicated=1), delay_ms=20)
    assert not holds([GOOD], final=final(received=0))
    assert not holds([GOOD], final=final(reordered=1))
    assert holds([GOOD], final=final(reordered=1), delay_ms=20)
    assert not holds([GOOD], final={key: GOOD_PROBES[key] for key in GOOD_PROBES if key != name})


def test_no_record_of_a_move_may_be_far_off():
    moves = [{**GOOD, "number": n} for n in range(1, 6)]
    moves[2] = {**moves[2], "record": {"problem": None, "difference_ms": 5}}
    assert holds(moves, wanted=5)
    moves[2] = {**moves[2], "record": {"problem": None, "difference_ms": 11}}
    assert not holds(moves, wanted=5)


def via_router(role="native_to", **more):
    move = copy.deepcopy(GOOD)
    move.update({key: more.pop(key) for key in list(more) if key in move})
    move["peers"][role].update(more)
    return move


def direct_said(move):
    return next(check for check in checks_of([move]) if "without the router" in check.text)


def test_the_guest_is_an_excuse_only_for_a_while_and_it_is_said():
    late = {"via_vr_frames_after_100ms": 9, "via_vr_frames_after_guest_heard": 0}
    said = direct_said(via_router(**late, guest_caught_up_ms=300))
    assert said.holds and "0 of 1" in said.detail and "300 ms in move 1" in said.detail
    assert not direct_said(via_router(**late, guest_caught_up_ms=1100)).holds
    assert not direct_said(via_router(**late, guest_caught_up_ms=None)).holds
    heard = {**late, "via_vr_frames_after_guest_heard": 1}
    assert not direct_said(via_router(**heard, guest_caught_up_ms=300)).holds
    # Only the native of the new site has to talk without the router, and only in the same subnet.
    assert direct_said(via_router("client", **heard)).holds
    assert direct_said(via_router(**heard, shares_subnet=False)).holds
    assert "1 of 1" in direct_said(GOOD).detail


def losses_said(moves, **more):
    return next(check for check in checks_of(moves, wanted=len(moves), **more)
                if "UDP frames lost" in check.text)


def test_a_wider_limit_of_loss_is_said():
    late = via_router(lost_udp=11, resume_to_rarp_ms=5.0)
    said = losses_said([late])
    assert said.holds and "in move 1 5.0 ms more" in said.detail
    assert not losses_said([via_router(lost_udp=12, resume_to_rarp_ms=5.0)]).holds
    assert "more" not in losses_said([GOOD]).detail


def test_with_loss_on_the_way_who_lost_more_is_named():
    said = losses_said([via_router(lost_udp=500)], loss_pct=1)
    assert said.holds and "move 1 native_to" in said.detail and "half" in said.text
    worse = copy.deepcopy(GOOD)
    for peer in worse["peers"].values():
        peer["lost_udp"] = 500
    assert not losses_said([worse], loss_pct=1).holds


def demo_with(monkeypatch, tmp_path, failure):
    """The demonstration while something breaks in the middle of a move. (exit status, what the file says)"""
    file = tmp_path / "demo.json"
    file.write_text('{"verdict": true}')

    def broken(*_):
        raise failure
    clouds = SimpleNamespace(start=lambda: None, routers={})
    monkeypatch.setattr(demo.guest, "make", lambda **_: None)
    monkeypatch.setattr(demo, "Clouds", lambda *_: clouds)
    for name in ("add", "add_host"):
        monkeypatch.setattr(demo.lisp, name, lambda _: None)
    monkeypatch.setattr(demo.Run, "moves", broken)
    try:
        status = demo.main(["--plain-moves", "0", "--layout", "subnets", "--output", str(file)])
    except type(failure):
        status = None
    return status, json.loads(file.read_text())


@pytest.mark.parametrize("failure", [
    ConnectionRefusedError("router"), subprocess.TimeoutExpired("qemu", 5), netns.LabError("gone"),
    json.JSONDecodeError("cut", "", 0)])
def test_a_router_that_dies_leaves_a_verdict_that_does_not_hold(monkeypatch, tmp_path, failure):
    status, said = demo_with(monkeypatch, tmp_path, failure)
    assert status == 1 and said["verdict"] is False and not said["moves"]
    assert "failed" in said["layouts"]["subnets"]


@pytest.mark.parametrize("failure", [RuntimeError("nobody thought of it"), KeyboardInterrupt()])
def test_a_run_that_is_broken_off_leaves_a_verdict_that_does_not_hold(monkeypatch, tmp_path,
                                                                     failure):
    status, said = demo_with(monkeypatch, tmp_path, failure)
    assert status is None and said["verdict"] is False


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


def test_with_delay_every_move_counts_and_one_short_disorder_is_allowed():
    slow = {**copy.deepcopy(GOOD), "rarp_to_delivery_ms": 41.9}
    assert holds([slow], delay_ms=20)
    assert not holds([slow, {**GOOD, "rarp_to_delivery_ms": 42.1}], wanted=2, delay_ms=20)
    move = copy.deepcopy(slow)
    move["peers"]["client"].update(reordered_udp=20, reordered_ms=21, reorder_episodes=1)
    assert holds([move], delay_ms=20)
    move["peers"]["client"].update(reordered_ms=23)
    assert not holds([move], delay_ms=20)


@pytest.fixture
def lab():
    with Lab("test") as made:
        yield made


def pair(lab, **wan):
    """Two namespaces on an underlay, the second with the guest's service. (underlay, one, other)"""
    underlay = Underlay(lab, **wan)
    one, other = lab.ns("one"), lab.ns("other")
    underlay.attach(one, "wan0", "192.0.2.1/24")
    underlay.attach(other, "wan0", "192.0.2.2/24")
    underlay.start()
    service = other.popen(tools.tool("guestd"), stdout=subprocess.PIPE)
    assert service.stdout.readline() == b"guestd ready\n"
    return underlay, one, other


def measured(one, other, until):
    """Milliseconds on the way of each numbered request from one to the other, sent until a condition holds."""
    epoch = time.time()
    captures = [Capture(space, ["wan0"], epoch) for space in (one, other)]
    probe = probes.stream(one, "192.0.2.2", CLIENT)
    wait_for(lambda: until(probe.mark()), 20, "the stream")
    probe.begin_finish()
    final = probe.finish()
    frames_of = collect(captures)
    sent, came = ({f.number: f.time for f in frames_of[(space.name, "wan0")] if f.is_request}
                  for space in (one, other))
    # A corrupted number may be one that was never sent.
    delays = [(came[n] - sent[n]) * 1000 for n in came if n in sent]
    for capture in captures:
        capture.stop()
    return final, delays, len(sent), len(came)


def test_the_wan_delays_exactly_and_keeps_the_order(lab):
    _, one, other = pair(lab, delay_ms=20)
    final, delays, sent, came = measured(one, other, lambda state: state["received"] > 1000)
    assert sent == came and final["reordered"] == 0 and final["duplicated"] == 0
    assert min(delays) >= 20
    assert statistics.median(delays) < 20.2


def test_the_wan_loses_what_it_should_and_can_be_cut(lab):
    underlay, one, other = pair(lab, loss_pct=5)
    _, _, sent, came = measured(one, other, lambda state: state["sent"] > 2000)
    assert 0.02 < 1 - came / sent < 0.09
    assert underlay.tell("0 1 loss_pct=100")["ok"]
    assert not underlay.tell("0 1 no_such_key=1")["ok"]
    assert "0 received" in one.run("ping", "-c", "2", "-i", "0.1", "-W", "1", "192.0.2.2",
                                   check=False)


def test_the_wan_corrupts_and_duplicates(lab):
    underlay, one, other = pair(lab, rules=["* * duplicate_pct=10"])
    final, _, _, _ = measured(one, other, lambda state: state["received"] > 500)
    assert final["duplicated"] > 0
    assert underlay.tell("* * duplicate_pct=0 corrupt_pct=20")["ok"]
    final, _, _, _ = measured(one, other, lambda state: state["sent"] > 500)
    assert final["received"] < final["sent"]
    assert underlay.tell("mark")["corrupted"] > 0


def test_a_download_is_checked_to_its_last_byte(lab):
    _, one, _ = pair(lab)
    probe = probes.download(one, "192.0.2.2", 4_000_000, 77)
    wait_for(lambda: probe.mark()["bytes"] > 1_000_000, 10, "a megabyte")
    probe.begin_finish()
    final = probe.finish()
    assert final["finished"] and final["checksum_ok"] and not final["error"]


def test_a_wrong_byte_in_a_download_is_found(lab):
    _, one, other = pair(lab)
    liar = other.popen("socat", "TCP-LISTEN:5003,reuseaddr", "SYSTEM:head -c 100000 /dev/zero")
    wait_for(lambda: ":5003" in other.run("ss", "-Hltn"), 5, "the liar")
    probe = probes.Probe(one, "tcp", "192.0.2.2", 5003, 1000, 77)
    assert probe.read(5)["connected"]
    wait_for(lambda: probe.mark()["bytes"] > 50_000, 5, "zeros")
    assert not probe.mark()["content_ok"]
    probe.begin_finish()
    assert not probe.finish()["checksum_ok"]
    lab.end(liar)


def test_a_capture_tells_directions_and_kinds(lab):
    one, other = lab.ns("one"), lab.ns("other")
    lab.link(one, "eth0", other, "eth0")
    capture = Capture(other, ["eth0"], time.time())
    wire = frames.Wire(one, "eth0")
    wire.send(frames.rarp("52:54:00:00:00:09"))
    wire.send(frames.gratuitous_arp("52:54:00:00:00:09", "10.0.0.9"))
    wire.close()
    seen = wait_for(lambda: collect([capture]).get(("other", "eth0")), 5, "frames")
    assert [(f.kind, f.outbound, f.operation) for f in seen] == [(0x8035, False, 3),
                                                               (0x0806, False, 1)]
    assert seen[1].ip_from == seen[1].ip_to == bytes([10, 0, 0, 9])
    # Others can read it too.
    assert "Reverse Request" in run("tcpdump", "-nr", capture.path)
    assert Reader(capture.path, 0).read()[0].kind == 0x8035


KILLED = """
import os, signal, sys
# A shell starts what it puts into the background with SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {scripts!r})
from lab.netns import Lab
lab = Lab("killed")
space = lab.ns("x")
child = space.popen("tail", "-f", "/dev/null")
print(lab.prefix, lab.dir, child.pid, flush=True)
os.kill(os.getpid(), signal.{how})
signal.pause()
"""


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_nothing_is_left_of_a_lab_that_was_ended(how):
    code = KILLED.format(scripts=os.path.join(tools.ROOT, "scripts"), how=how)
    child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True, timeout=20, check=False)
    prefix, folder, pid = child.stdout.split()
    if how == "SIGKILL":
        assert child.returncode == -signal.SIGKILL
        netns.sweep()
    assert prefix not in run("ip", "netns", "list")
    assert not os.path.exists(folder)
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 5, "the process to be gone")
