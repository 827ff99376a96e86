"""What strangers and dishonest sites send about sites behind a NAT: refused, counted, and nothing has changed; whoever is not
authentic gets no byte back."""
import os
import random
import signal
import time

import foreign_xtr as draft
import inside
import pytest
import sniff
from lab.netns import wait_for
from lisp_nat import FOREIGN_NET, FOREIGN_SECRET, STRANGER, NatSites
from lisp_sites import CONTROL, DATA, forged
from sites import VN

SECRET = FOREIGN_SECRET.encode()
LATER = 1 << 63  # a nonce above all others


@pytest.fixture(scope="module")
def net():
    with NatSites() as sites:
        for site in "acd":
            sites.host(site, 10)
        sites.start()
        sites.xtr = sites.foreign()
        try:
            sites.xtr.register(sites.xtr.ask().rtrs[0])
            wait_for(lambda: sites.xtr.notified, 3, "a Map-Notify")
            sites.wait_ping(sites.xtr, sites.hosts["ha10"])
            yield sites
        finally:
            sites.xtr.close()


def server_counts(net):
    return net.counts("m", "map_server")


class Unchanged:
    """Within it nothing is learned: neither by the map-server nor by the RTR; 'counter' of 'counts' grows by 'by'."""

    def __init__(self, net, counts, counter, by=1):
        self.net, self.counts, self.counter, self.by = net, counts, counter, by

    def _known(self):
        relayed = {row["prefix"]: (row["seen"], row["xtr_id"]) for row in self.net.routers["c"].show("relayed")}
        registered = {row["prefix"]: [locator["rloc"] for locator in row["locators"]]
                      for row in self.net.routers["m"].show("registrations")}
        return relayed, registered

    def __enter__(self):
        self.before, self.known = self.counts(self.net)[self.counter], self._known()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            wait_for(lambda: self.counts(self.net)[self.counter] >= self.before + self.by, 3,
                     f"{self.counter} to be counted: {self.counts(self.net)}")
            assert self.counts(self.net)[self.counter] == self.before + self.by
            assert self._known() == self.known
            assert self.net.ping(self.net.hosts["ha10"], self.net.hosts["hd10"])
            assert self.net.ping(self.net.hosts["ha10"], self.net.xtr)


# ---- Info-Requests ----

@pytest.mark.parametrize("secret, prefix, counter", [
    (b"a guess", FOREIGN_NET, "auth_failed"),
    (SECRET, "10.1.0.0/24", "auth_failed"),
    (SECRET, "10.99.0.0/24", "prefix_refused"),
])
def test_a_forged_info_request_is_not_answered(net, secret, prefix, counter):
    if prefix == "10.1.0.0/24":
        counter = "key_unknown"  # of the keys of that site none has this number
    with Unchanged(net, server_counts, counter):
        message = draft.info_request(1, secret, VN, prefix)
        assert net.said_by_stranger(message, net.address("m"), CONTROL) is None


def test_a_replayed_info_request_is_answered_to_nobody_else(net):
    assert net.xtr.ask()
    with Unchanged(net, server_counts, "info_repeated"):
        assert net.said_by_stranger(net.xtr.asked, net.address("m"), CONTROL) is None
    # Who sent it first may repeat it.
    assert net.xtr.ask(net.xtr.asked)


def test_an_authentic_flood_gets_few_answers(net):
    before, start = server_counts(net)["infos"], time.monotonic()
    for _ in range(200):
        net.xtr.control.sendto(draft.info_request(random.getrandbits(64), SECRET, VN, FOREIGN_NET),
                               (net.address("m"), CONTROL))
    wait_for(lambda: server_counts(net)["info_limited"] > 0, 3, "too many to be counted")
    answered = server_counts(net)["infos"] - before
    assert answered <= 20 + 10 * (time.monotonic() - start + 1)
    # The answers are not what the next question waits for.
    net.xtr.control.settimeout(0.2)
    try:
        while net.xtr.control.recv(2000):
            pass
    except TimeoutError:
        pass


# ---- Map-Registers ----

