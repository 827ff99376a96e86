"""The verdict on figures: one bad figure breaks it, whoever died meanwhile."""
import copy
import json
import subprocess
from types import SimpleNamespace

import pytest
from lab import demo, netns, verdict

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


def test_with_delay_every_move_counts_and_one_short_disorder_is_allowed():
    slow = {**copy.deepcopy(GOOD), "rarp_to_delivery_ms": 41.9}
    assert holds([slow], delay_ms=20)
    assert not holds([slow, {**GOOD, "rarp_to_delivery_ms": 42.1}], wanted=2, delay_ms=20)
    move = copy.deepcopy(slow)
    move["peers"]["client"].update(reordered_udp=20, reordered_ms=21, reorder_episodes=1)
    assert holds([move], delay_ms=20)
    move["peers"]["client"].update(reordered_ms=23)
    assert not holds([move], delay_ms=20)
