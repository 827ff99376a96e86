"""The programs as people use them: checking a configuration, asking a running router, changing it, ending it."""
import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess

import pytest
from lab import tools
from lab.netns import LabError, run, wait_for
from sites import VN, Sites
from traffic import Connection, Stream

RED = 8
TABLES = ("vr", "peers", "lndt", "gndt", "hwdt", "moves", "drops", "stats")


def call(program, *arguments):
    """Exit status, output, errors."""
    done = subprocess.run([tools.built(program), *arguments], capture_output=True, text=True, timeout=10,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def ctl(router, *arguments):
    return call("vrctl", "-s", router.conf["control_socket"], *arguments)


@pytest.fixture(scope="module")
def net():
    with Sites(names="abc") as sites:
        sites.ha, sites.hb = sites.host("a", 10), sites.host("b", 10)
        sites.start()
        sites.wait_ping(sites.ha, sites.hb)
        yield sites


# ---- vrd --check ----

def test_a_good_file_is_said_to_be_good(net):
    status, output, errors = call("vrd", "--check", net.routers["a"].conf_file)
    assert (status, errors) == (0, "") and "no errors" in output


def test_every_error_is_said_with_its_place(tmp_path):
    file = tmp_path / "bad.conf"
    file.write_text('{\n'
                    '  "name": "a", // a comment is no error\n'
                    '  "key_file": "relative.key",\n'
                    '  "lissten": "192.0.2.1:51341",\n'
                    '  "sync": { "hello_ms": 5 },\n'
                    '  "vns": [ { "id": 7, "device": "br0", "local": ["10.1.0.5/24"],\n'
                    '             "adresses": [] } ],\n'
                    '  "peers": [ { "name": "b", "public_key": "AAAA", "vns": [ { "id": 8 } ] } ]\n'
                    '}\n')
    status, output, errors = call("vrd", "--check", str(file))
    rows = errors.splitlines()
    assert status == 1 and output == ""
    for place, *words in (("3:15: key_file:", "expected", "found", "relative.key"),
                          ("4:3: lissten:", "listen"),
                          ("5:25: sync.hello_ms:", "from 10", "found 5"),
                          ("6:50: vns[0].local[0]:", "10.1.0.5/24"),
                          ("7:14: vns[0].adresses:", "addresses"),
                          ("8:43: peers[0].public_key:", "base64"),
                          ("8:68: peers[0].vns[0].id:", "found 8")):
        row = [row for row in rows if row.startswith(f"{file}:{place}")]
        assert len(row) == 1, f"{place} in {errors}"
        assert all(word in row[0] for word in words), row


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "a",}', '{"name": "a" "b"}', "\x00", '{"name": "\ud800"}'])
def test_what_is_no_configuration_is_refused_with_a_place(tmp_path, text):
    file = tmp_path / "bad.conf"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    status, _, errors = call("vrd", "--check", str(file))
    assert status == 1 and errors.startswith(f"{file}:"), errors


def test_a_file_that_is_not_there_is_said():
    status, _, errors = call("vrd", "--check", "/nonexistent/vrd.conf")
    assert status == 1 and "/nonexistent/vrd.conf" in errors and "No such file" in errors


@pytest.mark.parametrize("name", sorted(os.listdir(os.path.join(tools.ROOT, "conf", "examples"))))
def test_the_examples_are_good(tmp_path, name):
    with open(os.path.join(tools.ROOT, "conf", "examples", name), encoding="utf-8") as file:
        text = file.read()
    key, copy = tmp_path / "key", tmp_path / name
    call("vrctl", "keygen", str(key))
    text, count = re.subn(r'("key_file": )"[^"]*"', rf'\1"{key}"', text)
    copy.write_text(text)
    status, _, errors = call("vrd", "--check", str(copy))
    assert count == 1 and status == 0, errors


def start_and_check(file):
    """What 'vrd --check' says, which is also what 'vrd -c' says and ends with."""
    status, output, errors = call("vrd", "--check", str(file))
    assert status == 1 and output == ""
    assert call("vrd", "-c", str(file)) == (1, "", errors)
    return errors.splitlines()


