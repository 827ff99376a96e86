"""What the tests of routers behind NATs share."""
from lab.netns import wait_for

DIRECT, PUNCHED, RELAYED, TCP = "direct", "punched", "relayed", "tcp"


def paths(net):
    """How x reaches y, and y reaches x; None for who does not."""
    rows = (net.x.peer("y"), net.y.peer("x"))
    return tuple(row["path"] if row["state"] == "up" else None for row in rows)


def wait_path(net, wanted, timeout=30):
    wait_for(lambda: paths(net) == (wanted, wanted), timeout, f"both to use {wanted}: {paths(net)}")
    return net
