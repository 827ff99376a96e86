"""Authentic records that arrive from somebody else's address first: he gets next to nothing, and nobody misses anything."""
from types import SimpleNamespace

import pytest
from lab.netns import wait_for
from lab.tools import tool
from resender import Resender, Victim
from sites import PORT, Sites
from survive import Traffic

ALL = 1_000_000
# Of payload, for each byte that came from there.
LIMIT = 3


@pytest.fixture(scope="module")
def net():
    with Sites() as sites:
        sites.victim = Victim(sites, "b")
        sites.ha, sites.hb = sites.start_pair()
        yield sites
        sites.victim.close()


@pytest.fixture
def traffic(net):
    """A's machine downloads from B's, and sends it numbered datagrams, 1000 per second, that it echoes."""
    service = net.hb.space.popen(tool("guestd"), stdout=-3)
    wait_for(lambda: ":5001 " in net.hb.space.run("ss", "-Hltn"), 5, "the service")
    world = SimpleNamespace(lab=net.lab, hosts={"a": net.ha.space})
    with Traffic(world, net.hb) as one:
        yield one
    net.lab.end(service)


@pytest.mark.parametrize("copies", [1, ALL])
def test_a_third_party_gets_no_more_than_came_from_it_three_times_over(net, traffic, copies):
    roams, before = net.peer("b", "a")["roams"], net.victim.look().bytes
    stream = traffic.streams["a"]
    with Resender(net, "a", "b") as resender:
        # The change to the slower way itself is over.
        traffic.must_go_on()
        begin = stream.mark()
        resender.resend(copies)
        resender.wait_copies(min(copies, 2000))
        traffic.must_go_on()
        goal = stream.mark()["sent"]
        wait_for(lambda: stream.mark()["highest"] >= goal, 5, "answers")
        end = stream.mark()
        got = net.victim.look().bytes - before
        print(f"{resender.bytes} bytes in {resender.copies} copies, {got} bytes to the victim, "
              f"{net.drops('b', 'replayed')} replayed")
        assert got <= LIMIT * resender.bytes
        assert copies == 1 or got < 0.1 * resender.bytes
    # Everybody went on talking where he was.
    row = net.peer("b", "a")
    assert row["endpoint"] == f"{net.address('a')}:{PORT}" and row["roams"] == roams
    assert end["received"] - begin["received"] >= 0.99 * (end["highest"] - begin["highest"])
    traffic.must_go_on()


def test_one_copy_says_nothing_for_ever(net, traffic):
    """Checks of an address that does not answer end."""
    with Resender(net, "a", "b") as resender:
        before = net.victim.look().count
        resender.resend(1)
        resender.wait_copies(1)
        traffic.must_go_on()
        seen = net.victim.look().count
        assert seen - before <= 3
        traffic.must_go_on()
        assert net.victim.look().count == seen
