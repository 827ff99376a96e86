"""Records between routers on real interfaces: the kernel hands many up as one train where it can (UDP_GRO), and one by one
where it cannot; the same bytes arrive either way."""
from pathlib import PurePath

import pytest
from sites import Sites
from traffic import Connection

SIZE = 8 << 20


def offload(space, device, *settings):
    space.run("ethtool", "-K", device, *settings)


def frames_sent(net):
    """By A's router to the underlay, as the switch took them: a super-frame is one."""
    path = PurePath("/sys/class/net") / f"to-{net.spaces['a'].name}" / "statistics/rx_packets"
    return int(net.underlay.space.run("cat", str(path)))


def tcp_counters(space):
    """Of the namespace's kernel."""
    names, values = [line.split()[1:] for line in space.run("cat", "/proc/net/snmp").splitlines()
                     if line.startswith("Tcp:")]
    return dict(zip(names, map(int, values)))


class Figures:
    """What one transfer from A to B was carried by."""

    def __init__(self, net, ha, hb):
        # Whatever comes to B's host has its checksum made before the cable, and checked behind it.
        offload(net.switches["b"], hb.cable, "tx", "off")
        with Connection(ha, hb) as connection:
            before, frames = net.routers["b"].show("stats"), frames_sent(net)
            heard = tcp_counters(hb.space)
            connection.exchange(SIZE)
            after = net.routers["b"].show("stats")
            self.frames = frames_sent(net) - frames
        now = tcp_counters(hb.space)
        self.trains = after["underlay_rx_trains"] - before["underlay_rx_trains"]
        self.datagrams = after["underlay_rx_datagrams"] - before["underlay_rx_datagrams"]
        self.segments = now["InSegs"] - heard["InSegs"]
        self.damaged = now["InCsumErrors"] - heard["InCsumErrors"] + now["InErrs"] - heard["InErrs"]

    def __str__(self):
        return (f"{self.frames} frames sent, {self.trains} trains of {self.datagrams} datagrams received, "
                f"{self.segments} segments at the host, {self.damaged} damaged")


def measure(udp_gro, gso, gro):
    """'udp_gro': the feature of B's router; 'gso': super-datagrams stay whole on the underlay; 'gro': B's device joins
    what comes singly."""
    def configure(name, conf):
        conf["features"]["udp_gro"] = udp_gro or name != "b"
    with Sites(configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        cable = f"to-{net.spaces['b'].name}"
        state = {True: "on", False: "off"}
        offload(net.spaces["a"], "wan0", "gso", state[gso], "tx-udp-segmentation", state[gso])
        # A veth joins nothing that its other end could have sent as one.
        offload(net.underlay.space, cable, "tso", state[not gro])
        offload(net.spaces["b"], "wan0", "gro", state[gro])
        net.wait_ping(ha, hb)
        net.wait_mtu("a", "b")
        figures = Figures(net, ha, hb)
        print(figures)
        # What was received and joined anew is what was sent, to the last checksum.
        assert figures.damaged == 0 and figures.segments > SIZE / 1500
        assert figures.datagrams > SIZE / 1500
        return figures


def test_a_super_datagram_that_stays_whole_is_one_train():
    figures = measure(udp_gro=True, gso=True, gro=False)
    assert figures.trains * 4 < figures.datagrams
    assert figures.frames * 4 < figures.datagrams


def test_datagrams_that_come_singly_are_joined_by_the_device():
    figures = measure(udp_gro=True, gso=False, gro=True)
    assert figures.trains * 4 < figures.datagrams
    # Each of them was a frame of its own on the underlay.
    assert figures.frames >= figures.datagrams * 0.98


@pytest.mark.parametrize("udp_gro, gso, gro", [(True, False, False), (False, True, False), (False, False, True)],
                         ids=["nothing joins", "not asked for, sent whole", "not asked for, sent singly"])
def test_without_gro_each_datagram_is_a_train(udp_gro, gso, gro):
    figures = measure(udp_gro, gso, gro)
    assert figures.trains == figures.datagrams
    assert (figures.frames * 4 < figures.datagrams) == gso