def with_key(tmp_path, key, public=44 * "A"):
    file = tmp_path / "vrd.conf"
    file.write_text('{ "name": "a",\n'
                    f'  "key_file": "{key}",\n'
                    '  "vns": [ { "id": 7, "device": "lo" } ],\n'
                    f'  "peers": [ {{ "name": "b", "public_key": "{public}", "vns": [ {{ "id": 7 }} ] }} ] }}\n')
    return file


@pytest.mark.parametrize("fault,found", [
    ("missing", "No such file or directory"), ("open to others", "a file that others may use"),
    ("text", "a file without a key"), ("cut", "a file without a key"), ("a directory", "a file without a key")])
def test_a_bad_key_file_is_said_with_its_place_before_the_start(tmp_path, fault, found):
    key = tmp_path / "key"
    public = call("vrctl", "keygen", str(tmp_path / "other"))[1].strip()
    if fault == "a directory":
        key.mkdir()
    elif fault != "missing":
        call("vrctl", "keygen", str(key))
        if fault == "open to others":
            key.chmod(0o640)
        elif fault == "text":
            key.write_text("a key\n")
        else:
            key.write_text(key.read_text()[:20])
    file = with_key(tmp_path, key, public)
    assert start_and_check(file) == [
        f'{file}:2:15: key_file: expected a private key as "vrctl keygen" makes it, in a file of mode 0600, found {found}']


def test_a_peer_with_the_routers_own_key_is_said_with_its_place_before_the_start(tmp_path):
    key = tmp_path / "key"
    file = with_key(tmp_path, key, call("vrctl", "keygen", str(key))[1].strip())
    assert start_and_check(file) == [
        f"{file}:4:43: peers[0].public_key: expected the key of another router, found the key of this one"]


def test_a_bad_key_file_is_said_beside_every_other_error(tmp_path):
    file = with_key(tmp_path, tmp_path / "key", "no key")
    assert [row.split(" ")[1] for row in start_and_check(file)] == ["key_file:", "peers[0].public_key:"]


def test_vrd_does_not_start_with_a_bad_file(tmp_path):
    file = tmp_path / "bad.conf"
    file.write_text('{"name": "a"}')
    status, _, errors = call("vrd", "-c", str(file))
    assert status == 1 and "key_file" in errors and "vns" in errors


@pytest.mark.parametrize("arguments", [[], ["-c"], ["--check"], ["-x"], ["-c", "one", "two"]])
def test_a_wrong_command_line_is_a_usage_error(arguments):
    status, output, errors = call("vrd", *arguments)
    assert status == 2 and output == "" and "usage" in errors


# ---- vrctl ----

def test_keygen_writes_a_private_file_and_prints_the_public_key(tmp_path):
    file = str(tmp_path / "key")
    status, public, _ = call("vrctl", "keygen", file)
    assert status == 0 and len(public.strip()) == 44
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert call("vrctl", "pubkey", file) == (0, public, "")
    before = open(file, "rb").read()
    assert call("vrctl", "keygen", file)[0] == 1  # never overwritten
    assert open(file, "rb").read() == before
    assert public.strip() not in before.decode()


def test_two_keys_differ_and_a_key_that_others_may_read_is_refused(tmp_path):
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    assert call("vrctl", "keygen", one)[1] != call("vrctl", "keygen", other)[1]
    os.chmod(one, 0o644)
    status, output, errors = call("vrctl", "pubkey", one)
    assert status == 1 and output == "" and "0600" in errors


def test_a_configuration_of_openlisp_is_imported_without_its_secret(tmp_path):
    file, conf = tmp_path / "opl.conf", tmp_path / "d.conf"
    file.write_text("IPV4\n1 s3cr3t 10.1.0.0 24 1 192.0.2.9 60 0\n192.0.2.1 1 100 0\n")
    status, output, errors = call("vrctl", "import-openlisp", str(file))
    assert (status, errors) == (0, "") and "s3cr3t" not in output
    conf.write_text(output)
    # Nothing is missing but the router's own key, as the text says.
    status, _, errors = call("vrd", "--check", str(conf))
    assert status == 1 and [line.split(": ")[1] for line in errors.splitlines()] == ["key_file"]
    call("vrctl", "keygen", str(tmp_path / "key"))
    conf.write_text(re.sub(r'"key_file": "[^"]*"', f'"key_file": "{tmp_path}/key"', output))
    assert call("vrd", "--check", str(conf))[0] == 0


