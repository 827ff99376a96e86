"""Small datagrams between the hosts of a path: how many a second, and how long one travels."""

import contextlib
import json
import re
import subprocess
import time

from lab.netns import LabError
from lab.tools import built

PORT = "5009"
SIZE = "64"
# A rate counts when less than this part is lost.
LOSS_MAX = 0.01
TRIAL_SECONDS = 0.4
# What is still on its way when the sender has ended.
SETTLE_SECONDS = 0.1
STEPS = 6
# A rate fails when it fails so many times: a moment of the machine is not the tunnel's.
TRIES = 2
PINGS = 2000
INTERVAL_SECONDS = 0.001


def highest(trial, steps=STEPS, tries=TRIES):
    """(what arrives a second at the highest rate with less than LOSS_MAX lost, by bisection; what
    the sender can send).

    'trial(rate)' returns (sent a second, received a second); rate 0 is as many as can be sent.  The
    first is 0 when no rate that was tried holds.  Where both are near each other the sender is what
    limits."""
    best = 0.0

    def holds(rate):
        nonlocal best
        for _ in range(tries):
            sent, received = trial(rate)
            if received > sent * (1 - LOSS_MAX):
                best = max(best, received)
                return True
        return False

    most, received = trial(0)
    if received > most * (1 - LOSS_MAX):
        return received, most
    # What arrives of too many is near what can arrive of fewer.
    low, high, rate = 0.0, most, received
    for _ in range(steps):
        if holds(rate):
            low = rate
        else:
            high = rate
        rate = (low + high) / 2 if low else high / 2
    return best, most


def rate_kpps(path, address=None, flows=1, stride=0, steps=STEPS):
    """Datagrams of 64 bytes from the first host to the second, thousands a second: see highest().  Each of several flows
    has a source port of its own, and goes to an address that is 'stride' behind that of the flow before."""
    one, two = path.sides
    receiver = two.host.popen(built("bench/udp_rate"), "receive", PORT, SIZE, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def received():
        receiver.stdin.write("\n")
        receiver.stdin.flush()
        return json.loads(receiver.stdout.readline())["received"]

    def trial(rate):
        received()
        said = json.loads(one.host.run(built("bench/udp_rate"), "send", address or two.host_address, PORT,
                                       SIZE, f"{rate:.0f}", str(TRIAL_SECONDS), str(flows), str(stride)))
        time.sleep(SETTLE_SECONDS)
        return said["sent"] / said["seconds"], received() / said["seconds"]

    try:
        if receiver.stdout.readline() != "ready\n":
            raise LabError(f"{path.name}: udp_rate does not receive")
        arrived, most = highest(trial, steps)
        return arrived / 1000, most / 1000
    finally:
        with contextlib.suppress(BrokenPipeError):
            path.end(receiver)


def percentile(values, percent):
    """The smallest of the values that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def round_trips_us(said):
    """Each round trip in microseconds, of what ping has printed."""
    return [float(found) * 1000 for found in re.findall(r"time=([0-9.]+) ms", said)]


def round_trip_us(path):
    """(median, 99th percentile) of a ping each millisecond, in microseconds."""
    one, two = path.sides
    said = one.host.run("ping", "-n", "-c", str(PINGS), "-i", str(INTERVAL_SECONDS), "-W", "1",
                        two.host_address, check=False, timeout=60)
    found = round_trips_us(said)
    if len(found) < PINGS * (1 - LOSS_MAX):
        raise LabError(f"{path.name}: {len(found)} of {PINGS} pings were answered\n{path.logs()}")
    return percentile(found, 50), percentile(found, 99)