def relayed(net, message, to=None, port=CONTROL, **bits):
    """As an xTR with the address 10.0.0.66 behind some NAT sends it."""
    return draft.ecm(draft.ip_udp("10.0.0.66", 50000, to or net.address("m"), port, message), **(bits or {"r": True}))


def test_a_replayed_map_register_takes_nothing_over(net):
    notified = len(net.xtr.notified)
    packet = net.xtr.register(net.address("c"))
    wait_for(lambda: len(net.xtr.notified) > notified, 3, "a Map-Notify")
    with Unchanged(net, server_counts, "replayed"):
        assert net.said_by_stranger(packet, net.address("c"), CONTROL, DATA) is None


def test_of_two_copies_neither_is_believed(net):
    """The other one comes first, as from somebody on the path, and its answer after the second."""
    seen = net.behind(FOREIGN_NET)["seen"]
    net.xtr.nonce += 1
    message = draft.map_register(net.xtr.nonce, SECRET, VN, FOREIGN_NET, net.address("c"), net.xtr.xtr_id)
    packet = draft.ecm(draft.ip_udp(net.xtr.rloc, 50000, net.address("m"), CONTROL, message), r=True)
    server = net.routers["m"].process.pid
    os.kill(server, signal.SIGSTOP)
    try:
        assert net.said_by_stranger(packet, net.address("c"), CONTROL, DATA, wait=0.1) is None
        net.xtr.data.sendto(packet, (net.address("c"), CONTROL))
        wait_for(lambda: net.rtr_counts()["ambiguous"] == 1, 3, "the two to be noticed")
    finally:
        os.kill(server, signal.SIGCONT)
    wait_for(lambda: net.xtr.register(net.address("c")) and net.behind(FOREIGN_NET)["renewed_s"] < 0.5, 5,
             "the next Map-Register", 0.3)
    assert net.behind(FOREIGN_NET)["seen"] == seen


@pytest.mark.parametrize("prefix", ["10.1.0.0/24", "10.4.0.0/24", "10.99.0.0/24"])
def test_a_site_registers_nothing_but_its_own(net, prefix):
    counter = {"10.1.0.0/24": "key_unknown", "10.4.0.0/24": "key_unknown"}.get(prefix, "prefix_refused")
    with Unchanged(net, server_counts, counter):
        net.xtr.register(net.address("c"), prefix)


def test_an_xtr_id_is_no_right_to_what_another_one_has(net):
    own = net.xtr.xtr_id
    net.xtr.xtr_id = bytes.fromhex(net.behind(net.subnet("d"))["xtr_id"])
    try:
        seen = net.behind(net.subnet("d"))["seen"]
        notified = len(net.xtr.notified)
        net.xtr.register(net.address("c"))
        wait_for(lambda: len(net.xtr.notified) > notified, 3, "a Map-Notify")
        assert net.behind(net.subnet("d"))["seen"] == seen
        assert net.ping(net.hosts["ha10"], net.hosts["hd10"])
    finally:
        net.xtr.xtr_id = own
        net.xtr.register(net.address("c"))
        wait_for(lambda: net.behind(FOREIGN_NET)["xtr_id"] == own.hex(), 3, "its own xTR-ID again")


def rtr_counts(net):
    return net.rtr_counts()


@pytest.mark.parametrize("counter, change", [
    ("server_unknown", {"to": STRANGER}),
    ("server_unknown", {"port": 53}),
    ("no_xtr_id", {"xtr_id": bytes(16)}),
    ("malformed", {"cut": 1}),
])
def test_an_rtr_relays_only_what_it_should(net, counter, change):
    message = draft.map_register(LATER, b"a guess", VN, FOREIGN_NET, net.address("c"),
                                 change.get("xtr_id", bytes(range(16))))
    message = message[:len(message) - change.get("cut", 0)]
    with Unchanged(net, rtr_counts, counter), sniff.Sniffer(net.stranger, "wan0") as wire:
        packet = relayed(net, message, change.get("to"), change.get("port", CONTROL))
        assert net.said_by_stranger(packet, net.address("c"), CONTROL) is None
        assert not wire.frames(lambda frame: frame.ip_from == net.address("c") and frame.protocol == sniff.UDP)


