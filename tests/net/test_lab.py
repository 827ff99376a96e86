"""The lab itself: what its WAN does to packets, what its probes and captures find, and that nothing is left of it."""
import os
import signal
import statistics
import subprocess
import sys
import time

import pytest
from lab import frames, netns, probes, tools
from lab.capture import Capture, Reader, collect
from lab.measure import UDP_FLOWS
from lab.netns import Lab, run, wait_for
from lab.underlay import Underlay

CLIENT = UDP_FLOWS["client"]


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
