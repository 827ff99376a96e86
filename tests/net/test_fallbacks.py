"""Every fallback for a missing feature of kernel or processor, each alone and all together: everything works, and it is reported."""
import platform

import pytest
from lab.netns import LabError
from sites import Sites
from traffic import Connection, Stream, super_frame, transfer

FEATURES = ("udp_segment", "udp_gro", "control_socket", "vnet_hdr", "udp_super_frames", "ignore_outgoing", "nftables", "nft_owner")
# Of the features: what the router says it has on the underlay.
UNDERLAY = ("udp_segment", "udp_gro", "control_socket")
if platform.machine() == "x86_64":
    FEATURES += ("ipsec_mb",)
    UNDERLAY += ("ipsec_mb",)
CASES = [(name,) for name in FEATURES] + [("super_frames",), ("udp_segment", "udp_gro"),
                                          ("vnet_hdr", "udp_super_frames"), FEATURES + ("super_frames",)]
# With the NIC's own MAC there is no way without nftables. (Without vnet headers a veth's UDP super-frames cannot be
# told apart; a NIC hands over packets as they were on the wire.)
NIC_CASES = [(), ("ignore_outgoing",), ("nft_owner",),
             tuple(name for name in FEATURES if name not in ("nftables", "vnet_hdr"))]


def without(off):
    def configure(_, conf):
        for name in off:
            if name == "super_frames":
                conf["vns"][0]["super_frames"] = False
            else:
                conf["features"][name] = False
    return configure


def shown(router):
    """What the router says that it has."""
    about = router.show("vr")
    return {"udp_segment": about["udp_segment"], "udp_gro": about["udp_gro"],
            "control_socket": about["control_socket"],
            "ipsec_mb": about["aesgcm"] == "intel-ipsec-mb",
            "super_frames": about["vns"][0]["super_frames"],
            "udp_super_frames": about["vns"][0]["udp_super_frames"]}


def logged(router):
    """The same, as the router's log has it since its start."""
    said = {True: "yes", False: "no"}
    have = shown(router)
    return (f"UDP_SEGMENT {said[have['udp_segment']]}, UDP_GRO {said[have['udp_gro']]}, control socket {said[have['control_socket']]}, "
            f"AES-GCM by {'intel-ipsec-mb' if have['ipsec_mb'] else 'OpenSSL'}" in router.log() and
            f"super-frames {said[have['super_frames']]}, of UDP {said[have['udp_super_frames']]}" in router.log())


def check_port(router, off):
    """Is what is off not used, and what is not off used?"""
    tables = router.space.run("nft", "list", "ruleset")
    assert ("table netdev vrd_" in tables) == ("nftables" not in off)
    assert ("flags owner" in tables) == (not {"nftables", "nft_owner"} & set(off))
    by = "the filter" if "ignore_outgoing" in off else "the kernel"
    assert f"outgoing frames left out by {by}" in router.log()


def check(net, ha, hb):
    net.wait_ping(ha, hb)
    assert net.ping(ha, hb, 10) and net.ping(hb, ha, 10, 1400)
    transfer(ha, hb, 2 << 20)
    for source, target in ((ha, hb), (hb, ha)):
        sent, received = super_frame(source, target, 30, 1200)
        assert sent == received
        with Stream(source, target) as stream:
            stream.wait_received(100)
        assert (stream.lost(), stream.duplicated(), stream.reordered()) == (0, 0, 0)


def move_under_traffic(net, mover, other):
    """A move that is told by a RARP only, with an open connection."""
    with Connection(other, mover) as connection:
        connection.exchange(1 << 19)
        mover.move("b")
        mover.rarp()
        net.wait_owner(mover.ip, "b")
        connection.exchange(1 << 19)
    assert net.ping(other, mover, 10)


@pytest.mark.parametrize("off", CASES, ids="+".join)
def test_without_these_features_everything_works(off):
    with Sites(configure=without(off)) as net:
        ha, hb, mover = net.host("a", 10), net.host("b", 10), net.host("a", 11)
        net.start()
        said = shown(net.routers["a"])
        for name in UNDERLAY:
            assert said[name] == (name not in off)
        assert said["super_frames"] == (not {"super_frames", "vnet_hdr"} & set(off))
        assert said["udp_super_frames"] == (not {"super_frames", "vnet_hdr", "udp_super_frames"} & set(off))
        assert logged(net.routers["a"])
        check_port(net.routers["a"], off)
        check(net, ha, hb)
        net.wait_ping(mover, hb)
        net.wait_owner(mover.ip, "a")
        move_under_traffic(net, mover, ha)


@pytest.mark.parametrize("off", [FEATURES + ("super_frames",)], ids=["all"])
def test_a_router_without_features_works_with_one_that_has_them(off):
    def configure(name, conf):
        if name == "b":
            without(off)(name, conf)
    with Sites(configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        assert not any(shown(net.routers["b"]).values()) and all(shown(net.routers["a"]).values())
        check(net, ha, hb)


@pytest.mark.parametrize("off", NIC_CASES, ids=lambda off: "+".join(off) or "none")
def test_with_the_nics_mac_everything_works_without_these_features(off):
    def configure(name, conf):
        without(off)(name, conf)
        conf["vns"][0]["mac"] = "nic"
    with Sites(lan="nic", configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        for name, space in net.spaces.items():
            # A kernel that would forward, and has a way that works.
            space.sysctl("net.ipv4.ip_forward", 1)
            space.ip(f"address add {net.subnet(name).replace('.0/24', '.9')}/24 dev lan0")
            other = "b" if name == "a" else "a"
            space.ip(f"route add {net.subnet(other)} via {net.address(other)}")
        net.start()
        check_port(net.routers["a"], off)
        check(net, ha, hb)
        # Rules that a killed router leaves behind are replaced by the next one's, and end with it.
        router = net.routers["a"]
        router.kill()
        left = "vrd_lan0" in router.space.run("nft", "list", "tables")
        assert left == ("nft_owner" in off)
        router.start()
        net.wait_peers()
        net.wait_ping(ha, hb)
        assert net.ping(ha, hb, 10)
        assert router.stop() == 0
        assert router.space.run("nft", "list", "ruleset") == ""


def test_with_the_nics_mac_nftables_cannot_be_missing():
    def configure(name, conf):
        conf["vns"][0]["mac"] = "nic"
        conf["features"]["nftables"] = name != "a"
    with Sites(lan="nic", configure=configure) as net:
        with pytest.raises(LabError, match='mac: expected "virtual" or an address'):
            net.routers["a"].start()


def test_chachapoly_works_and_is_shown():
    def configure(_, conf):
        conf["session"]["cipher"] = "ChaChaPoly"
    with Sites(configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        check(net, ha, hb)
        assert net.peer("a", "b")["cipher"] == net.peer("b", "a")["cipher"] == "ChaChaPoly"
