"""How hosts reach the router, on each kind of LAN device; and the NIC's own MAC beside a forwarding kernel."""
import os

import inside
import pytest
import sniff
from lab.netns import wait_for
from sites import BROADCAST, VIRTUAL_MAC, Host, Sites, ip_bytes, mac_bytes
from traffic import Connection, Stream, transfer


def check_both_ways(net, ha, hb):
    """Ping, checksummed TCP and UDP, each way; nothing lost, doubled or reordered."""
    net.wait_ping(ha, hb)
    assert net.ping(ha, hb, 10) and net.ping(hb, ha, 10)
    transfer(ha, hb, 1 << 20)
    transfer(hb, ha, 1 << 20)
    for source, target in ((ha, hb), (hb, ha)):
        with Stream(source, target) as stream:
            stream.wait_received(100)
        assert (stream.lost(), stream.duplicated(), stream.reordered()) == (0, 0, 0)


# ---- the three ways ----

@pytest.mark.parametrize("lan", ["bridge", "nic"])
def test_the_router_owns_the_gateway(lan):
    with Sites(lan=lan) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        check_both_ways(net, ha, hb)
        assert ha.neighbour("10.1.0.1") == VIRTUAL_MAC


@pytest.mark.parametrize("lan", ["bridge", "nic"])
def test_proxy_arp_suffices_on_a_stretched_subnet(lan):
    with Sites(stretched=True, lan=lan) as net:
        ha, hb = net.host("a", 10), net.host("b", 20)
        net.start()
        check_both_ways(net, ha, hb)
        assert ha.neighbour(hb.ip) == VIRTUAL_MAC and hb.neighbour(ha.ip) == VIRTUAL_MAC


def add_native(net, site, outside, via="10.1.0.2"):
    """A router of the LAN's own at .254, with an address 'outside' behind it; it knows the VN behind 'via'."""
    native = net.host(site, 254, "native", route=False)
    native.space.sysctl("net.ipv4.ip_forward", 1)
    native.space.sysctl("net.ipv4.conf.all.send_redirects", 0)
    native.space.sysctl("net.ipv4.conf.eth0.send_redirects", 0)
    native.space.ip(f"address add {outside}/32 dev lo")
    for other in net.names:
        if other != site:
            native.space.ip(f"route add {net.subnet(other)} via {via}")
    return native


def native_conf(name, conf):
    if name == "a":
        conf["vns"][0]["addresses"] = ["10.1.0.2/24"]
        conf["vns"][0]["native_gateway"] = "10.1.0.254"


@pytest.fixture(scope="module")
def behind_native():
    """In A the gateway of the hosts is a native router, which routes the VN's prefixes to the VR's LAN address."""
    with Sites(configure=native_conf) as net:
        net.native = add_native(net, "a", "198.51.100.1")
        net.ha, net.hb = net.host("a", 10, route=False), net.host("b", 10)
        net.ha.space.ip("route add default via 10.1.0.254")
        net.start()
        yield net


def test_a_native_router_with_a_route_to_the_vr_suffices(behind_native):
    check_both_ways(behind_native, behind_native.ha, behind_native.hb)


def test_a_visitor_leaves_through_its_home_sites_native_router(behind_native):
    net = behind_native
    net.wait_ping(net.ha, "198.51.100.1")
    net.wait_owner(net.ha.ip, "a")
    with Connection(net.ha, net.hb) as connection:
        connection.exchange(1 << 18)
        net.ha.move("b")
        net.ha.rarp()
        net.wait_owner(net.ha.ip, "b")
        connection.exchange(1 << 18)
        net.wait_ping(net.ha, "198.51.100.1")
        assert net.ping(net.ha, "198.51.100.1")
        net.ha.move("a")
        net.ha.rarp()
        net.wait_owner(net.ha.ip, "a")
        connection.exchange(1 << 18)
    assert net.ping(net.ha, "198.51.100.1")


# ---- devices ----

class TapHost:
    """A machine behind a tap whose own stack is this class: it sees frames as a guest without any offload does."""

    def __init__(self, net, site, ip, mac="52:54:00:00:0a:07"):
        self.space, self.ip, self.mac = net.spaces[site], ip_bytes(ip), mac_bytes(mac)
        self.file = inside.tap(self.space, "tap7")
        self.space.ip("link set tap7 master br0 up")
        wait_for(lambda: self.space.run("cat", "/sys/class/net/tap7/brport/state").strip() == "3", 3, "the tap")

    def send(self, data):
        os.write(self.file, data)

    def wait(self, wanted):
        def look():
            while True:
                try:
                    frame = sniff.Frame(os.read(self.file, 70000))
                except BlockingIOError:
                    return None
                if wanted(frame):
                    return frame
        return wait_for(look, 3, "a frame on the tap")

    def resolve(self, address):
        self.send(BROADCAST + self.mac + bytes.fromhex("08060001080006040001") + self.mac + self.ip + bytes(6) +
                  ip_bytes(address))
        return self.wait(lambda frame: frame.op == 2 and frame.spa == address).sha

    def packet(self, to_mac, protocol, target, body):
        header = bytearray(bytes.fromhex("4500") + (20 + len(body)).to_bytes(2, "big") + bytes(4) +
                           bytes([64, protocol, 0, 0]) + self.ip + ip_bytes(target))
        header[10:12] = (0xFFFF - sniff.checksum(bytes(header))).to_bytes(2, "big")
        return to_mac + self.mac + b"\x08\0" + bytes(header) + body


