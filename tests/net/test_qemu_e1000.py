"""A real machine with an e1000 card, which says nothing itself after a move: only its hypervisor does, by RARP. What the new
site's router knows of it, it knows beforehand, or asks."""
import shutil

import pytest

from hypervisors import PATIENCE, Cloud, Trip
from lab import guest
from lab.netns import Lab, wait_for

DELAYS_MS = {"subnets": 5, "stretched": 0}


@pytest.fixture(scope="module", params=["subnets", "stretched"])
def booted(request):
    """The machine runs at A, in each layout; with one subnet per site the sites are far from each other."""
    with Lab("qemu") as lab:
        yield Cloud(lab, request.param, guest.make("e1000"), delay_ms=DELAYS_MS[request.param])


@pytest.fixture
def cloud(booted):
    """The same, for each test."""
    booted.bring_home()
    return booted


def test_rarp_alone_is_a_move_resolved_by_what_is_known(cloud):
    with Trip(cloud) as trip:
        for site in "ba":
            figures, record = trip.move(site)
            assert figures["announcements"]["gratuitous_arp"] == 0
            # Nobody was asked.
            assert record["resolved_us"] < 1000


@pytest.mark.parametrize("booted", ["subnets"], indirect=True)
def test_a_router_that_knows_nothing_asks_the_others(cloud):
    """B's router starts anew with nothing, and hears the RARP before any table has come from another router: these take
    50 ms longer than the session."""
    router = cloud.routers["b"]

    def start_anew():
        assert router.stop() == 0
        shutil.rmtree(router.conf["state_dir"])
        router.start()
        wait_for(router.peers_up, PATIENCE, "B's router to have its peers up", 0.001)
        assert cloud.owner(cloud.vm_ip, "b") is None, "it knows the machine already"
    with Trip(cloud, routers=False) as trip:
        _, record = trip.move("b", meanwhile=start_anew)
        # There and back: what was known beforehand is resolved in microseconds.
        assert record["resolved_us"] >= 2 * DELAYS_MS["subnets"] * 1000
        trip.move("a")
