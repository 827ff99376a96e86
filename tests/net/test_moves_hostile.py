"""What a router must not believe: refused, counted, and nothing changed."""

import pytest

import inside
from lab.layout import SITES, UNDERLAY
from lab.netns import Lab, wait_for
from lab.topology import WAN_DEVICE
from moves import World, vm, watch, world  # noqa: F401
from rack import gratuitous_arp, ip_packet, mac_bytes, rarp
from sniff import Sniffer
from survive import Traffic

FORGED = "10.1.0.97"


def _hostile(site, conf):
    """C's router claims what A and B do not allow it: to host A's machines, and to speak for A's subnet."""
    if site != "c":
        return
    vn = conf["vns"][0]
    for rule in vn["mobile"]:
        rule["hosts"] = list(SITES)
    vn["local"] = [*vn["local"], "10.1.0.0/25"]
    vn["subnets"] = ["10.1.0.0/24"]


@pytest.fixture(scope="module")
def besieged():
    """Clouds A and B, and a router C that claims more than it may."""
    with Lab("moves") as lab:
        clouds = World(lab, "subnets", hosts=("a", "b"), change=_hostile)
        clouds.start()
        yield clouds
        clouds.check()


def _tables(world, ip, sites="ab"):  # noqa: F811
    rows = {site: world.row(ip, site) for site in sites}
    return {site: row and (row["vr"], row["mac"], row["mobility"]) for site, row in rows.items()}


@pytest.mark.parametrize("said", ["rarp", "garp"])
def test_a_move_to_a_router_that_may_not_have_the_machine_is_refused(besieged, said):
    machine = besieged.machine("a")
    before = _tables(besieged, machine.ip)
    refused = {site: besieged.drops(site, "claim-refused") for site in "ab"}
    frame = {"rarp": rarp(machine.mac), "garp": gratuitous_arp(machine.mac, machine.ip)}[said]
    with Traffic(besieged, machine, ["native_a", "native_b"]) as traffic:
        machine.inject("c", frame)
        row = besieged.record(machine, "c")
        assert {ack["verdict"] for ack in row["acks"]} == {"refused"}
        assert row["outcome"] == "refused"
        for site in "ab":
            wait_for(lambda at=site: besieged.drops(at, "claim-refused") > refused[at], 2,
                     f"{site} to count it")
        traffic.must_go_on()
    assert _tables(besieged, machine.ip) == before
    assert not besieged.records(machine, ["a", "b"])
    besieged.retire()


def test_a_delta_about_a_machine_that_the_router_may_not_have_is_refused(besieged):
    """It says that it has heard a new machine, of A's subnet."""
    refused = besieged.drops("b", "claim-refused")
    besieged.say("client", gratuitous_arp(besieged.hosts["client"].mac("eth0"), "10.1.0.99"))
    wait_for(lambda: besieged.owner("10.1.0.99", "c") == "c", 2, "C's router to believe it")
    wait_for(lambda: besieged.drops("b", "claim-refused") > refused, 2, "B's router to refuse it")
    assert _tables(besieged, "10.1.0.99") == {"a": None, "b": None}


def test_a_forged_inner_source_is_refused(besieged):
    """C's router sends a packet to B's in the name of a machine of A's subnet."""
    dropped = besieged.drops("b", "peer-source")
    before = _tables(besieged, FORGED)
    marked = b"nobody must get this"
    packet = ip_packet(FORGED, "10.2.0.10", marked)
    client = besieged.hosts["client"]
    frame = mac_bytes(besieged.router_mac("c")) + mac_bytes(client.mac("eth0")) + b"\x08\x00"
    with Sniffer(besieged.hosts["native_b"], "eth0") as seen:
        def count():
            besieged.say("client", frame + packet)
            return besieged.drops("b", "peer-source") > dropped
        # C's router has to know the sender first.
        besieged.say("client", gratuitous_arp(client.mac("eth0"), FORGED))
        wait_for(lambda: besieged.owner(FORGED, "c") == "c", 2, "C's router to believe it")
        wait_for(count, 3, "B's router to count it")
        assert not seen.frames(lambda got: marked in got.data)
    assert _tables(besieged, FORGED) == before


def test_a_rarp_for_a_mac_that_nobody_knows_is_counted(world, vm):  # noqa: F811
    before = world.drops("b", "rarp-unknown")
    tables = {site: len(world.routers[site].show("hwdt")) for site in SITES}
    vm.inject("b", rarp("52:54:00:de:ad:01"))
    wait_for(lambda: world.drops("b", "rarp-unknown") == before + 1, 2, "it to be counted")
    assert {site: len(world.routers[site].show("hwdt")) for site in SITES} == tables
    assert not [row for site in SITES for row in world.routers[site].show("moves")
                if row["mac"] == "52:54:00:de:ad:01"]