def test_a_machine_behind_a_tap_gets_finished_frames():
    with Sites() as net:
        hb = net.host("b", 10)
        net.start()
        guest = TapHost(net, "a", "10.1.0.7")
        gateway = guest.resolve("10.1.0.1")
        assert gateway == mac_bytes(VIRTUAL_MAC)
        guest.send(guest.packet(gateway, sniff.ICMP, hb.ip, bytes.fromhex("0800f7fc00010002")))
        answer = guest.wait(lambda frame: frame.protocol == sniff.ICMP and frame.body[0] == 0)
        assert answer.sums_are_right() and answer.ip_from == hb.ip and answer.source == gateway
        with inside.udp(hb.space, hb.ip) as service:
            body = (5000).to_bytes(2, "big") + service.getsockname()[1].to_bytes(2, "big") + b"\0\x0c\0\0ping"
            guest.send(guest.packet(gateway, sniff.UDP, hb.ip, body))
            _, source = service.recvfrom(100)
            # The sender's kernel leaves the checksum of these to the device.
            service.sendto(b"x" * 1301, source)
            answer = guest.wait(lambda frame: frame.protocol == sniff.UDP)
        assert answer.sums_are_right() and answer.body[6:8] != b"\0\0" and answer.body[8:] == b"x" * 1301
        os.close(guest.file)


