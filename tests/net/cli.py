"""The programs from the command line, and networks of routers for their tests.

    with three_sites() as net:
        status, output, errors = ctl(net.routers["a"], "show", "vr")
"""
import contextlib
import subprocess

from lab import tools
from lab.netns import wait_for
from sites import Sites

RED = 8  # the second network


def call(program, *arguments):
    """Exit status, output, errors."""
    done = subprocess.run([tools.built(program), *arguments], capture_output=True, text=True, timeout=10,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def ctl(router, *arguments):
    return call("vrctl", "-s", router.conf["control_socket"], *arguments)


@contextlib.contextmanager
def three_sites():
    with Sites(names="abc") as sites:
        sites.ha, sites.hb = sites.start_pair()
        yield sites


def walk(net, mover, sites):
    for site in sites:
        mover.move(site)
        mover.rarp()
        net.wait_owner(mover.ip, site)


def new_mover(net, number):
    mover = net.host("a", number)
    wait_for(mover.is_forwarding, 3, "the mover to be plugged in")
    mover.arp(net.gateway("a"))
    net.wait_owner(mover.ip, "a")
    return mover


def add_red(_, conf):
    """A second network, which has no machines."""
    conf["vns"].append({**conf["vns"][0], "id": RED, "name": "red", "device": "br1"})
    for peer in conf["peers"]:
        peer["vns"].append({**peer["vns"][0], "id": RED})


@contextlib.contextmanager
def two_networks():
    """Two sites with two networks each."""
    with Sites(configure=add_red) as sites:
        for space in sites.spaces.values():
            space.bridge("br1")
        sites.ha, sites.hb = sites.start_pair()
        yield sites
