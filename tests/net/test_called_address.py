"""Who is called at one of several addresses answers from that one: a NAT lets nobody else in."""
import pytest
from lab.natnet import PORT, PUBLIC, WAN, NatNet
from lab.netns import Lab, wait_for
from nat_paths import DIRECT, RELAYED, wait_path
from relays import SYMMETRIC, only_udp

SECOND = "198.51.100.9"
LISTENS = ["0.0.0.0", "[::]"]


def called_at_second(net, name):
    """From now on the others call this router at its second address."""
    space = net.r if name == "r" else net.sites[name].space
    space.ip(f"address add {SECOND}/24 dev {WAN}")


def configure(listen, called):
    def change(name, conf):
        only_udp(name, conf)
        if name == called:
            conf["listen"] = f"{listen}:{PORT}"
        for peer in conf["peers"]:
            if peer["name"] == called and peer["endpoints"]:
                peer["endpoints"] = [f"{SECOND}:{PORT}"]
    return change


@pytest.mark.parametrize("listen", LISTENS)
def test_a_router_answers_from_the_address_that_was_called(listen):
    with Lab("called") as lab:
        net = NatNet(lab, "eim-apdf", "none", endpoints="y", rendezvous=False, configure=configure(listen, "y"))
        called_at_second(net, "y")
        net.start().wait_ping()
        wait_path(net, DIRECT)


@pytest.mark.parametrize("listen", LISTENS)
def test_a_relay_forwards_from_the_address_that_was_called(listen):
    with Lab("called") as lab:
        net = NatNet(lab, SYMMETRIC, SYMMETRIC, configure=configure(listen, "r"))
        called_at_second(net, "r")
        net.start().wait_ping()
        wait_path(net, RELAYED)


def test_an_address_that_is_taken_away_is_not_sent_from():
    """The one that was called goes; the peer knows the other as well."""
    def both(name, conf):
        configure("0.0.0.0", "y")(name, conf)
        for peer in conf["peers"]:
            if peer["name"] == "y":
                peer["endpoints"] = [f"{SECOND}:{PORT}", f"{PUBLIC['y']}:{PORT}"]
    with Lab("called") as lab:
        net = NatNet(lab, "eim-apdf", "none", endpoints="y", rendezvous=False, configure=both)
        called_at_second(net, "y")
        net.start().wait_ping()
        wait_path(net, DIRECT)
        net.y.space.ip(f"address delete {SECOND}/24 dev {WAN}")
        wait_for(lambda: net.ping("x") and net.ping("y"), 5, "the other address to be used")