def test_a_device_with_an_address_of_the_hosts_own_serves_both():
    def configure(name, conf):
        if name == "a":
            conf["vns"][0]["local"] = ["10.1.0.0/24"]
    with Sites(lan="nic", configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        for name, space in net.spaces.items():
            space.ip(f"address add {net.subnet(name).replace('.0/24', '.9')}/24 dev lan0")
        net.start()
        check_both_ways(net, ha, hb)
        # The host's own address is its kernel's, for its LAN.
        assert net.ping(ha, "10.1.0.9")


# ---- the NIC's own MAC ----

OUTSIDE = "198.51.100.1"


def nic_conf(name, conf):
    conf["vns"][0]["mac"] = "nic"
    if name == "a":
        conf["vns"][0]["native_gateway"] = "10.1.0.254"


@pytest.fixture(scope="module", params=["veth", "bridge"])
def own_mac(request):
    """The routers use the device's own MAC; their hosts' kernels forward, and have routes for everything."""
    with Sites(lan="bridge" if request.param == "bridge" else "nic", configure=nic_conf) as net:
        net.kind = request.param
        net.ha, net.hb = net.host("a", 10), net.host("b", 10)
        net.native = add_native(net, "a", OUTSIDE, "10.1.0.1")
        net.device = "lan0" if net.lan == "nic" else "br0"
        for name, space in net.spaces.items():
            space.sysctl("net.ipv4.ip_forward", 1)
            space.ip(f"address add {net.subnet(name).replace('.0/24', '.9')}/24 dev {net.device}")
            # To the outside as well: A's kernel through the native router, B's over the underlay.
            space.ip(f"route add default via {'10.1.0.254' if name == 'a' else net.address('a')}")
            for other in net.names:
                if other != name:
                    # A way that works: what the kernel forwards would arrive twice.
                    space.ip(f"route add {net.subnet(other)} via {net.address(other)}")
        net.start()
        yield net


def test_with_the_nics_mac_everything_arrives_once(own_mac):
    check_both_ways(own_mac, own_mac.ha, own_mac.hb)


def test_with_the_nics_mac_hosts_see_the_devices_mac(own_mac):
    net = own_mac
    net.wait_ping(net.ha, net.hb)
    shown = net.routers["a"].show("vr")["vns"][0]["mac"]
    assert net.ha.neighbour("10.1.0.1") == shown != VIRTUAL_MAC
    if net.kind == "veth":
        assert shown == net.spaces["a"].mac("lan0")


def test_with_the_nics_mac_the_kernel_says_nothing(own_mac):
    net = own_mac
    net.wait_ping(net.ha, net.hb)
    wan = [sniff.Sniffer(space, "wan0") for space in net.spaces.values()]
    with sniff.Sniffer(net.ha.space, "eth0") as left, sniff.Sniffer(net.hb.space, "eth0") as right:
        transfer(net.ha, net.hb, 1 << 20)
        # Nobody listens there: only the far host itself may say so, and only once.
        with inside.udp(net.ha.space) as sender:
            sender.connect((net.hb.ip, 9))
            sender.send(b"x")
            left.wait(lambda frame: frame.protocol == sniff.ICMP, what="port unreachable")
        try:
            inside.connect(net.ha.space, net.hb.ip, 9)
        except ConnectionRefusedError:
            pass
        said_left = left.frames(lambda frame: frame.ip and not frame.outgoing)
        said_right = right.frames(lambda frame: frame.ip and not frame.outgoing)
    assert {frame.ip_from for frame in said_left} == {net.hb.ip}
    assert {frame.ip_from for frame in said_right} == {net.ha.ip}
    assert sum(frame.protocol == sniff.ICMP for frame in said_left) == 1
    resets = [frame for frame in said_left if frame.protocol == sniff.TCP and frame.body[13] & 4]
    assert len(resets) == 1  # of the refused connection
    for seen in wan:
        assert not seen.frames(lambda frame: frame.ip_from.startswith("10."))
        seen.socket.close()


def test_with_the_nics_mac_the_hosts_own_address_still_works(own_mac):
    assert own_mac.ping(own_mac.ha, "10.1.0.9")


def said_to(seen):
    """IP packets that came in, by source, protocol and first bytes of what they carry."""
    return [(frame.ip_from, frame.protocol, frame.body[0] if frame.protocol == sniff.ICMP else frame.body[13] & 4)
            for frame in seen.frames(lambda frame: frame.protocol in (sniff.ICMP, sniff.TCP) and not frame.outgoing)]


def refused(space, address):
    with pytest.raises(OSError):
        inside.connect(space, address, 9, timeout=2)


def test_with_the_nics_mac_the_outside_is_reached_once_and_through_the_router_only(own_mac):
    net = own_mac
    net.wait_ping(net.ha, OUTSIDE)
    wan = [sniff.Sniffer(space, "wan0") for space in net.spaces.values()]
    with sniff.Sniffer(net.ha.space, "eth0") as left, sniff.Sniffer(net.native.space, "eth0") as native:
        assert net.ping(net.ha, OUTSIDE, 5)
        refused(net.ha.space, OUTSIDE)
        asked = native.frames(lambda frame: frame.ip_to == OUTSIDE and not frame.outgoing)
        assert len(asked) == 6  # five echo requests, one SYN
        assert sorted(said_to(left)) == [(OUTSIDE, sniff.ICMP, 0)] * 5 + [(OUTSIDE, sniff.TCP, 4)]
    for seen in wan:
        assert not seen.frames(lambda frame: frame.ip_from.startswith("10."))
        seen.socket.close()


def test_with_the_nics_mac_only_the_router_says_that_there_is_no_way_out(own_mac):
    net = own_mac
    net.wait_ping(net.hb, net.ha)
    wan = [sniff.Sniffer(space, "wan0") for space in net.spaces.values()]
    with sniff.Sniffer(net.hb.space, "eth0") as right:
        refused(net.hb.space, OUTSIDE)
        right.wait(lambda frame: frame.protocol == sniff.ICMP and frame.body[0] == 3, what="no way")
        assert set(said_to(right)) == {("10.2.0.1", sniff.ICMP, 3)}
    for seen in wan:
        assert not seen.frames(lambda frame: frame.ip_from.startswith("10."))
        seen.socket.close()


def test_with_the_nics_mac_new_prefixes_of_a_reload_arrive_once(own_mac):
    net = own_mac
    news = {"a": ("10.7.0", "10.6.0.0/24"), "b": ("10.6.0", "10.7.0.0/24")}
    hosts = {}
    for name, (own, other) in news.items():
        host = Host(net, f"late{name}", name, f"{own}.10", 24)
        host.space.ip(f"route add default via {own}.1")
        hosts[name] = host
        net.spaces[name].ip(f"route add {own}.0/24 dev {net.device}")
        net.spaces[name].ip(f"route add {other} via {net.address('b' if name == 'a' else 'a')}")
        vn = net.routers[name].conf["vns"][0]
        vn["local"].append(f"{own}.0/24")
        vn["addresses"].append(f"{own}.1/24")
        # Many more, so that no table of a fixed size has room for the last.
        net.routers[name].conf["peers"][0]["vns"][0]["prefixes"] += [
            *(f"172.{16 + i // 256}.{i % 256}.0/25" for i in range(1500)), other]
    for host in hosts.values():
        wait_for(host.is_forwarding, 3, "the newcomers to be plugged in")
    for router in net.routers.values():
        assert "reloaded" in router.reload()["text"]
    net.wait_ping(hosts["a"], hosts["b"])
    wan = [sniff.Sniffer(space, "wan0") for space in net.spaces.values()]
    with sniff.Sniffer(hosts["b"].space, "eth0") as seen:
        assert net.ping(hosts["a"], hosts["b"], 5)
        arrived = seen.frames(lambda frame: frame.protocol == sniff.ICMP and frame.body[0] == 8)
        assert len(arrived) == 5
    check_both_ways(net, hosts["a"], hosts["b"])
    for seen in wan:
        assert not seen.frames(lambda frame: frame.ip_from.startswith("10."))
        seen.socket.close()