def test_a_configuration_of_openlisp_with_errors_is_refused_with_their_lines(tmp_path):
    file = tmp_path / "opl.conf"
    file.write_text("IPV4\n1 s3cr3t 10.1.0.0 33 1 192.0.2.9 60 0\n192.0.2.1 1 100 x\n")
    status, output, errors = call("vrctl", "import-openlisp", str(file))
    assert status == 1 and output == "" and "s3cr3t" not in errors
    assert [line.split(" ")[0] for line in errors.splitlines()] == [f"{file}:2:", f"{file}:3:"]
    assert call("vrctl", "import-openlisp", str(tmp_path / "none"))[0] == 1
    assert call("vrctl", "import-openlisp")[0] == 2


@pytest.mark.parametrize("what", TABLES)
def test_show_is_a_table_for_people_and_json_for_machines(net, what):
    router = net.routers["a"]
    status, table, errors = ctl(router, "show", what)
    assert (status, errors) == (0, "")
    status, text, errors = ctl(router, "--json", "show", what)
    assert (status, errors) == (0, "")
    reply = json.loads(text)
    assert reply["ok"] is True
    data = reply["data"]
    assert isinstance(data, dict if what in ("vr", "stats") else list)
    if not data:
        return
    rows = table.splitlines()
    assert rows and all(row == row.rstrip() for row in rows)
    if isinstance(data, list) and what != "drops":
        assert len(rows) >= 1 + len(data)
    if what == "peers":
        assert {"b", "c"} <= {word for row in rows for word in row.split()}
    if what == "hwdt":
        assert net.ha.mac in table and net.hb.mac in table and net.ha.ip in table


def test_rows_can_be_chosen(net):
    _, text, _ = ctl(net.routers["a"], "--json", "show", "hwdt", f"vn={VN}", f"eid={net.hb.ip}")
    rows = json.loads(text)["data"]
    assert [row["eid"] for row in rows] == [net.hb.ip]
    assert rows[0]["vr"] == "b" and rows[0]["mac"] == net.hb.mac


@pytest.mark.parametrize("arguments,expected", [
    (["show", "nonsense"], 2), (["show"], 2), (["nonsense"], 2), (["reload", "now"], 2), ([], 2), (["help"], 0)])
def test_exit_statuses_of_vrctl(net, arguments, expected):
    status, output, errors = ctl(net.routers["a"], *arguments)
    assert status == expected and bool(errors) != bool(output)


@pytest.mark.parametrize("program,arguments", [
    ("vrctl", ["show", "hwdt"]), ("vrctl", ["--json", "show", "drops"]), ("vrctl", ["help"]), ("vrctl", ["--version"]),
    ("vrd", ["--help-config"]), ("vrd", ["--version"]), ("vrd", ["--check", "CONF"])])
def test_what_a_full_disk_swallows_is_no_success(net, program, arguments):
    router = net.routers["a"]
    where = ["-s", router.conf["control_socket"]] if program == "vrctl" else []
    arguments = [router.conf_file if word == "CONF" else word for word in arguments]
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([tools.built(program), *where, *arguments], stdout=full, stderr=subprocess.PIPE,
                              text=True, timeout=10, check=False)
    assert done.returncode == 1 and done.stderr == f"{program}: cannot write to the standard output\n"
    assert call(program, *where, *arguments)[0] == 0


def test_without_a_router_the_exit_status_is_3(tmp_path):
    status, _, errors = call("vrctl", "-s", str(tmp_path / "none"), "show", "vr")
    assert status == 3 and "none" in errors


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", b'{"id":1,"cmd":"show","what":"no"}\n', b"[1]\n",
                                  b'{"id":1,"cmd":7}\n', b"\xff\xfe\n"])
def test_bad_requests_are_answered_or_ended_and_harm_nobody(net, line):
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(5)
        control.connect(net.routers["a"].conf["control_socket"])
        control.sendall(line)
        answer = control.recv(65536)
    assert not answer or json.loads(answer)["ok"] is False
    assert net.routers["a"].show("vr")["name"] == "a"


