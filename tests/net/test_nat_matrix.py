"""Routers behind every pair of kinds of NAT find each other, by the path that is written here."""
import pytest
from lab import matrix
from lab.nat import KINDS
from lab.natnet import PUBLIC, TCP_PORT, NatNet
from lab.netns import Lab
from nat_paths import DIRECT, PUNCHED, RELAYED, TCP

UDP_KINDS = [kind for kind in KINDS if kind not in ("udp-blocked", "tcp443-only")]
# Rows and columns in the order of KINDS, from the diagonal on. Two behind NATs punch if the mapping of at least one
# does not depend on the destination and, where that of the other does, it lets in who comes from another port of an
# address that was sent to. Without UDP the relay is reached by TCP, and everybody else only through it.
EXPECTED = """
            none   eim-eif eim-adf eim-apdf apdm-apdf double  udp-blocked tcp443-only
none        direct direct  direct  direct   direct    direct  relayed     relayed
eim-eif            punched punched punched  punched   punched relayed     relayed
eim-adf                    punched punched  punched   punched relayed     relayed
eim-apdf                           punched  relayed   punched relayed     relayed
apdm-apdf                                   relayed   relayed relayed     relayed
double                                                punched relayed     relayed
udp-blocked                                                   relayed     relayed
tcp443-only                                                               relayed
"""
CONNECT_MS = 1000
# Beyond what packets take on their way.
SLACK_MS = 50


def expected():
    """(x, y) -> path"""
    columns, *rows = [line.split() for line in EXPECTED.strip().splitlines()]
    return {(row[0], columns[columns.index(row[0]) + i]): path for row in rows for i, path in enumerate(row[1:])}


@pytest.fixture(scope="module")
def cells(request):
    """What was found of each pair; printed at the end, also when all is well."""
    found = []
    yield found
    if found:
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\n\n{matrix.table(found)}\n\n{matrix.grid(found)}")


def measure(wanted, x, y, **more):
    with Lab("matrix") as lab:
        return matrix.measure(NatNet(lab, x, y, **more), (wanted, wanted))


def leg(kind):
    """How a site reaches the rendezvous."""
    return DIRECT if kind in UDP_KINDS else TCP


def test_the_table_has_every_pair():
    assert list(expected()) == matrix.pairs()


@pytest.mark.parametrize("pair", matrix.pairs(), ids="-and-".join)
def test_every_pair_is_connected_by_the_expected_path(cells, pair):
    wanted = expected()[pair]
    cell = measure(wanted, *pair)
    cells.append(cell)
    assert cell.paths == (wanted, wanted), cell
    assert cell.legs == (leg(pair[0]), leg(pair[1]))
    assert cell.connect_ms <= CONNECT_MS and cell.settled_ms <= CONNECT_MS, cell
    # From the first answer on nothing is lost, whatever changes.
    assert cell.lost == 0


@pytest.mark.parametrize("kind", UDP_KINDS)
def test_a_public_router_whose_endpoint_is_known_needs_no_rendezvous(cells, kind):
    cell = measure(DIRECT, kind, "none", endpoints="y", rendezvous=False)
    cells.append(cell)
    assert cell.paths == (DIRECT, DIRECT) and cell.lost == 0


@pytest.mark.parametrize("kind", ["udp-blocked", "tcp443-only"])
def test_a_public_router_that_listens_on_tcp_needs_no_relay(kind):
    address = f"{PUBLIC['y']}:{TCP_PORT}"

    def configure(name, conf):
        if name == "y":
            conf["tcp_listen"] = address
        if name == "x":
            next(peer for peer in conf["peers"] if peer["name"] == "y")["tcp"] = [address]
    assert measure(TCP, kind, "none", configure=configure).paths == (TCP, TCP)


def test_equal_numbers_of_both_private_networks_do_no_harm():
    assert measure(PUNCHED, "eim-apdf", "eim-apdf", same_home=True).paths == (PUNCHED, PUNCHED)


@pytest.mark.parametrize("delay_ms", [10, 100])
@pytest.mark.parametrize("pair", [("eim-apdf", "double"), ("apdm-apdf", "apdm-apdf"), ("eim-apdf", "none"), ("udp-blocked", "eim-apdf")],
                         ids="-and-".join)
def test_relayed_traffic_flows_within_two_round_trips_and_loses_nothing_when_it_changes(pair, delay_ms):
    round_trip = 4 * delay_ms  # by the relay: each of its legs there and back
    cell = measure(expected().get(pair) or expected()[pair[::-1]], *pair, delay_ms=delay_ms)
    # One for the handshake, one for the question and its answer; the questions are 10 ms apart.
    assert cell.connect_ms <= 2 * round_trip + 10 + SLACK_MS, cell
    assert cell.lost == 0, cell
    # Both routers punch when they know of each other's candidates, and the way must have answered twice.
    assert cell.settled_ms <= max(CONNECT_MS, 4 * round_trip), cell
