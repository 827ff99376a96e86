"""What the tests of relays share: two routers that reach each other by a relay only, or by one of two."""
from lab.natnet import BRIDGE, PORT, VN, WAN, NatNet
from lab.router import Router
from nat_paths import RELAYED, wait_path

SYMMETRIC = "apdm-apdf"
SECOND, SECOND_ADDRESS, SECOND_SUBNET = "s", "198.51.100.2", "10.9.0"


def only_udp(_name, conf):
    """Relays are reached by UDP."""
    conf.pop("tcp_listen", None)
    for peer in conf["peers"]:
        peer.pop("tcp", None)


def relayed_net(lab, configure=None, before=None, wanted=RELAYED, second=False):
    """A running network in which x and y, behind symmetric NATs, use this path. 'configure' as NatNet's; 'before(net)' is
    called before the start; 'second': there are two relays."""
    def change(name, conf):
        only_udp(name, conf)
        if configure:
            configure(name, conf)
    net = NatNet(lab, SYMMETRIC, SYMMETRIC, configure=change)
    if second:
        _second_relay(net)
    if before:
        before(net)
    net.start().wait_ping()
    return wait_path(net, wanted)


def _second_relay(net):
    """A router like R, which x and y know as they know R."""
    space = net.lab.ns(SECOND)
    space.bridge(BRIDGE)
    net.underlay.attach(space, WAN, f"{SECOND_ADDRESS}/24")
    router = net.routers[SECOND] = Router(space, SECOND)
    router.conf = {
        "name": SECOND, "key_file": router.key_file, "state_dir": f"{router.folder}/state",
        "control_socket": f"{router.folder}/vrd.sock", "listen": f"{SECOND_ADDRESS}:{PORT}",
        "log": {"level": "debug", "file": f"{router.folder}/vrd.log"}, "relay": {},
        "vns": [{"id": VN, "name": "blue", "device": BRIDGE, "local": [f"{SECOND_SUBNET}.0/24"],
                 "addresses": [f"{SECOND_SUBNET}.1/24"]}],
        "peers": [peer for peer in net.routers["r"].conf["peers"] if peer["name"] in net.sites]}
    for site in net.sites.values():
        site.router.conf["peers"].append({
            "name": SECOND, "public_key": router.public_key, "relay": True,
            "endpoints": [f"{SECOND_ADDRESS}:{PORT}"],
            "vns": [{"id": VN, "prefixes": [f"{SECOND_SUBNET}.0/24"]}]})


def row(router, name):
    """What a router says about a peer."""
    return next(one for one in router.show("peers") if one["name"] == name)


def drops(router, reason):
    return router.drops().get(reason, 0)
