"""The lab's NATs are what their names say, by the tests of RFC 5780, and forget what they are told to forget."""
import inside
import pytest
from lab.netns import Lab
from lab.natnet import PORT, PUBLIC, NatNet
from nat_probe import STRAGGLER_S, Probe, reaches_tcp

UDP_NATS = ("eim-eif", "eim-adf", "eim-apdf", "apdm-apdf", "double")
# What is seen from outside; without a NAT the address is the router's own and everybody is heard.
SEEN = {"none": ("eim", "eif"), "eim-eif": ("eim", "eif"), "eim-adf": ("eim", "adf"), "eim-apdf": ("eim", "apdf"),
        "apdm-apdf": ("apdm", "apdf"), "double": ("eim", "apdf")}
SHORT_S = 2


@pytest.fixture
def lab():
    with Lab("nat") as one:
        yield one


def nat_net(lab, kind):
    """Only X and what is around it; nobody runs a router."""
    return NatNet(lab, kind, "none", rendezvous=False).start_nats()


@pytest.mark.parametrize("kind", SEEN)
def test_each_maps_and_filters_as_its_name_says(lab, kind):
    net = nat_net(lab, kind)
    with Probe(net, net.x) as probe:
        filtering = probe.filtering()
        assert (probe.mapping(), filtering) == SEEN[kind]


@pytest.mark.parametrize("kind", UDP_NATS)
def test_the_outer_port_is_not_the_inner_one(lab, kind):
    net = nat_net(lab, kind)
    with Probe(net, net.x) as probe:
        address, port = probe.mapped()
        assert address == PUBLIC["x"] and port != PORT


@pytest.mark.parametrize("kind", UDP_NATS)
def test_nobody_is_let_in_before_something_was_sent(lab, kind):
    net = nat_net(lab, kind)
    with Probe(net, net.x) as probe:
        assert probe.hears_nobody((PUBLIC["x"], net.x.nats[-1].port))


@pytest.mark.parametrize("kind", UDP_NATS)
def test_an_early_packet_of_who_punches_does_not_take_the_mapping(lab, kind):
    net = nat_net(lab, kind)
    with Probe(net, net.x) as probe:
        guess = (PUBLIC["x"], net.x.nats[-1].port)
        probe.public[1, 1].sendto(b"early", guess)
        mapped = probe.mapped((1, 1))
        assert kind == "apdm-apdf" or mapped == guess
        assert probe.hears((1, 1), mapped, (1, 1))


@pytest.mark.parametrize("change", ["rebind", "reboot"])
@pytest.mark.parametrize("kind", UDP_NATS)
def test_a_new_mapping_has_another_port_and_the_old_one_is_closed(lab, kind, change):
    net = nat_net(lab, kind)
    with Probe(net, net.x) as probe:
        before = probe.mapped()
        assert probe.hears((0, 0), before)
        getattr(net.x, change)()
        assert probe.hears_nobody(before)
        after = probe.mapped()
        assert after[0] == before[0] and after[1] != before[1]
        assert probe.hears((0, 0), after)
        assert probe.hears_nobody(before)


@pytest.mark.parametrize("kind", UDP_NATS)
def test_a_mapping_ends_when_nothing_has_passed_for_its_time_and_not_before(lab, kind):
    net = nat_net(lab, kind)
    with Probe(net, net.x) as probe:
        net.x.forget_after(SHORT_S)
        mapped = probe.mapped()
        probe.inner.settimeout(SHORT_S / 2)
        # Kept open from inside for longer than its time: half of it after each other.
        for _ in range(3):
            with pytest.raises(TimeoutError):
                probe.inner.recv(1)
            assert probe.mapped() == mapped
        assert probe.hears((0, 0), mapped)
        # Not kept open: it is only listened, for one period and what the kernel takes to look.
        probe.inner.settimeout(SHORT_S + 1)
        with pytest.raises(TimeoutError):
            probe.inner.recv(1)
        assert probe.hears_nobody(mapped)
        assert probe.hears((0, 0), probe.mapped())


@pytest.mark.parametrize("kind", ["eim-apdf", "double"])
@pytest.mark.parametrize("change,survives", [("rebind", True), ("reboot", False)])
def test_tcp_survives_a_rebinding_and_no_reboot(lab, kind, change, survives):
    net = nat_net(lab, kind)
    with inside.listener(net.y.space, PUBLIC["y"], 8000) as waiting, \
            inside.connect(net.x.space, PUBLIC["y"], 8000) as one:
        other, _ = waiting.accept()
        with other:
            one.sendall(b"a")
            assert other.recv(1) == b"a"
            getattr(net.x, change)()
            one.sendall(b"b")
            other.settimeout(1)
            if survives:
                assert other.recv(1) == b"b"
            else:
                with pytest.raises(TimeoutError):
                    other.recv(1)


def test_while_it_is_off_nothing_passes(lab):
    net = nat_net(lab, "eim-apdf")
    with Probe(net, net.x) as probe:
        probe.mapped()
        seen = []

        def meanwhile():
            probe.inner.sendto(b"lost", probe.public[0, 0].getsockname())
            probe.public[0, 0].settimeout(STRAGGLER_S)
            try:
                seen.append(probe.public[0, 0].recv(10))
            except TimeoutError:
                seen.append(None)
        net.x.reboot(meanwhile)
        assert seen == [None]


@pytest.mark.parametrize("kind,open_ports,closed_ports", [
    ("udp-blocked", (443, 5000), ()), ("tcp443-only", (443,), (80, 444, 5000)), ("eim-apdf", (443, 5000), ())])
def test_what_is_blocked_is_blocked_and_nothing_else(lab, kind, open_ports, closed_ports):
    net = nat_net(lab, kind)
    with Probe(net, net.x) as probe:
        for public in probe.public.values():
            probe.inner.sendto(b"udp", public.getsockname())
        # TCP that is let through came later: by then the UDP is there, or never comes.
        for port in open_ports:
            assert reaches_tcp(net, net.x, port), port
        for port in closed_ports:
            assert not reaches_tcp(net, net.x, port, 0.5), port
        heard = [bool(probe.stragglers(public)) for public in probe.public.values()]
        assert set(heard) == {kind == "eim-apdf"}
        # Nor from outside.
        assert probe.hears_nobody((PUBLIC["x"], PORT))


def test_only_443_means_no_ping_either(lab):
    net = nat_net(lab, "tcp443-only")
    assert "0 received" in net.x.space.run("ping", "-c", "1", "-W", "1", PUBLIC["y"], check=False)
    assert "1 received" in net.y.space.run("ping", "-c", "1", "-W", "1", PUBLIC["r"], check=False)


def test_delay_and_same_private_numbers_on_both_sides(lab):
    net = NatNet(lab, "eim-apdf", "eim-apdf", same_home=True, rendezvous=False, delay_ms=10).start_nats()
    assert net.x.address == net.y.address
    with Probe(net, net.x) as probe:
        assert probe.filtering() == "apdf"
    with Probe(net, net.y) as probe:
        assert probe.mapped()[0] == PUBLIC["y"]
