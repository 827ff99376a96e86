"""The kernel's VXLAN: encapsulated, but not sealed; the gateways route into the tunnel."""

from .routing import give_gateway_addresses

ABOUT = "kernel VXLAN to one remote, UDP 4789, outer checksums, routed, MTU 1450, not sealed"


def setup(path):
    one, two = path.sides
    give_gateway_addresses(path)
    for side, other in ((one, two), (two, one)):
        side.gateway.ip(f"link add vxlan0 type vxlan id 7 local {side.wan_address} "
                        f"remote {other.wan_address} dstport 4789 nolearning dev wan")
        side.gateway.ip(f"addr add 10.9.0.{side.number}/24 dev vxlan0")
        side.gateway.ip("link set vxlan0 up")
    for side, other in ((one, two), (two, one)):
        side.gateway.ip(f"route add {other.subnet} via 10.9.0.{other.number}")
