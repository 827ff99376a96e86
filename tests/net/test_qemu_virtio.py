"""A real machine with a virtio card, which says by gratuitous ARP where it is: each way to notice its move alone, what its
old neighbours see, and migrations that fail."""
import contextlib
import json
import time

import pytest

from hypervisors import IDLE_RATE, PATIENCE, TAKEN_BACK_S, Cloud, Trip, fail, mistake
from lab import guest
from lab.capture import IP4, TCP, Capture, collect, packed
from lab.layout import VM_MAC
from lab.netns import Lab, wait_for
from lab.probes import download
from lab.topology import WAN_DEVICE

WIRE_FRAME = 1514
FRESH = 99  # host number of an address
FAST = 4_000_000  # bytes per second: some ten segments at once


@pytest.fixture(scope="module", params=["subnets", "stretched"])
def booted(request):
    """The machine runs at A, in each layout."""
    with Lab("qemu") as lab:
        yield Cloud(lab, request.param, guest.make("virtio-net-pci"))


@pytest.fixture
def cloud(booted):
    """The same, for each test."""
    booted.bring_home()
    return booted


def test_gratuitous_arp_alone_is_a_move(cloud):
    with Trip(cloud) as trip:
        for site in "ba":
            figures, _ = trip.move(site, first="garp")
            assert figures["announcements"]["gratuitous_arp"] > 0


def test_the_first_data_frame_alone_is_a_move(cloud):
    """At a site that it has not just left: there its data might be late, and routers ask before they believe it."""
    cloud.wait_undoubted("b")
    with Trip(cloud) as trip:
        trip.move("b", first="data")
        trip.move("a")


def test_a_download_between_two_hosts_of_one_lan_goes_on_when_one_moves(cloud):
    """Its segments, made for the LAN, are too large for the way between the sites."""
    a, b = cloud.sites["a"].space, cloud.sites["b"].space
    for space in (a, b):
        # So that the captures see what is on the wire.
        space.run("ethtool", "-K", WAN_DEVICE, "tx-udp-segmentation", "off")
    with _fresh_address(cloud), Trip(cloud) as trip:
        probe = trip.download("native_a", FAST)
        before = wait_for(lambda: _large_segments(cloud, probe), PATIENCE, "full segments")
        capture = Capture(b, ["vm0", WAN_DEVICE], time.time(), cloud.lab.path("recut.pcapng"))
        try:
            trip.move("b")
            found = collect([capture])
        finally:
            capture.stop()
        after = _connection(cloud, probe)
        trip.move("a")
    _judge_recutting(cloud, found)
    assert after["local"] == before["local"]
    assert " 0" in b.run("nstat", "-asz", "IpFragCreates"), "the underlay's packets were cut"


@contextlib.contextmanager
def _fresh_address(cloud):
    """The native speaks from an address for which the machine has not learned a smaller path MTU yet."""
    native, net = cloud.hosts["native_a"], cloud.layout.vm.rsplit(".", 1)[0]
    native.ip(f"address add {net}.{FRESH}/24 dev eth0")
    native.ip(f"route add {cloud.vm_ip}/32 dev eth0 src {net}.{FRESH}")
    try:
        yield
    finally:
        native.ip(f"address del {net}.{FRESH}/24 dev eth0")


def _connection(cloud, probe):
    """A download as the native's kernel knows it, or None."""
    rows = cloud.hosts["native_a"].run("ss", "-Htinp", "dst", cloud.vm_ip).splitlines()
    pairs = zip(rows[::2], rows[1::2])
    return next(({"local": one.split()[3], "info": two} for one, two in pairs
                 if f"pid={probe.process.pid}," in one), None)


def _large_segments(cloud, probe):
    """The connection, once its segments fill the LAN's frames: 1460 bytes less the time stamps."""
    row = _connection(cloud, probe)
    return row if row and _field(row["info"], "rcvmss") == "1448" else None


def _field(text, name):
    return next((word.split(":")[1] for word in text.split() if word.startswith(f"{name}:")), None)


def _judge_recutting(cloud, found):
    """The machine went on with super-frames, and on the underlay everything fitted."""
    vm = packed(cloud.layout.vm)
    said = [f for f in found["b", "vm0"] if not f.outbound and f.kind == IP4 and f.protocol == TCP
            and f.ip_from == vm and f.ip_to[3] == FRESH]
    assert max(f.size for f in said) > 2 * WIRE_FRAME
    assert max(f.size for f in found["b", WAN_DEVICE] if f.outbound) <= WIRE_FRAME


def test_a_native_with_a_static_entry_keeps_its_connection(cloud):
    native = cloud.hosts["native_a"]
    native.ip(f"neigh replace {cloud.vm_ip} lladdr {VM_MAC} nud permanent dev eth0")
    try:
        with Trip(cloud) as trip:
            for site in "ba":
                trip.move(site)
                entry = json.loads(native.run("ip", "-j", "neigh", "show", cloud.vm_ip))[0]
                assert (entry["lladdr"], entry["state"]) == (VM_MAC, ["PERMANENT"])
    finally:
        native.ip(f"neigh del {cloud.vm_ip} dev eth0")


def test_a_failed_migration_is_taken_back(cloud):
    with Trip(cloud) as trip:
        assert trip.fail() <= TAKEN_BACK_S
        # It is no obstacle to the next attempt.
        trip.move("b")
        trip.move("a")


def test_a_machine_that_never_left_is_taken_back(cloud):
    with Trip(cloud) as trip:
        assert mistake(cloud) <= TAKEN_BACK_S
        trip.must_go_on()
    cloud.wait_undoubted("b")
    # Nobody talks with it any more.
    assert mistake(cloud) <= TAKEN_BACK_S


def test_a_failed_migration_of_a_silent_machine_is_taken_back(cloud):
    connections = {name: download(space, cloud.vm_ip, IDLE_RATE, 9000)
                   for name, space in cloud.hosts.items()}
    seconds, _ = fail(cloud)
    print(f"taken back after {seconds * 1000:.0f} ms")
    assert seconds <= TAKEN_BACK_S
    for name, space in cloud.hosts.items():
        assert "1 received" in space.run("ping", "-c", "1", "-W", "1", cloud.vm_ip), name
    for probe in connections.values():
        probe.begin_finish()
    for name, probe in connections.items():
        end = probe.finish()
        assert end["finished"] and end["checksum_ok"], f"{name}: {end}"
