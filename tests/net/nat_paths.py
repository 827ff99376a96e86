"""What the tests of routers behind NATs share."""
import functools

import pytest
from lab import tools
from lab.netns import run, wait_for

DIRECT, PUNCHED, RELAYED, TCP = "direct", "punched", "relayed", "tcp"


@functools.cache
def _known_keys():
    return {line for line in run(tools.built("vrd"), "--help-config").splitlines() if not line.startswith(" ")}


needs_relay = pytest.mark.skipif(not {"relay", "tcp_listen", "peers[].relay", "peers[].tcp"} <= _known_keys(),
                                 reason="this vrd has no relay")


def paths(net):
    """How x reaches y, and y reaches x; None for who does not."""
    rows = (net.x.peer("y"), net.y.peer("x"))
    return tuple(row["path"] if row["state"] == "up" else None for row in rows)


def wait_path(net, wanted, timeout=30):
    wait_for(lambda: paths(net) == (wanted, wanted), timeout, f"both to use {wanted}: {paths(net)}")
    return net
