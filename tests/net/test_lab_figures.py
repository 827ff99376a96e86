"""What an observer makes of captures: figures of flows, sealed records, records of moves. It must see what is wrong."""
from types import SimpleNamespace

import pytest
from lab import records, sealed, stolen
from lab.capture import packed
from lab.flows import Flow, FlowFigures, account
from lab.layout import HOSTS, STRETCHED, UNDERLAY
from lab.measure import PING_FLOW, UDP_FLOWS, Observer

CLIENT = UDP_FLOWS["client"]
SENDER = {**{flow: name for name, flow in UDP_FLOWS.items()}, PING_FLOW: "client"}


def request(number, at, flow=CLIENT, outbound=True):
    return SimpleNamespace(number=number, time=at, flow=flow, outbound=outbound, is_request=True)


def observer_of(hosts=tuple(UDP_FLOWS)):
    """An observer of sites a, b and c, without captures."""
    observer = object.__new__(Observer)
    observer.flows, observer.delay, observer.begin = {}, 0, None
    space = {name: SimpleNamespace(name=name) for name in "abc"}
    observer.captures = [SimpleNamespace(space=space[name]) for name in "abc"]
    observer.world = SimpleNamespace(layout=STRETCHED, sites={
        name: SimpleNamespace(space=space[name], tap="vm0") for name in "abc"})
    observer.lan_ports = {name: "lan" for name in "abc"}
    observer.host_ports = {name: (space[HOSTS[name]], f"to-{name}") for name in hosts}
    return observer


def figures(old, new, stopped, sent=None, routers=(), flow=CLIENT, asked=9.0):
    """What an observer makes of the client's requests, given as (number, time): those seen on the taps of the old site A and
    the new site B, those that left their host, all of them unless told, 'routers': (site, number, time) that came from a
    router. Every host sends on until 9 s."""
    if sent is None:
        numbers = sorted({n for n, _ in old + new})
        sent = [(n, 0.01 * n) for n in range(numbers[0], numbers[-1] + 1)]
    found = {("a", "vm0"): [request(n, t, flow) for n, t in old],
             ("b", "vm0"): [request(n, t, flow) for n, t in new]}
    for site, number, time_ in routers:
        found.setdefault((site, "lan"), []).append(request(number, time_, flow, outbound=False))
    for name, site in HOSTS.items():
        # The first and the last frames of a host say when its capture began and ended.
        mine = sent if name == SENDER[flow] else []
        port = [request(0, 0.0, 900), *[request(n, t, flow, False) for n, t in mine],
                request(1, 9.0, 900)]
        found[(site, f"to-{name}")] = port
    found = {port: list_ for port, list_ in found.items() if list_}
    seen, _ = observer_of()._flow_figures(found, "a", stopped, asked)
    return seen[flow]


def test_a_clean_move_has_clean_figures():
    seen = figures([(1, 0.1), (2, 0.2)], [(3, 0.3), (4, 0.4)], stopped=0.25)
    assert (seen.lost, seen.duplicated, seen.reordered, seen.to_two_sites) == (0, 0, 0, 0)
    assert seen.counted == 4


def test_a_request_to_the_dead_tap_is_lost():
    seen = figures([(1, 0.1), (2, 0.2)], [(4, 0.4)], stopped=0.15)
    assert (seen.lost, seen.to_two_sites) == (2, 0)


@pytest.mark.parametrize("flow", [*UDP_FLOWS.values(), PING_FLOW])
def test_a_flow_that_never_arrives_again_is_lost(flow):
    sent = [(n, 0.01 * n) for n in range(1, 101)]
    seen = figures([(1, 0.01), (2, 0.02)], [], stopped=0.025, sent=sent, flow=flow)
    assert (seen.lost, seen.counted) == (98, 100)


def test_a_flow_that_never_arrives_at_all_is_lost():
    seen = figures([], [], stopped=0.025, sent=[(n, 0.01 * n) for n in range(1, 101)])
    assert (seen.lost, seen.counted) == (100, 100)


def test_what_is_still_on_its_way_is_not_lost():
    sent = [(1, 0.1), (2, 0.2), (3, 8.99)]
    seen = figures([(1, 0.1)], [(2, 0.2)], stopped=0.15, sent=sent)
    assert (seen.lost, seen.counted) == (0, 2)


def test_what_was_sent_before_every_capture_ran_does_not_count():
    observer = observer_of()
    found = {("a", "vm0"): [request(2, 0.3)], ("a", "to-native_a"): [request(0, 0.25, 900)],
             ("b", "to-native_b"): [request(0, 0.0, 900)],
             ("c", "to-client"): [request(1, 0.1, outbound=False), request(2, 0.3, outbound=False),
                                  request(3, 0.4, 900)]}
    for port in list(found)[1:]:
        found[port].append(request(1, 9.0, 900))
    seen, window = observer._flow_figures(found, "a", 5.0, 9.0)
    assert (seen[CLIENT].lost, seen[CLIENT].counted) == (0, 1)
    assert window == pytest.approx(9.0 - 0.25 - 0.05)


