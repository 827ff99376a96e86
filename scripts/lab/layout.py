"""The two layouts of clouds A, B and C, as data: who has which address, and what each router is told."""
from dataclasses import dataclass, field

VN = 7
SITES = ("a", "b", "c")
UNDERLAY = {"a": "192.0.2.1", "b": "192.0.2.2", "c": "192.0.2.3"}
PORT = 51341
VM_MAC = "52:54:00:4c:41:05"
VM_HOSTS = ("a", "b")  # the sites between which the machine moves
# The machine beside which site each host stands; the client's site has no other native.
HOSTS = {"native_a": "a", "native_b": "b", "client": "c"}
# The same for hosts of plain LISP sites, where there are any; see lisp.py.
FAR_HOSTS = {"far": "d"}


@dataclass
class Layout:
    """Addresses have their prefix length."""
    name: str
    vm: str
    hosts: dict
    subnets: dict            # site -> its subnet
    gateways: dict = field(default_factory=dict)  # site -> the router's address on that LAN
    mobile: str = ""
    mobile_hosts: tuple = ()

    def gateway(self, site):
        """The gateway of a host of this site, without prefix length; None without one."""
        return self.gateways[site].split("/")[0] if self.gateways else None

    def vm_ip(self):
        return self.vm.split("/")[0]

    def shares_subnet(self, host):
        """Is the host in the machine's own subnet?"""
        return self.subnets[HOSTS[host]] == self.subnets["a"]


SUBNETS = Layout(
    name="subnets", vm="10.1.0.5/24",
    hosts={"native_a": "10.1.0.10/24", "native_b": "10.2.0.10/24", "client": "10.3.0.10/24"},
    subnets={"a": "10.1.0.0/24", "b": "10.2.0.0/24", "c": "10.3.0.0/24"},
    gateways={"a": "10.1.0.1/24", "b": "10.2.0.1/24", "c": "10.3.0.1/24"},
    mobile="10.1.0.0/24", mobile_hosts=("a", "b"))

STRETCHED = Layout(
    name="stretched", vm="10.0.0.5/24",
    hosts={"native_a": "10.0.0.11/24", "native_b": "10.0.0.12/24", "client": "10.0.0.13/24"},
    subnets={"a": "10.0.0.0/24", "b": "10.0.0.0/24", "c": "10.0.0.0/24"},
    mobile="10.0.0.0/24", mobile_hosts=("a", "b", "c"))

LAYOUTS = {layout.name: layout for layout in (SUBNETS, STRETCHED)}


def router_conf(layout, site, key_file, public_keys, folder):
    """The configuration of one site's router, as a dictionary. With one subnet per site each router answers for its own;
    with a stretched subnet every machine is mobile, and nothing is at home anywhere."""
    per_site = bool(layout.gateways)

    def fixed(which):
        return [layout.subnets[which]] if per_site else []
    peers = [{"name": peer, "public_key": public_keys[peer],
              "endpoints": [f"{UNDERLAY[peer]}:{PORT}"],
              "vns": [{"id": VN, "prefixes": fixed(peer)}]}
             for peer in SITES if peer != site]
    vn = {"id": VN, "name": "blue", "device": "br0", "local": fixed(site),
          "mobile": [{"prefix": layout.mobile, "hosts": list(layout.mobile_hosts)}]}
    if per_site:
        vn["addresses"] = [layout.gateways[site]]
    else:
        vn["subnets"] = [layout.subnets[site]]
    return {"name": site, "key_file": key_file, "state_dir": f"{folder}/state",
            "control_socket": f"{folder}/vrd.sock", "listen": f"{UNDERLAY[site]}:{PORT}",
            "log": {"level": "info", "file": f"{folder}/vrd.log"}, "vns": [vn], "peers": peers}
