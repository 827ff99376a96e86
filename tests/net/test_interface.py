"""The interface model: machines that are their own routers, beside a site in the router model."""
import pytest
from machines import Machines


def test_first():
    with Machines() as net:
        net.start()
        net.wait_ping(net.m, net.ha)
        print(net.spaces["m"].ip("addr"), net.spaces["m"].ip("route"))
        assert net.ping(net.m, net.ha)
