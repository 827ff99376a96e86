"""fastd as packaged, on a TUN device, with the method that its documentation recommends.

Only the second gateway calls: a first call that nobody hears is repeated 20 seconds later."""

from lab.netns import run, wait_for

from .routing import give_gateway_addresses

ABOUT = "salsa2012+umac, UDP, TUN, MTU 1448, default settings otherwise"
PORT = 10000
START_SECONDS = 5
# 1500 less IP and UDP (28) and fastd's own header (24).
MTU = 1448


def key_pair():
    """{"Secret": ..., "Public": ...}"""
    return dict(line.split(": ") for line in run("fastd", "--generate-key").splitlines())


def setup(path):
    one, two = path.sides
    give_gateway_addresses(path)
    keys = {side: key_pair() for side in path.sides}
    for side, other in ((one, two), (two, one)):
        remote = f"remote {other.wan_address}:{PORT};" if side is two else ""
        file = path.path(f"{side.number}.fastd")
        with open(file, "w", encoding="ascii") as out:
            out.write(f"""
mode tun;
interface "tun0";
mtu {MTU};
method "salsa2012+umac";
bind {side.wan_address}:{PORT};
secret "{keys[side]["Secret"]}";
on up "ip link set tun0 up txqueuelen 1000 && ip route add {other.subnet} dev tun0";
peer "other" {{
	key "{keys[other]["Public"]}";
	{remote}
}}
""")
        path.start(side.gateway, "fastd", "--config", file)
        wait_for(lambda space=side.gateway: f":{PORT} " in space.run("ss", "-Hlun"), START_SECONDS,
                 "fastd to start")
