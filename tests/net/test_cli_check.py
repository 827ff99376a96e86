"""vrd --check, and a start that a configuration, its key file or the command line forbids."""
import json
import os
import re

import pytest
from cli import call
from lab import tools


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


# What this router has besides its peers; its peers; what is said of them.
NATS = [
    ({}, [{"name": "hub", "endpoints": ["192.0.2.1:51341"]}, {"name": "b"}, {"name": "c"}], ["peers[1] (b)", "peers[2] (c)"]),
    ({}, [{"name": "hub", "endpoints": ["192.0.2.1:51341"], "relay": True}, {"name": "b"}], []),
    ({}, [{"name": "hub", "tcp": ["192.0.2.1:443"]}, {"name": "b"}], ["peers[1] (b)"]),
    ({"candidates": ["192.0.2.9:51341"]}, [{"name": "hub", "endpoints": ["192.0.2.1:51341"]}, {"name": "b"}], []),
    ({}, [{"name": "a"}, {"name": "b"}, {"name": "c"}], ["a and b do not reach each other", "(3 such pairs)"]),
    ({"relay": {}}, [{"name": "a"}, {"name": "b"}], []),
    ({}, [{"name": "a", "vns": [{"id": 7}]}, {"name": "b", "vns": [{"id": 8}]}], []),
    ({}, [{"name": "a"}], []),
    ({}, [{"name": "a", "endpoints": ["192.0.2.1:51341"]}, {"name": "b", "endpoints": ["192.0.2.2:51341"]}], [])]


@pytest.mark.parametrize("more,peers,said", NATS)
def test_pairs_behind_nats_without_a_relay_are_warned_of(tmp_path, more, peers, said):
    keys = []
    for name in ["own", *[peer["name"] for peer in peers]]:
        call("vrctl", "keygen", str(tmp_path / name))
        keys.append(call("vrctl", "pubkey", str(tmp_path / name))[1].strip())
    vns = [{"id": number, "device": f"br{number}", "local": [f"10.{number}.0.0/24"], "addresses": [f"10.{number}.0.1/24"]}
           for number in (7, 8)]
    conf = {"name": "x", "key_file": str(tmp_path / "own"), "vns": vns, **more,
            "peers": [{"vns": [{"id": 7}], **peer, "public_key": key} for peer, key in zip(peers, keys[1:])]}
    file = tmp_path / "x.conf"
    file.write_text(json.dumps(conf))
    status, _, errors = call("vrd", "--check", str(file))
    assert status == 0, errors
    rows = errors.splitlines()
    assert all(row.startswith(f"{file}: warning: ") for row in rows), errors
    assert len(rows) == sum("peers[" in part for part in said) + any("and" in part for part in said), errors
    assert all(any(part in row for row in rows) for part in said), errors
