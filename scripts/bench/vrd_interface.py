"""vrd, sealed, in the interface model: each host is its own router, and the gateways' kernels forward what it sends."""

from . import vrd

ABOUT = "the same, by a TUN device on each host"
DEVICE = "vn0"


def underlay(side, last):
    """An address on the wire between a host and its gateway."""
    return f"198.18.{side.number}.{last}"


def configuration(path, side, other, key):
    """The configuration of one host as a dictionary."""
    conf = vrd.gateway(path, side)
    conf["listen"] = f"{underlay(side, 10)}:{vrd.PORT}"
    del conf["vns"][0]["local"]
    conf["vns"][0].update(model="interface", device=DEVICE, addresses=[f"{side.host_address}/32"])
    conf["peers"] = [vrd.peer(vrd.NAMES[other.number], key, other.subnet, underlay(other, 10))]
    return conf


def make_underlay(path):
    """The hosts' own addresses go: they are the virtual ones."""
    one, two = path.sides
    for side, other in ((one, two), (two, one)):
        side.host.ip("addr flush dev eth0")
        side.host.ip(f"addr add {underlay(side, 10)}/24 dev eth0")
        side.host.ip(f"route add default via {underlay(side, 1)}")
        side.gateway.ip(f"addr add {underlay(side, 1)}/24 dev lan")
        side.gateway.sysctl("net.ipv4.ip_forward", 1)
        side.gateway.ip(f"route add {underlay(other, 0)}/24 via {other.wan_address}")


def setup(path):
    make_underlay(path)
    one, two = path.sides
    keys = vrd.make_keys(path, *vrd.NAMES.values())
    for side, other in ((one, two), (two, one)):
        vrd.start(path, side.host, configuration(path, side, other, keys[vrd.NAMES[other.number]]))
