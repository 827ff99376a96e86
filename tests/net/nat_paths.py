"""What the tests of routers behind NATs share."""
import contextlib
from concurrent.futures import ThreadPoolExecutor

from lab.netns import Lab, wait_for

DIRECT, PUNCHED, RELAYED, TCP = "direct", "punched", "relayed", "tcp"


def paths(net):
    """How x reaches y, and y reaches x; None for who does not."""
    rows = (net.x.peer("y"), net.y.peer("x"))
    return tuple(row["path"] if row["state"] == "up" else None for row in rows)


def wait_path(net, wanted, timeout=30):
    wait_for(lambda: paths(net) == (wanted, wanted), timeout, f"both to use {wanted}: {paths(net)}")
    return net


def together(*scenarios):
    """Runs scenario(lab) of each at the same time, each in a lab of its own: for those that wait for most of their time."""
    with contextlib.ExitStack() as stack:
        labs = [stack.enter_context(Lab("together")) for _ in scenarios]
        with ThreadPoolExecutor(len(scenarios)) as pool:
            running = [pool.submit(scenario, lab) for scenario, lab in zip(scenarios, labs)]
            for one in running:
                one.result()
