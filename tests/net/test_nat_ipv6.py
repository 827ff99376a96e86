"""Routers with IPv6, behind firewalls and NATs: they find each other by the path that is written here."""
import pytest
from lab import matrix
from lab.natnet import NatNet
from lab.netns import Lab
from nat_paths import DIRECT, PUNCHED, RELAYED, TCP

# x by IPv4 and IPv6, y by both; the path, and by packets of which family; how each reaches the rendezvous. A site has an
# IPv4 of the kinds of nat.KINDS, None: none; and an IPv6 of KINDS6.
CASES = [
    # IPv6 only, global addresses: a firewall is a mapping that does not depend on the destination, and a filter that does.
    (None, "none", None, "none", DIRECT, 6, (DIRECT, DIRECT)),
    (None, "firewall", None, "none", DIRECT, 6, (DIRECT, DIRECT)),
    (None, "firewall", None, "firewall", DIRECT, 6, (DIRECT, DIRECT)),
    # NAT66.
    (None, "eim66", None, "eim66", PUNCHED, 6, (DIRECT, DIRECT)),
    (None, "eim66", None, "firewall", DIRECT, 6, (DIRECT, DIRECT)),
    (None, "apdm66", None, "firewall", RELAYED, None, (DIRECT, DIRECT)),
    (None, "apdm66", None, "none", DIRECT, 6, (DIRECT, DIRECT)),
    (None, "eim66", None, "apdm66", RELAYED, None, (DIRECT, DIRECT)),
    (None, "apdm66", None, "apdm66", RELAYED, None, (DIRECT, DIRECT)),
    # Both families: where IPv4 has no way through, IPv6 has.
    ("apdm-apdf", "firewall", "apdm-apdf", "firewall", DIRECT, 6, (DIRECT, DIRECT)),
    ("apdm-apdf", "none", "apdm-apdf", "none", DIRECT, 6, (DIRECT, DIRECT)),
    ("apdm-apdf", "eim66", "apdm-apdf", "eim66", PUNCHED, 6, (DIRECT, DIRECT)),
    # And where IPv6 has none, IPv4.
    ("eim-apdf", "apdm66", "eim-apdf", "apdm66", PUNCHED, 4, (DIRECT, DIRECT)),
    ("eim-apdf", "udp-blocked", "eim-apdf", "udp-blocked", PUNCHED, 4, (DIRECT, DIRECT)),
    # One has both, the other IPv4 only: through both NATs, although the rendezvous is reached by IPv6 at one of them.
    ("eim-apdf", "firewall", "eim-apdf", None, PUNCHED, 4, (DIRECT, DIRECT)),
    ("eim-apdf", "none", "none", None, DIRECT, 4, (DIRECT, DIRECT)),
    # No family in common.
    (None, "firewall", "eim-apdf", None, RELAYED, None, (DIRECT, DIRECT)),
    (None, "none", "none", None, RELAYED, None, (DIRECT, DIRECT)),
    (None, "firewall", "udp-blocked", None, RELAYED, None, (DIRECT, TCP)),
    # UDP is blocked where there is nothing but IPv6: the stream to the rendezvous goes by it.
    (None, "udp-blocked", None, "none", RELAYED, None, (TCP, DIRECT)),
    (None, "udp-blocked", None, "udp-blocked", RELAYED, None, (TCP, TCP)),
]
CONNECT_MS = 1000


def name(case):
    return f"{case[0]}+{case[1]}-and-{case[2]}+{case[3]}"


@pytest.fixture(scope="module")
def cells(request):
    """What was found of each pair; printed at the end, also when all is well."""
    found = []
    yield found
    if found:
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\n\n{matrix.table(found)}")


def measure(path, x, x6, y, y6, **more):
    with Lab("ipv6") as lab:
        return matrix.measure(NatNet(lab, x, y, x6, y6, **more), (path, path))


@pytest.mark.parametrize("case", CASES, ids=name)
def test_every_pair_is_connected_by_the_expected_path(cells, case):
    x, x6, y, y6, path, family, legs = case
    cell = measure(path, x, x6, y, y6)
    cells.append(cell)
    assert cell.paths == (path, path) and cell.families == (family, family), cell
    assert cell.legs == legs
    assert cell.connect_ms <= CONNECT_MS and cell.settled_ms <= CONNECT_MS, cell
    assert cell.lost == 0, cell
