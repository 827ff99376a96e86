"""A running router has the privileges that it needs, and no others."""
import os
import signal

import pytest
from cli import call, new_mover, two_networks, walk
from lab.netns import LabError, wait_for
from sites import Sites

NET_BIND_SERVICE, NET_ADMIN, NET_RAW = 1 << 10, 1 << 12, 1 << 13


@pytest.fixture
def pair():
    with two_networks() as sites:
        yield sites


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


def test_a_running_router_has_no_more_privileges_than_it_needs(pair):
    rows = privileges(pair.routers["a"].process)
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