def test_a_forged_map_register_ends_at_the_map_server(net):
    message = draft.map_register(LATER, b"a guess", VN, FOREIGN_NET, net.address("c"), bytes(range(16)))
    with Unchanged(net, server_counts, "auth_failed"):
        assert net.said_by_stranger(relayed(net, message), net.address("c"), CONTROL) is None


def test_only_an_rtr_relays(net):
    net.xtr.nonce += 1
    message = draft.map_register(net.xtr.nonce, SECRET, VN, FOREIGN_NET, STRANGER, bytes(range(16)))
    with Unchanged(net, server_counts, "rtr_unknown"):
        assert net.said_by_stranger(relayed(net, message, n=True), net.address("m"), CONTROL, CONTROL) is None


def test_a_flood_of_map_registers_from_one_address_is_limited(net):
    before = net.rtr_counts()
    with inside.udp(net.stranger, STRANGER) as s:
        for nonce in range(500):
            message = draft.map_register(nonce, b"a guess", VN, FOREIGN_NET, net.address("c"), bytes(range(16)))
            s.sendto(relayed(net, message), (net.address("c"), CONTROL))
    wait_for(lambda: net.rtr_counts()["limited"] > before["limited"] + 300, 3, "most to be refused")
    assert net.ping(net.hosts["ha10"], net.hosts["hd10"])


# ---- Map-Notifies ----

@pytest.mark.parametrize("source, auth, counter", [
    (None, b"", "auth_failed"),
    (None, bytes.fromhex("02000000 0102 0010") + bytes(16), "auth_failed"),
    (STRANGER, bytes.fromhex("02000000 0102 0010") + bytes(16), "server_unknown"),
])
def test_a_forged_map_notify_is_not_believed(net, source, auth, counter):
    """Also with the nonce of a Map-Register that waits, and signed by the site that is to be taken over."""
    body = draft.map_register(net.xtr.nonce, SECRET, VN, FOREIGN_NET, net.address("c"), net.xtr.xtr_id)
    message = draft.signed(bytes([4 << 4 | 8, 0, 0, 1]) + body[4:16] + bytes(16) + body[32:], 16, SECRET)
    first = 8 << 28 | 0x02000000 | (0x08000000 if auth else 0)
    packet = first.to_bytes(4, "big") + auth + \
        draft.ip_udp(net.address("m"), CONTROL, net.xtr.rloc, CONTROL, message)
    with Unchanged(net, rtr_counts, counter), inside.raw_ip(net.stranger) as s:
        s.sendto(draft.ip_udp(source or net.address("m"), CONTROL, net.address("c"), CONTROL, packet),
                 (net.address("c"), 0))


# ---- data ----

@pytest.mark.parametrize("inner_source, target, reason", [
    ("hd10", "hc10", "plain-source"),  # seen elsewhere
    ("hd10", "hd10", "plain-source"),
    ("ha10", "hd10", "plain-source"),  # a router of ours has it
    ("10.99.0.1", "10.98.0.1", "not-here"),
])
def test_unsolicited_data_to_the_rtr_is_not_sent_on(net, inner_source, target, reason):
    addresses = {name: host.ip for name, host in net.hosts.items()}
    inner_source, to = addresses.get(inner_source, inner_source), addresses.get(target, target)
    before = net.drops("c", reason)
    spaces = [net.hosts[target].space] if target in net.hosts else [net.stranger]
    device = "eth0" if target in net.hosts else "wan0"
    with sniff.Sniffer(spaces[0], device) as wire, inside.raw_ip(net.stranger) as s:
        s.sendto(forged(STRANGER, (net.address("c"), to), inner_source), (net.address("c"), 0))
        net.wait_drops("c", reason, before + 1)
        assert not wire.frames(lambda frame: b"forged" in frame.data and not frame.outgoing)
    assert net.ping(net.hosts["ha10"], net.hosts["hd10"])
