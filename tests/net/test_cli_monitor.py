"""vrctl monitor: every change, in order, for people and machines."""
import json
import os
import re
import socket
import subprocess

import pytest
from cli import new_mover, three_sites, walk
from lab import tools
from lab.netns import wait_for
from sites import VN


@pytest.fixture(scope="module")
def net():
    with three_sites() as sites:
        yield sites


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
