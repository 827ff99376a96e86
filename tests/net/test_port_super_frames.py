"""Super-frames of TCP and UDP between two LAN ports: whole, cut or joined, in order and with good checksums."""
import contextlib
import json
import os
import socket

import pytest
from lab.netns import wait_for
from port_rig import Net, inside_of

SOL_UDP, UDP_SEGMENT = 17, 103


@pytest.fixture
def net():
    with Net() as made:
        yield made


def pair(net, kind):
    """Two hosts, and between them a router's namespace with a device for each: names returned."""
    net.h1, net.h2, net.r = net.ns("a"), net.ns("b"), net.ns("r")
    devices = []
    for number, host in enumerate((net.h1, net.h2), 1):
        net.wire(host, "h0", net.r, f"p{number}")
        net.ip(host, "addr", "add", f"10.3.0.{number}/24", "dev", "h0")
        net.ip(host, "addr", "add", f"fd00:3::{number}/64", "dev", "h0", "nodad")
        net.sh(net.r, "sysctl", "-qw", f"net.ipv6.conf.p{number}.disable_ipv6=1")
        if kind == "bridge":
            net.ip(net.r, "link", "add", f"br{number}", "type", "bridge")
            net.sh(net.r, "sysctl", "-qw", f"net.ipv6.conf.br{number}.disable_ipv6=1")
            net.ip(net.r, "link", "set", f"p{number}", "master", f"br{number}")
            net.ip(net.r, "link", "set", f"br{number}", "up")
        devices.append(f"br{number}" if kind == "bridge" else f"p{number}")
    return devices


def iperf(net, *options, to="10.3.0.2"):
    server = net.spawn(net.h2, "iperf3", "-s", "-1")
    wait_for(lambda: ":5201" in net.sh(net.h2, "ss", "-ltn"), 5, "the server")
    text = net.sh(net.h1, "iperf3", "-J", "-c", to, *options)
    server.wait(timeout=5)
    return json.loads(text)["end"]


def average(net, ns, device):
    stats = json.loads(net.ip(ns, "-j", "-s", "link", "show", device))[0]["stats64"]["rx"]
    return stats["bytes"] / stats["packets"]


@pytest.fixture
def one_cpu():
    """A veth keeps a flow's order only as long as its sender does not change CPUs."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_cpu")
@pytest.mark.parametrize("kind", ["veth", "bridge"])
@pytest.mark.parametrize("to", ["10.3.0.2", "fd00:3::2"])
@pytest.mark.parametrize("options", [[], ["--no-vnet"], ["--no-udp"]])
def test_tcp_passes_whole_and_in_order(net, kind, to, options):
    one, two = pair(net, kind)
    probe = net.probe(net.r, *options, "--device", one, "--device", two)
    whole = "--no-vnet" not in options
    assert probe.ready["vnet"] == whole
    end = iperf(net, "-t", "1", to=to)
    stats = probe.stats(0)
    print(f"\n{kind} {to} {options}: {end['sum_received']['bits_per_second'] / 1e9:.2f} Gb/s, "
          f"{stats['rx_bytes'] / stats['rx_frames']:.0f} bytes a frame")
    assert end["sum_received"]["bytes"] > 10e6
    assert (stats["rx_bytes"] / stats["rx_frames"] > 4000) == (whole or kind == "veth")
    assert (average(net, net.h2, "h0") > 4000) == whole
    assert stats["drop_malformed"] == stats["drop_too_large"] == 0
    assert net.counter(net.h2, "TcpExtTCPOFOQueue") == 0
    assert net.counter(net.h2, "TcpInCsumErrors") == 0


@pytest.mark.usefixtures("one_cpu")
@pytest.mark.parametrize("to", ["10.3.0.2", "fd00:3::2"])
@pytest.mark.parametrize("flows", [1, 8])
def test_packets_that_come_apart_leave_joined(net, to, flows):
    one, two = pair(net, "bridge")
    probe = net.probe(net.r, "--no-vnet", "--device", one, "--vnet", "--device", two)
    end = iperf(net, "-t", "1", "-P", str(flows), to=to)
    apart, whole = probe.stats(0), average(net, net.h2, "h0")
    print(f"\n{to} {flows} flows: {end['sum_received']['bits_per_second'] / 1e9:.2f} Gb/s, "
          f"{apart['rx_bytes'] / apart['rx_frames']:.0f} bytes in, {whole:.0f} out")
    assert apart["rx_bytes"] / apart["rx_frames"] <= 1514 and whole > 4000
    assert net.counter(net.h2, "TcpInCsumErrors") == 0
    assert net.counter(net.h2, "TcpExtTCPOFOQueue") == 0


@pytest.mark.parametrize("options", [[], ["--no-vnet"]])
def test_many_flows_pass_in_order(net, options):
    one, two = pair(net, "bridge")
    net.probe(net.r, *options, "--device", one, "--device", two)
    end = iperf(net, "-t", "1", "-P", "8")
    assert end["sum_received"]["bytes"] > 10e6
    assert net.counter(net.h2, "TcpInCsumErrors") == 0


def datagrams(net, count, segments, size):
    """Sends super-datagrams; returns how many segments arrived and whether all were as sent."""
    with inside_of(net.h2):
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        receiver.bind(("10.3.0.2", 7000))
        receiver.settimeout(0.5)
    with inside_of(net.h1):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.connect(("10.3.0.2", 7000))
        sender.setsockopt(SOL_UDP, UDP_SEGMENT, size)
    net.sh(net.h1, "ping", "-c1", "-W2", "10.3.0.2")
    expected = [bytes([i % 251]) * size for i in range(segments)]
    got = []
    for _ in range(count):
        sender.send(b"".join(expected))
        with contextlib.suppress(TimeoutError):
            for _ in range(segments):
                got.append(receiver.recv(65536))
    return len(got), got == expected * count


@pytest.mark.parametrize("kind", ["veth", "bridge"])
@pytest.mark.parametrize("options", [[], ["--no-udp"]])
def test_udp_super_frames_keep_their_datagrams(net, kind, options):
    one, two = pair(net, kind)
    probe = net.probe(net.r, *options, "--device", one, "--device", two)
    assert datagrams(net, 10, 40, 1200) == (400, True)
    assert net.counter(net.h2, "UdpInCsumErrors") == 0
    whole = options == [] or kind == "veth"
    assert (probe.stats(0)["rx_bytes"] / probe.stats(0)["rx_frames"] > 4000) == whole


def test_without_vnet_header_a_bridges_udp_super_frames_come_cut(net):
    one, two = pair(net, "bridge")
    net.probe(net.r, "--no-vnet", "--device", one, "--device", two)
    assert datagrams(net, 10, 40, 1200) == (400, True)


def test_without_vnet_header_on_a_veth_udp_super_frames_are_counted(net):
    one, two = pair(net, "veth")
    probe = net.probe(net.r, "--no-vnet", "--device", one, "--device", two)
    assert datagrams(net, 3, 40, 1200)[0] == 0
    assert probe.stats(0)["drop_too_large"] == 3
    # Single datagrams, with their checksums unfinished on the veth, do pass.
    assert datagrams(net, 20, 1, 1200) == (20, True)