def test_a_request_to_both_taps_is_seen_even_if_only_one_counts():
    assert figures([(1, 0.1), (2, 0.2)], [(2, 0.3), (3, 0.4)], stopped=0.15).to_two_sites == 1
    both = figures([(1, 0.1), (2, 0.14)], [(2, 0.3), (3, 0.4)], stopped=0.15)
    assert (both.to_two_sites, both.duplicated, both.lost) == (1, 1, 0)


@pytest.mark.parametrize("site", ["a", "c"])
def test_a_request_that_a_router_puts_on_another_lan_is_seen_at_two_sites(site):
    there = [("b", 3, 0.29), (site, 3, 0.31)]
    seen = figures([(1, 0.1), (2, 0.2)], [(3, 0.3), (4, 0.4)], stopped=0.25, routers=there)
    assert (seen.to_two_sites, seen.lost, seen.duplicated) == (1, 0, 0)
    one = figures([(1, 0.1), (2, 0.2)], [(3, 0.3), (4, 0.4)], stopped=0.25, routers=there[:1])
    assert one.to_two_sites == 0


def test_also_a_request_too_young_to_be_counted_is_seen_at_two_sites():
    sent = [(1, 0.1), (2, 8.99)]
    seen = figures([(1, 0.1)], [(2, 8.992)], stopped=0.25, sent=sent, routers=[("a", 2, 8.991)])
    assert (seen.to_two_sites, seen.counted) == (1, 1)


def test_late_requests_are_reordered_for_as_long_as_they_come():
    seen = figures([(1, 0.100)], [(5, 0.200), (2, 0.201), (6, 0.202), (3, 0.210), (4, 0.211)],
                   stopped=0.15)
    assert (seen.reordered, seen.reorder_episodes, seen.lost) == (3, 1, 0)
    assert seen.reordered_ms == pytest.approx(11, abs=0.01)
    assert seen.reordered_in_path == 0


def test_late_requests_that_overtake_each_other_are_out_of_order_in_their_path():
    seen = figures([(1, 0.100)], [(5, 0.200), (3, 0.201), (6, 0.202), (2, 0.210), (4, 0.211)],
                   stopped=0.15)
    assert (seen.reordered, seen.reordered_in_path) == (3, 1)


def test_a_request_counts_once_over_two_moves():
    flow, mine = Flow(), FlowFigures()
    flow.sent = {1: 0.1, 2: 0.2, 3: 0.3}
    flow.copies = {1: 1, 2: 1, 3: 1}
    account(flow, mine, 0, 0.25)
    assert (mine.counted, mine.lost, flow.settled) == (2, 0, 2)
    later = FlowFigures()
    flow.sent.update({4: 0.4, 5: 0.5})
    flow.copies.update({2: 1, 5: 1})
    account(flow, later, 0.25, 9.0)
    assert (later.counted, later.lost, later.duplicated) == (3, 1, 1)


RECORD = 401


