"""The programs as people use them: checking a configuration, asking a running router, changing it, ending it."""
import json
import os
import signal
import stat
import subprocess

import pytest
from lab import tools
from lab.netns import LabError, run, wait_for
from sites import VN, Sites
from traffic import Connection, Stream

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
                          ("6:52: vns[0].local[0]:", "10.1.0.5/24"),
                          ("7:14: vns[0].adresses:", "addresses"),
                          ("8:45: peers[0].public_key:", "base64"),
                          ("8:70: peers[0].vns[0].id:", "found 8")):
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
def test_the_examples_are_good(name):
    status, _, errors = call("vrd", "--check", os.path.join(tools.ROOT, "conf", "examples", name))
    assert status == 0, errors


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


def test_without_a_router_the_exit_status_is_3(tmp_path):
    status, _, errors = call("vrctl", "-s", str(tmp_path / "none"), "show", "vr")
    assert status == 3 and "none" in errors


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", b'{"id":1,"cmd":"show","what":"no"}\n', b"[1]\n",
                                  b'{"id":1,"cmd":7}\n', b"\xff\xfe\n"])
def test_bad_requests_are_answered_or_ended_and_harm_nobody(net, line):
    import socket
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


def monitor(net, router, *options):
    process = net.lab.popen(tools.built("vrctl"), "-s", router.conf["control_socket"], *options, "monitor",
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.set_blocking(process.stdout.fileno(), False)
    seen = []

    def text():
        seen.append(process.stdout.read() or b"")
        return b"".join(seen).decode()
    return process, text


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["people", "machines"])
def test_monitor_shows_a_move_as_it_happens(net, options):
    mover = net.host("a", 40 + len(options))
    wait_for(mover.is_forwarding, 3, "the mover to be plugged in")
    process, text = monitor(net, net.routers["c"], *options)

    def heard_new():
        # Said again until the monitor listens: nothing tells when it does.
        mover.space.run("arping", "-q", "-c", "1", "-w", "1", "-I", "eth0", net.gateway("a"), check=False)
        net.hb.space.run("arping", "-q", "-U", "-c", "1", "-I", "eth0", net.hb.ip, check=False)
        return net.owner("c", mover.ip) == "a"
    wait_for(heard_new, 5, "C to know the mover")
    wait_for(lambda: _monitors(net.routers["c"]) or mover.ip in text() or options is None, 1, "") \
        if mover.ip in text() else None
    sites = "ba" * 10
    for site in sites:
        mover.move(site)
        mover.rarp()
        net.wait_owner(mover.ip, site)
        if mover.ip in text():
            break
    wait_for(lambda: mover.ip in text() and mover.mac in text(), 3, "the event")
    if options:
        rows = [json.loads(row) for row in text().splitlines()]
        moved = [row for row in rows if row.get("eid") == mover.ip and row.get("event") == "binding-moved"]
        assert moved and moved[0]["mac"] == mover.mac and moved[0]["vn"] == VN
        assert {moved[0]["from"], moved[0]["to"]} == {"a", "b"}
    net.lab.end(process)
