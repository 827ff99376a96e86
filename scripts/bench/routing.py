"""The limit: the gateways' kernels route, without any tunnel."""

ABOUT = "the kernel forwards, nothing is encapsulated or sealed"


def give_gateway_addresses(path):
    """The gateway is the kernel: it owns the LAN address and forwards."""
    for side in path.sides:
        path.inside(side.gateway, "ip", "addr", "add", f"{side.gateway_address}/24", "dev", "lan")
        path.inside(side.gateway, "sysctl", "-qw", "net.ipv4.ip_forward=1")


def setup(path):
    one, two = path.sides
    give_gateway_addresses(path)
    for side, other in ((one, two), (two, one)):
        path.inside(side.gateway, "ip", "route", "add", other.subnet, "via", other.wan_address)


def teardown(_path):
    """Nothing was started."""