def test_malformed_arp_and_rarp_change_nothing(world, vm):  # noqa: F811
    before = world.drops("b", "arp-malformed")
    good = rarp(vm.mac)
    own = mac_bytes(vm.mac)
    bad = [good[:14] + b"\0\x06" + good[16:],            # another hardware
           good[:18] + b"\x08" + good[19:],              # an address of 8 bytes
           good[:30],                                    # cut off
           gratuitous_arp(vm.mac, vm.ip)[:20] + b"\0\x09" + bytes(30)]
    for frame in bad:
        vm.inject("b", frame)
    # A group as sender.
    vm.inject("b", good.replace(own, b"\x03" + own[1:]))
    wait_for(lambda: world.drops("b", "arp-malformed") >= before + 3, 2, "them to be counted")
    watch(lambda: world.owners(vm.ip) == ["a"] * 3, 0.2, "the machine is at A")
    assert not world.records(vm)


@pytest.mark.parametrize("world", ["subnets"], indirect=True)
def test_replayed_records_are_refused(world, vm):  # noqa: F811
    """All that B's router sent to A's in a move is sent once more."""
    with Traffic(world, vm, ["native_b"]) as traffic:
        with Sniffer(world.sites["a"].space, WAN_DEVICE) as seen:
            vm.move("b")
            world.wait_owner(vm, "b")
            vm.move("a")
            world.wait_owner(vm, "a")
            traffic.must_go_on()
            # Their UDP checksums may be unfinished; none at all is allowed.
            frames = [got.data[:40] + b"\0\0" + got.data[42:] for got in seen.frames(
                lambda got: not got.outgoing and got.ip_from == UNDERLAY["b"]
                and len(got.data) <= 1514)]
        assert len(frames) > 20
        tables = _tables(world, vm.ip, SITES)
        before = world.drops("a", "replayed")
        with inside.packet(world.sites["b"].space, WAN_DEVICE, 0) as s:
            for frame in frames:
                s.send(frame)
        wait_for(lambda: world.drops("a", "replayed") > before, 3,
                 f"replays to be counted: {world.routers['a'].drops()}")
        traffic.must_go_on()
    assert _tables(world, vm.ip, SITES) == tables
    assert len(world.records(vm)) == 2


def test_a_router_with_a_wrong_key_is_refused():
    def change(site, conf):
        if site == "c":
            return
        for peer in conf["peers"]:
            if peer["name"] == "c":
                # Another router's key: nobody has the private one that belongs to it here.
                peer["public_key"] = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
    with Lab("moves") as lab:
        clouds = World(lab, "subnets", change=change)
        clouds.underlay.start()
        for router in clouds.routers.values():
            router.start()

        def state(site, peer):
            return next(row["state"] for row in clouds.routers[site].show("peers")
                        if row["name"] == peer)
        wait_for(lambda: state("a", "b") == "up", 5, "A and B to meet")

        def counted(site, reason):
            return clouds.routers[site].drops().get(reason, 0) > 0
        # C proves to have a key that no peer of theirs has; what they say to C is made for a key that is not its own.
        for site, reason in (("a", "unknown-peer"), ("b", "unknown-peer"), ("c", "mac1")):
            wait_for(lambda site=site, reason=reason: counted(site, reason), 5, f"{site} to count {reason}")
        assert not any(counted(site, "mac1") or counted(site, "handshake") for site in "ab")
        assert not counted("c", "unknown-peer")
        assert state("a", "c") == state("b", "c") == state("c", "a") == "down"
        clouds.check()


def test_noise_on_the_underlay_port_changes_nothing(world, vm):  # noqa: F811
    """Random bytes, and datagrams that look like records."""
    with Traffic(world, vm, ["client"]) as traffic:
        before = sum(world.routers["a"].drops().values())
        with inside.udp(world.sites["c"].space) as s:
            for size in range(0, 200, 7):
                s.sendto(bytes((size * 31 + i * 7) & 0xFF for i in range(size)),
                         (UNDERLAY["a"], 51341))
                s.sendto((b"\x04\x01\0\0" + bytes(range(200)))[:size + 4], (UNDERLAY["a"], 51341))
        wait_for(lambda: sum(world.routers["a"].drops().values()) > before + 20, 2, "counters")
        traffic.must_go_on()
    assert world.owners(vm.ip) == ["a"] * 3


