"""The limit: the gateways' kernels route, without any tunnel."""

ABOUT = "the kernel forwards, nothing is encapsulated or sealed"


def give_gateway_addresses(path):
    """The gateway is the kernel: it owns the LAN address and forwards."""
    for side in path.sides:
        side.gateway.ip(f"addr add {side.gateway_address}/24 dev lan")
        side.gateway.sysctl("net.ipv4.ip_forward", 1)


def setup(path):
    one, two = path.sides
    give_gateway_addresses(path)
    for side, other in ((one, two), (two, one)):
        side.gateway.ip(f"route add {other.subnet} via {other.wan_address}")
