"""A machine comes from a plain LISP site, which no router of ours can tell by MOVE: it is told by CHANGE-PRIORITY."""
import pytest
import sniff
from lab import lisp
from lab.netns import Lab, wait_for
from lab.topology import WAN_DEVICE
from lisp_clouds import LispClouds
from lisp_sites import is_control
from moves import PATIENCE
from rack import gratuitous_arp

MAC, EID = "52:54:00:4c:41:99", "10.1.0.99"
SHARED = 15  # the type of CHANGE-PRIORITY (RFC 9304)


@pytest.fixture(name="clouds", scope="module")
def _clouds():
    with Lab("lispprevious") as lab:
        world = LispClouds(lab, "push", register_s=5)
        world.routers[lisp.PLAIN].conf["vns"][0]["mobile"] = [{"prefix": world.layout.mobile}]
        server = world.routers[lisp.SERVER].conf["lisp"]["map_server"]
        server["mobile"][0]["sites"].append(lisp.PLAIN)
        world.start()
        yield world
        world.retire()
        world.check()


def registered_by(world):
    """The site whose registration of the machine the map-server has."""
    rows = world.routers[lisp.SERVER].show("registrations")
    return next((row.get("site") for row in rows if row["prefix"] == f"{EID}/32"), None)


def appear(world, host, site):
    world.say(host, gratuitous_arp(MAC, EID))
    wait_for(lambda: registered_by(world) == site, PATIENCE, f"{EID} to be registered by {site}")


def pushes(frames):
    return [frame.body[8:] for frame in frames
            if is_control(frame) and not frame.outgoing and frame.body[8] >> 4 == SHARED]


def test_the_site_that_had_it_is_told(clouds):
    appear(clouds, lisp.HOST, lisp.PLAIN)
    before = clouds.count(lisp.PLAIN, "auth_failed")
    with sniff.Sniffer(clouds.sites[lisp.PLAIN].space, WAN_DEVICE) as wire:
        appear(clouds, "native_b", "b")
        wait_for(lambda: pushes(wire.frames()), PATIENCE, "CHANGE-PRIORITY at D")
        messages = pushes(wire.frames())
    # One, of the new site, with neither H nor C, and authentic.
    assert len(messages) == 1
    assert int.from_bytes(messages[0][:4], "big") >> 14 & 3 == 0
    assert bytes(map(int, EID.split("."))) in messages[0]
    assert bytes(map(int, lisp.LOCATORS["b"].split("."))) in messages[0]
    assert clouds.count(lisp.PLAIN, "auth_failed") == before
    # That site acts on it: it is not there any more, and what comes for it goes to the new site.
    row = next(row for row in clouds.routers[lisp.PLAIN].show("hwdt") if row["eid"] == EID)
    assert (row["vr"], row["state"]) == ("(lisp)", "present")
    row = next(row for row in clouds.routers[lisp.PLAIN].show("mapcache") if row["prefix"] == f"{EID}/32")
    assert [locator["rloc"] for locator in row["locators"]] == [lisp.LOCATORS["b"]]
    # And it does not register it again.
    assert not [row for row in clouds.routers[lisp.PLAIN].show("registrations") if row["prefix"] == f"{EID}/32"]
    assert clouds.count("b", "pushed") == 1


def test_it_comes_back(clouds):
    appear(clouds, lisp.HOST, lisp.PLAIN)
    row = next(row for row in clouds.routers[lisp.PLAIN].show("hwdt") if row["eid"] == EID)
    assert row["vr"] == lisp.PLAIN


def test_each_return_is_newer_than_the_stay_before(clouds):
    """A map-server takes nothing older than what it has from a site that the machine left a moment ago."""
    refused = clouds.drops(lisp.SERVER, "displaced")
    for _ in range(2):
        appear(clouds, "native_b", "b")
        appear(clouds, lisp.HOST, lisp.PLAIN)
    assert clouds.drops(lisp.SERVER, "displaced") == refused


def test_routers_of_ours_are_not(clouds):
    """From one that is up the move has been heard of otherwise."""
    vm = clouds.machine("a", known=False)
    vm.announce()
    clouds.wait_owner(vm, "a")
    before = {site: clouds.count(site, "pushed") for site in "ab"}
    vm.move("b")
    clouds.wait_owner(vm, "b")
    wait_for(lambda: clouds.count("b", "registered"), PATIENCE, "the registration")
    assert {site: clouds.count(site, "pushed") for site in "ab"} == before