def sealed_run(requests=400, extra=(), without=(), merged=(), busy=(), backlog=0, train=()):
    """Requests 1 ms apart and their records. 'extra': another record goes to a second site; 'without': no record;
    'merged': the record shares a datagram with one of an acknowledgement; 'busy': the router comes to it 4 ms late;
    'backlog': records of older requests first; 'train': these leave in one datagram, and in the midst of them the router says
    something for itself, which leaves before."""
    times = [0.001 * n for n in range(requests)]
    packets, counters = [], {b"b": 0, b"a": 0}

    def send(at, size, to=b"b", records=1, tos=0, after=0):
        payload = b"\4\1\0\0" + b"\0\0\0\7" + (counters[to] + after).to_bytes(8, "big")
        counters[to] += records
        packets.append(SimpleNamespace(time=at, ip_to=to, payload=payload, size=size + 42, tos=tos))
    for n in range(backlog):
        send(-0.001 + n * 1e-5, RECORD)
    for n, time_ in enumerate(times):
        at = time_ + (0.004 if n in busy else 0.0002)
        if train and n == train[-1]:
            send(at - 1e-5, 120, records=0, tos=sealed.CONTROL_TOS, after=len(train) // 2)
            send(at, len(train) * RECORD, records=len(train) + 1)
        if n not in without and n not in train:
            send(at, RECORD + (92 if n in merged else 0), records=1 + (n in merged))
        if n in extra:
            send(at, RECORD, to=b"a")
        if n % 10 == 0:
            send(at, 5 * 92, records=5)
    packets.sort(key=lambda packet: packet.time)
    return sealed.compare(times, packets, RECORD)


def test_one_record_for_each_request_is_all_right():
    for seen in (sealed_run(), sealed_run(merged=range(100, 200)), sealed_run(backlog=3),
                 sealed_run(busy=range(100, 120)), sealed_run(train=range(101, 109)), sealed_run(train=range(201, 227))):
        assert (seen["surplus"], seen["missing"]) == (0, 0)
        assert seen["taken"] >= 390


def test_one_record_too_many_is_seen_however_many_share_a_datagram():
    assert sealed_run(extra=[200], merged=range(0, 400, 3))["surplus"] == 1
    assert sealed_run(extra=[200, 201, 390])["surplus"] == 3
    # A record that was withheld does not make up for one too many.
    assert sealed_run(extra=[250], without=[120])["missing"] == 0
    assert sealed_run(extra=[120], without=[250])["surplus"] == 1


def test_a_request_without_a_record_is_seen():
    assert sealed_run(without=[200])["missing"] == 1
    assert sealed_run(without=[150], train=range(201, 227))["missing"] == 1
    assert sealed_run(requests=100)["taken"] == 0


MOVE = {"from": "a", "to": "b", "rarp_to_resolved_ms": 0.1, "rarp_to_all_acked_ms": 0.3,
        "rarp_to_router_delivery_ms": 0.5}
ROW = {"number": 3, "from": "a", "to": "b", "trigger": "rarp", "outcome": "done",
       "eids": ["10.0.0.5"], "heard_us": 7_000_020, "resolved_us": 8, "claimed_us": 80,
       "all_acked_us": 280, "first_frame_us": 480}


def record_of(*rows, rarp=7.0):
    return records.compare(list(rows), MOVE, "10.0.0.5", rarp)


def test_the_one_record_of_a_move_is_compared_at_every_step():
    good = record_of(("b", ROW))
    assert good["problem"] is None and good["difference_ms"] == pytest.approx(0.02)
    for key in ("claimed_us", "all_acked_us", "first_frame_us"):
        assert record_of(("b", {**ROW, key: ROW[key] + 4000}))["difference_ms"] > 3.9
        assert record_of(("b", {**ROW, key: None}))["difference_ms"] is None
    assert record_of(("b", ROW), rarp=6.99)["difference_ms"] > 9
    assert record_of(("b", ROW), rarp=None)["difference_ms"] is None


@pytest.mark.parametrize("wrong", [
    {"from": "c"}, {"to": "a"}, {"trigger": "garp"}, {"outcome": "unconfirmed"},
    {"eids": ["10.0.0.6"]}])
def test_a_record_of_something_else_is_none(wrong):
    seen = record_of(("b", {**ROW, **wrong}))
    assert seen["problem"] and seen["difference_ms"] is None


def test_there_must_be_exactly_one_record_at_the_new_site():
    assert record_of()["problem"] == "0 records"
    assert record_of(("b", ROW), ("a", ROW))["problem"] == "2 records"
    assert record_of(("a", ROW))["problem"]


def test_only_records_that_are_new_count():
    rows = {"a": [], "b": [ROW], "c": []}
    routers = {name: SimpleNamespace(show=lambda what, site=name: rows[site]) for name in rows}
    seen = records.Records(SimpleNamespace(routers=routers))
    seen.mark()
    assert seen.new() == []
    rows["b"] = [ROW, {**ROW, "number": 4}]
    assert [(site, row["number"]) for site, row in seen.new()] == [("b", 4)]


def test_the_first_packet_of_the_plain_site_to_the_new_locator_counts():
    def packet(time, to, outbound=True, protocol=17):
        return SimpleNamespace(time=time, outbound=outbound, protocol=protocol, ip_to=packed(UNDERLAY[to]))
    seen = {("d", "wan0"): [packet(0.9, "b"), packet(1.001, "a"), packet(1.002, "b", outbound=False),
                            packet(1.003, "b", protocol=6), packet(1.004, "b"), packet(1.005, "b")]}
    assert Observer._mapped(seen, "b", 1.0) == 4.0
    assert Observer._mapped({}, "b", 1.0) is None
    assert Observer._mapped(seen, "b", None) is None


def test_what_the_host_gave_to_others_is_of_what_was_wanted():
    # User, nice, system, idle, iowait, irq, softirq, steal, and guests, which are in the first two.
    wanted, lost = stolen.times("cpu  100 20 30 5000 700 5 45 50 40 10\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert (wanted, lost) == (250, 50)
    assert 0 <= stolen.Stolen().percent() <= 100
