"""vrctl: its keys, tables and exit statuses, and the signals of a running router."""
import json
import os
import re
import signal
import socket
import stat
import subprocess

import pytest
from cli import call, ctl, new_mover, three_sites, walk
from lab import tools
from lab.netns import wait_for
from sites import VN

TABLES = ("vr", "peers", "lndt", "gndt", "hwdt", "moves", "drops", "stats")


@pytest.fixture(scope="module")
def net():
    with three_sites() as sites:
        yield sites


def test_a_good_file_is_said_to_be_good(net):
    status, output, errors = call("vrd", "--check", net.routers["a"].conf_file)
    assert (status, errors) == (0, "") and "no errors" in output


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


def test_sigusr1_logs_the_counters(net):
    router = net.routers["a"]
    net.ping(net.ha, net.hb, 1, ttl=1)
    net.ha.send(b"\xff" * 6 + bytes.fromhex(net.ha.mac.replace(":", "")) + bytes.fromhex("810000050800"))
    net.wait_drops("a", "vlan", 1)
    router.process.send_signal(signal.SIGUSR1)
    for pattern in (r"drop: router ttl \d+: ", rf"drop: port {VN} vlan \d+: a tagged frame", r'stats: \{"lan_frames"'):
        wait_for(lambda wanted=pattern: re.search(wanted, router.log()), 3, f"{pattern} in the log")
