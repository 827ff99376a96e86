"""A reload changes what can be changed, says what cannot, and is all or nothing."""
import json
import signal

import pytest
from cli import RED, call, ctl, three_sites, two_networks
from lab import tools
from lab.netns import run, wait_for
from sites import VN
from traffic import Connection, Stream


@pytest.fixture(scope="module")
def net():
    with three_sites() as sites:
        yield sites


@pytest.fixture
def pair():
    with two_networks() as sites:
        yield sites


def test_twenty_reloads_lose_no_frame(pair):
    router = pair.routers["a"]
    extra = {"name": "x", "endpoints": ["192.0.2.3:51341"], "vns": [{"id": VN, "prefixes": ["10.8.0.0/24"]}],
             "public_key": run(tools.built("vrctl"), "keygen", pair.lab.path("x")).split()[-1]}
    blue, red = router.conf["vns"]
    local, peer = list(blue["local"]), router.conf["peers"][0]
    both, networks = list(peer["vns"]), {VN: ("blue", "br0"), RED: ("red", "br1")}
    with Stream(pair.ha, pair.hb) as there, Stream(pair.hb, pair.ha) as back, \
            Connection(pair.ha, pair.hb) as connection:
        for turn in range(20):
            odd = turn % 2
            # The peer has another name and other networks every other time, and the networks another order.
            peer["name"] = "bob" if odd else "b"
            peer["vns"] = both[:1] if odd else both
            blue["local"] = local + ["10.7.0.0/24"] * odd
            blue["mobile"][0]["hosts"] = ["a", peer["name"]] + ["x"] * odd
            both[0]["prefixes"] = ["10.2.0.0/24"] + ["10.6.0.0/24"] * odd
            red["mobile"] = [{**red["mobile"][0], "hosts": ["a"] if odd else ["a", "b"]}]
            router.conf["vns"] = [red, blue] if odd else [blue, red]
            router.conf["peers"] = [extra, peer] if odd else [peer]
            there.wait_received(10)
            text = router.reload()["text"]
            assert "reloaded" in text and "peer b: removed" not in text
            assert turn == 0 or ("now called" in text and "other networks" in text)
            assert {row["vn"]: (row["name"], row["device"]) for row in router.show("vr")["vns"]} == networks
            prefixes = {row["prefix"] for row in router.show("gndt")}
            for prefix in ("10.6.0.0/24", "10.7.0.0/24", "10.8.0.0/24"):
                assert (prefix in prefixes) == bool(odd), f"{prefix} in turn {turn}"
            assert {row["name"] for row in router.show("peers")} == ({"bob", "x"} if odd else {"b"})
        connection.exchange(1 << 18)
    for stream in (there, back):
        assert (stream.lost(), stream.duplicated(), stream.reordered()) == (0, 0, 0)
    assert pair.peer("a", peer["name"])["handshakes"] == 1


@pytest.mark.parametrize("change,said", [
    ({"listen": "192.0.2.1:4444"}, "listen: "), ({"session": {"rekey_s": 9}}, "session.rekey_s: "),
    ({"hwdt": {"max": 99}}, "hwdt.max: "), ({"features": {"udp_gro": False}},
     "features.udp_gro: "),
    ({"state_dir": "/tmp"}, "state_dir: "), ({"control_socket": "/tmp/none"}, "control_socket: ")])
def test_what_cannot_be_reloaded_is_said_and_the_rest_is_done(net, change, said):
    router = net.routers["c"]
    kept = {key: router.conf[key] for key in change if key in router.conf}
    socket_name, level = router.conf["control_socket"], router.conf["log"]["level"]
    try:
        router.conf.update(change)
        router.conf["vns"][0]["local"].append("10.77.0.0/24")
        router.write_conf()
        status, output, errors = call("vrctl", "-s", socket_name, "reload")
        assert status == 0, errors
        assert f"{said}not changed, needs a restart" in output and "reloaded" in output
        shown = json.loads(call("vrctl", "-s", socket_name, "--json", "show", "lndt")[1])["data"]
        assert "10.77.0.0/24" in {row["prefix"] for row in shown}
    finally:
        for key in change:
            router.conf.pop(key)
        router.conf.update(kept)
        router.conf["vns"][0]["local"].pop()
        assert "needs a restart" not in router.reload()["text"]
    assert router.conf["log"]["level"] == level


@pytest.mark.parametrize("key,value", [("device", "br9"), ("mac", "nic"), ("super_frames", False), ("id", 9)])
def test_what_would_need_another_port_is_refused_whole(net, key, value):
    router = net.routers["c"]
    kept = router.conf["vns"]
    try:
        router.conf["vns"] = [{**kept[0], key: value, "local": ["10.78.0.0/24"]}]
        if key == "id":
            router.conf["peers"] = [{**peer, "vns": [{**peer["vns"][0], "id": value}]}
                                    for peer in router.conf["peers"]]
        router.write_conf()
        status, _, errors = ctl(router, "reload")
        assert status == 1 and "need a restart" in errors and "nothing was changed" in errors
        assert "10.78.0.0/24" not in {row["prefix"] for row in router.show("lndt")}
    finally:
        router.conf["vns"] = kept
        for peer in router.conf["peers"]:
            peer["vns"][0]["id"] = VN
        router.reload()


def test_a_bad_file_keeps_what_runs_and_every_error_is_said(net):
    router = net.routers["a"]
    before = router.show("lndt"), router.show("gndt")
    with open(router.conf_file, "w", encoding="utf-8") as file:
        file.write('{\n"name": "a",\n"lissten": 1\n}\n')
    status, output, errors = ctl(router, "reload")
    assert status == 1 and output == ""
    for part in (f"{router.conf_file}:3:1: lissten:", "key_file", "vns", "nothing was changed"):
        assert part in errors
    assert (router.show("lndt"), router.show("gndt")) == before
    assert net.ping(net.ha, net.hb)
    router.reload()


def test_a_refusal_is_said_whole(net):
    router = net.routers["a"]
    with open(router.conf_file, "w", encoding="utf-8") as file:
        file.write("{" + ",".join(f'"nonsense{i}": 1' for i in range(300)) + "}")
    status, output, _ = ctl(router, "--json", "reload")
    reply = json.loads(output)
    assert status == 1 and reply["code"] == "refused"
    assert reply["text"].startswith("nothing was changed: ") and "..." in reply["text"]
    assert all(f"nonsense{i}:" in reply["data"]["text"] for i in range(300))
    assert reply["data"]["text"].endswith("\nnothing was changed\n")
    router.reload()


def test_sighup_reloads(net):
    router = net.routers["b"]
    router.conf["vns"][0]["local"].append("10.79.0.0/24")
    router.write_conf()
    router.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "10.79.0.0/24" in {row["prefix"] for row in router.show("lndt")}, 3, "the reload")
    router.conf["vns"][0]["local"].pop()
    router.reload()