def test_the_control_socket_is_not_for_everybody(net):
    mode = os.stat(net.routers["a"].conf["control_socket"]).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


class Monitor:
    """A running vrctl monitor."""

    def __init__(self, net, router, *options):
        self.lab, self.seen = net.lab, b""
        self.process = net.lab.popen(tools.built("vrctl"), "-s", router.conf["control_socket"], *options, "monitor",
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lab.end(self.process)

    def text(self):
        self.seen += self.process.stdout.read() or b""
        return self.seen.decode()


def walk(net, mover, sites):
    for site in sites:
        mover.move(site)
        mover.rarp()
        net.wait_owner(mover.ip, site)


def new_mover(net, number):
    mover = net.host("a", number)
    wait_for(mover.is_forwarding, 3, "the mover to be plugged in")
    mover.arp(net.gateway("a"))
    net.wait_owner(mover.ip, "a")
    return mover


def test_monitor_gives_machines_every_change_in_order(net):
    mover = new_mover(net, 41)
    with Monitor(net, net.routers["c"], "--json") as monitor:
        wait_for(lambda: '"ok":true' in monitor.text(), 3, "the monitor to listen")
        walk(net, mover, "bab")
        wait_for(lambda: monitor.text().count("moved") >= 3, 3, "three events")
        events = [json.loads(row) for row in monitor.text().splitlines()]
    moved = [row for row in events if row.get("event") == "moved" and row["eid"] == mover.ip]
    assert [(row["from"], row["to"]) for row in moved] == [("a", "b"), ("b", "a"), ("a", "b")]
    assert all(row["mac"] == mover.mac and row["vn"] == VN for row in moved)
    numbers = [row["number"] for row in events if "number" in row]
    assert numbers == sorted(numbers)


def test_monitor_tells_people(net):
    mover = new_mover(net, 42)
    with Monitor(net, net.routers["c"]) as monitor:
        for site in "bababababa":  # until it listens
            walk(net, mover, site)
            if mover.ip in monitor.text():
                break
        wait_for(lambda: re.search(rf"moved.*{mover.ip}", monitor.text()), 3, "a line about the move")
        assert "{" not in monitor.text()


def test_a_monitor_that_ends_and_one_that_does_not_read_harm_nobody(net):
    router = net.routers["a"]
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.connect(router.conf["control_socket"])
        deaf.sendall(b'{"id":1,"cmd":"monitor"}\n')
        with Monitor(net, router, "--json") as monitor:
            wait_for(lambda: '"ok":true' in monitor.text(), 3, "the monitor to listen")
        walk(net, new_mover(net, 43), "ba")
    assert router.show("vr")["name"] == "a"


def test_the_record_of_a_move_is_shown_and_logged(net):
    mover = new_mover(net, 44)
    walk(net, mover, "b")
    wait_for(lambda: net.ping(mover, net.hb, 1), 3, "the mover to speak")

    def finished():
        rows = [row for row in net.routers["b"].show("moves") if row["mac"] == mover.mac]
        return rows and rows[-1]["outcome"] == "done" and rows[-1]
    row = wait_for(finished, 5, "the record")
    assert (row["from"], row["to"], row["trigger"], row["eids"]) == ("a", "b", "rarp", [mover.ip])
    assert {ack["vr"] for ack in row["acks"]} == {"a", "c"}
    status, table, _ = ctl(net.routers["b"], "show", "moves")
    assert status == 0 and mover.mac in table
    logged = wait_for(lambda: [line for line in net.routers["b"].log().splitlines()
                               if mover.mac in line and '{"' in line], 4, "the record in the log")
    assert json.loads(logged[-1][logged[-1].index("{"):])["mac"] == mover.mac


# ---- reload ----

def add_red(_, conf):
    """A second network, which has no machines."""
    conf["vns"].append({**conf["vns"][0], "id": RED, "name": "red", "device": "br1"})
    for peer in conf["peers"]:
        peer["vns"].append({**peer["vns"][0], "id": RED})


@pytest.fixture
def pair():
    with Sites(configure=add_red) as sites:
        for space in sites.spaces.values():
            space.bridge("br1")
        sites.ha, sites.hb = sites.host("a", 10), sites.host("b", 10)
        sites.start()
        sites.wait_ping(sites.ha, sites.hb)
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


def test_every_drop_has_a_meaning(net):
    rows = net.routers["a"].show("drops")
    assert {row["where"] for row in rows} == {"router", "tunnel", "stream", f"port {VN}"}
    assert [row for row in rows if not row["text"]] == []


def test_a_long_table_is_shown_whole_and_in_order(net):
    """More routes than are written in one turn."""
    router = net.routers["a"]
    local, prefixes = list(router.conf["vns"][0]["local"]), [f"10.99.{i // 64}.{i % 64 * 4}/30" for i in range(2000)]
    try:
        router.conf["vns"][0]["local"] = local + prefixes
        router.reload()
        rows = [row["prefix"] for row in router.show("gndt")]
        assert [row for row in rows if row in set(prefixes)] == prefixes
        assert len(rows) == len(set(rows)) == router.show("vr")["gndt"]
    finally:
        router.conf["vns"][0]["local"] = local
        router.reload()


def test_sighup_reloads(net):
    router = net.routers["b"]
    router.conf["vns"][0]["local"].append("10.79.0.0/24")
    router.write_conf()
    router.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "10.79.0.0/24" in {row["prefix"] for row in router.show("lndt")}, 3, "the reload")
    router.conf["vns"][0]["local"].pop()
    router.reload()


def test_sigusr1_logs_the_counters(net):
    router = net.routers["a"]
    net.ping(net.ha, net.hb, 1, ttl=1)
    net.ha.send(b"\xff" * 6 + bytes.fromhex(net.ha.mac.replace(":", "")) + bytes.fromhex("810000050800"))
    net.wait_drops("a", "vlan", 1)
    router.process.send_signal(signal.SIGUSR1)
    for pattern in (r"drop: router ttl \d+: ", rf"drop: port {VN} vlan \d+: a tagged frame", r'stats: \{"lan_frames"'):
        wait_for(lambda wanted=pattern: re.search(wanted, router.log()), 3, f"{pattern} in the log")


def test_a_second_router_of_one_name_does_not_start_and_touches_nothing(pair):
    """Another socket, another port, the same name and LAN: it would be the first one's twin."""
    router, space = pair.routers["a"], pair.spaces["a"]
    pair.wait_ping(pair.ha, pair.hb)
    before, twin = state_of(space), f"{router.folder}/twin.conf"
    with open(twin, "w", encoding="utf-8") as file:
        json.dump({**router.conf, "listen": f"{pair.address('a')}:4444", "log": {},
                   "control_socket": f"{router.folder}/twin.sock"}, file)
    done = subprocess.run(["ip", "netns", "exec", space.full, tools.built("vrd"), "-c", twin], capture_output=True,
                          text=True, timeout=10, check=False)
    assert done.returncode == 1 and "a.state: in use by another router" in done.stderr
    assert differences(before, state_of(space)) == {}
    assert pair.ping(pair.ha, pair.hb) and pair.peer("b", "a")["handshakes"] == 1


# ---- privileges ----

NET_BIND_SERVICE, NET_ADMIN, NET_RAW = 1 << 10, 1 << 12, 1 << 13


def privileges(process):
    """What /proc says of each thread."""
    rows = []
    for task in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{task}/status", encoding="ascii") as file:
            values = dict(line.split(":", 1) for line in file.read().splitlines())
        rows.append({key: int(values[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} |
                    {"NoNewPrivs": int(values["NoNewPrivs"])})
    return rows


def only(capabilities):
    return {"CapInh": 0, "CapPrm": capabilities, "CapEff": capabilities, "CapBnd": 0, "CapAmb": 0, "NoNewPrivs": 1}


def test_a_running_router_has_no_more_privileges_than_it_needs(net):
    rows = privileges(net.routers["a"].process)
    assert len(rows) >= 2 and all(row == only(NET_ADMIN | NET_RAW) for row in rows), rows


def test_a_low_port_needs_one_privilege_more():
    with Sites() as net:
        for name, router in net.routers.items():
            router.conf["listen"] = f"{net.address(name)}:500"
            for peer in router.conf["peers"]:
                peer["endpoints"] = [f"{net.address(peer['name'])}:500"]
        net.start()
        assert all(row == only(NET_ADMIN | NET_RAW | NET_BIND_SERVICE)
                   for row in privileges(net.routers["a"].process))


def test_without_those_privileges_files_are_read_and_written_as_before(pair):
    """A reload, a log that was rotated away, the state file, and the end, which gives everything back."""
    router = pair.routers["a"]
    log, state = router.conf["log"]["file"], f"{router.conf['state_dir']}/a.state"
    for file in (router.conf_file, router.key_file):
        os.chmod(file, 0o600)
    os.rename(log, f"{log}.1")
    router.conf["vns"][0]["local"].append("10.79.0.0/24")
    router.write_conf()
    router.process.send_signal(signal.SIGHUP)
    wait_for(lambda: os.path.exists(log) and "reloaded" in router.log(), 3, "the new log")
    assert "10.79.0.0/24" in {row["prefix"] for row in router.show("lndt")}
    os.unlink(state)
    mover = new_mover(pair, 41)
    walk(pair, mover, "ba")
    wait_for(lambda: os.path.exists(state) and mover.ip in open(state, encoding="ascii").read(), 5, "the state")
    assert router.stop() == 0
    assert not [name for name in pair.spaces["a"].ports("br0") if "-vr" in name]
    assert pair.spaces["a"].run("nft", "list", "ruleset") == ""


@pytest.mark.parametrize("what", ["key_file", "state_dir", "configuration"])
def test_what_is_not_roots_to_use_is_said_before_the_start(what):
    """Root without the right to override permissions: a file of somebody else's that is closed to others."""
    with Sites() as net:
        router = net.routers["a"]
        router.write_conf()
        file = {"configuration": router.conf_file}.get(what) or router.conf[what]
        os.chown(file, 65534, 65534)
        os.chmod(file, 0o700 if what == "state_dir" else 0o600)
        if what == "configuration":
            status, _, errors = call("vrd", "-c", file)
            assert status == 1 and "Permission denied" in errors
        else:
            with pytest.raises(LabError, match="Permission denied"):
                router.start()


# ---- the end ----

def state_of(space):
    """What a router could leave behind: links, rules, routes, settings, forwarding entries."""
    def js(*command):
        return json.loads(space.run(*command) or "[]")
    links = {row["ifname"]: {key: row.get(key) for key in
                             ("flags", "mtu", "address", "promiscuity", "allmulti", "master", "qdisc", "group",
                              "linkinfo")} for row in js("ip", "-j", "-d", "link")}
    for link in links.values():
        # Timers of a bridge run.
        for key in [key for key in ((link["linkinfo"] or {}).get("info_data") or {}) if "timer" in key]:
            del link["linkinfo"]["info_data"][key]
    entries = {(row["mac"], row["ifname"]) for row in js("bridge", "-j", "fdb")
               if "permanent" in (row.get("state"), *row.get("flags", []))}
    features = {name: space.run("ethtool", "-k", name) for name in links}
    settings = [row for row in space.run("sysctl", "-a", check=False).splitlines()
                if row.startswith("net.") and "nf_conntrack_count" not in row]
    return {"links": links, "fdb": entries, "features": features, "settings": settings,
            "devices": {row["ifname"] for row in js("bridge", "-j", "fdb")},
            "rules": space.run("nft", "list", "ruleset"), "routes": space.ip("route show table all"),
            "addresses": space.ip("-o address"), "policy": space.ip("rule show"),
            "tc": space.run("tc", "filter", "show", "dev", next(iter(links)), "ingress", check=False)}


def differences(before, after):
    """What is not the same, by its path, down to the last dictionary."""
    found = {}
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found.update({f"{key}.{inner}": pair for inner, pair in differences(one, other).items()})
        elif one != other:
            found[key] = (one, other)
    return found


def use(net, ha, hb):
    """Everything that could leave a trace: traffic, a move, a return."""
    net.wait_ping(ha, hb)
    ha.move("b")
    ha.rarp()
    net.wait_owner(ha.ip, "b")
    net.wait_ping(ha, hb)
    ha.move("a")
    ha.rarp()
    net.wait_owner(ha.ip, "a")
    net.wait_ping(ha, hb)


def settle(net):
    wait_for(lambda: all(host.is_forwarding() for host in net.hosts.values()), 3, "the switches")


@pytest.fixture
def pair_of_nics():
    """Routers with the NIC's own MAC, and what was there before them."""
    def configure(_, conf):
        conf["vns"][0]["mac"] = "nic"
    with Sites(lan="bridge", configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.underlay.start()
        settle(net)
        net.before = state_of(net.spaces["a"])
        net.start()
        net.before["features"]["wan0"] = state_of(net.spaces["a"])["features"]["wan0"]
        use(net, ha, hb)
        yield net


@pytest.mark.parametrize("lan,mac", [("bridge", "virtual"), ("nic", "virtual"), ("nic", "nic"), ("bridge", "nic")])
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "kill and a new start"])
def test_the_end_leaves_lan_and_kernel_as_they_were(lan, mac, how):
    def configure(_, conf):
        conf["vns"][0]["mac"] = mac
    with Sites(lan=lan, configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.underlay.start()
        settle(net)
        before = state_of(net.spaces["a"])
        net.start()
        before["features"]["wan0"] = state_of(net.spaces["a"])["features"]["wan0"]
        assert differences(before, state_of(net.spaces["a"]))
        use(net, ha, hb)
        router = net.routers["a"]
        if how == "kill and a new start":
            router.kill()
            router.start()
            net.wait_peers()
            net.wait_ping(ha, hb)
            assert router.stop() == 0
        else:
            router.process.send_signal(getattr(signal, how))
            assert router.process.wait(5) == 0
        settle(net)
        assert differences(before, state_of(net.spaces["a"])) == {}
        assert not os.path.exists(router.conf["control_socket"])


def test_an_impatient_end_leaves_as_little(pair_of_nics):
    """Somebody who does not wait sends it again and again, of all kinds."""
    net = pair_of_nics
    router, before = net.routers["a"], net.before

    def ends():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            router.process.send_signal(number)
        return router.process.poll() is not None
    wait_for(ends, 5, "the end", interval=0.0005)
    assert router.process.returncode == 0
    assert differences(before, state_of(net.spaces["a"])) == {}
    assert not os.path.exists(router.conf["control_socket"])


def test_an_end_at_any_moment_of_the_start_leaves_as_little():
    with Sites(lan="bridge") as net:
        host = net.host("a", 10)
        net.underlay.start()
        settle(net)
        space, router = net.spaces["a"], net.routers["a"]
        router.write_conf()
        before, ended = state_of(space), []
        for step in range(30):
            process = net.lab.popen("ip", "netns", "exec", space.full, tools.built("vrd"), "-c", router.conf_file,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Not a wait for something: moments of a start that takes some 20 ms.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.001 * step)
            process.send_signal(signal.SIGTERM)
            ended.append(process.wait(5))
            net.lab.end(process)
            assert space.ports("br0") == [host.cable], f"{step} ms after the start"
        # It was killed before it was a router, or ended in order.
        assert set(ended) <= {-signal.SIGTERM, 0} and 0 in ended
        assert differences(before, state_of(space)) == {}


def test_a_device_that_was_down_is_down_again():
    with Sites(lan="nic") as net:
        space = net.spaces["a"]
        space.ip("link set lan0 down")
        before = state_of(space)["links"]["lan0"]["flags"]
        net.underlay.start()
        net.routers["a"].start()
        assert "UP" in state_of(space)["links"]["lan0"]["flags"]
        net.routers["a"].stop()
        assert state_of(space)["links"]["lan0"]["flags"] == before


def test_a_device_that_is_not_there_is_said_and_nothing_is_left():
    with Sites() as net:
        net.routers["a"].conf["vns"][0]["device"] = "br77"
        before = state_of(net.spaces["a"])
        with pytest.raises(LabError, match="br77"):
            net.routers["a"].start()
        assert differences(before, state_of(net.spaces["a"])) == {}
