"""Two clouds that filter everything, and a machine with vrd inside, which is migrated between them.

    client hb --- br0 [b] --- underlay --- [x] br0 --- vm0 (machine)
                                      \\---- [y] br0 --- vm0

x and y are hypervisors in networks of their own: each gives its machine one address by DHCP, and lets nothing in from its tap but
that machine's frames, with its MAC and this address. RARP is not let in, nor is any other ARP."""
import json

from lab import guest, qemu, tools
from lab.layout import VM_MAC
from lab.netns import wait_for
from lab.router import Router
from sites import PORT, VN, Sites

NETS = {"x": "203.0.113", "y": "198.51.100"}
WAN = {"x": "192.0.2.11", "y": "192.0.2.12"}
HOST = 7             # of the machine in each network
EID = "10.9.0.4"
PORT_NAME = "org.vrd.0"
MEMORY_KIB = 176 * 1024 + 8

LEASE = """#!/bin/sh
case $1 in
bound|renew)
	ip address flush dev $interface
	ip address add $ip/$mask dev $interface
	ip route replace default via $router dev $interface ;;
esac
"""
START = """
mkdir -p /var /run/vrd
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/net
until RENEW; do usleep 100000; done
# As udev does it.
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do ln -s /dev/${port##*/} /dev/virtio-ports/$(cat $port/name); done
vrd -c /etc/vrd.conf >/dev/console 2>&1 &
until ip address show vn0 >/dev/null 2>&1; do usleep 50000; done
"""
RENEW = ["udhcpc", "-n", "-q", "-f", "-i", "eth0", "-s", "/etc/lease", "-t", "4", "-T", "1"]


class Guest:
    """The machine as the helpers for traffic know hosts."""
    ip = EID


class FilteredClouds(Sites):
    """'underlay': what the machine's configuration has of that name. 'announces': its network card tells it of moves."""

    def __init__(self, underlay, announces=True, delay_ms=0):
        super().__init__("b", delay_ms=delay_ms)
        self.clouds = {name: self._cloud(name) for name in NETS}
        for name in NETS:
            self.spaces["b"].ip(f"route add {NETS[name]}.0/24 via {WAN[name]}")
        # Its files are made here; it runs in the machine.
        self.vm_router = Router(self.spaces["b"], "vm")
        conf = self.routers["b"].conf
        conf["listen"] = f"0.0.0.0:{PORT}"
        conf["sync"] = {"hello_ms": 500, "dead_ms": 4000}
        conf["peers"] = [{"name": "vm", "public_key": self.vm_router.public_key, "endpoints": [],
                          "vns": [{"id": VN, "prefixes": [f"{EID}/32"]}]}]
        self.hb = self.host("b", 10)
        options = [] if announces else ["-global", "virtio-net-pci.guest_announce=off"]
        self.machine = qemu.Machine(self.clouds["x"], "vm0", self._image(underlay), VM_MAC, None, port=PORT_NAME,
                                    options=options)
        self.at = "x"

    def _cloud(self, name):
        space, net = self.lab.ns(name), NETS[name]
        space.bridge("br0")
        space.tap("vm0", "br0")
        space.ip(f"address add {net}.254/24 dev br0")
        space.sysctl("net.ipv4.ip_forward", 1)
        space.sysctl("net.ipv4.conf.br0.rp_filter", 1)
        self.underlay.attach(space, "wan0", f"{WAN[name]}/24")
        self._write(f"filter-{name}.nft", f"""
            table netdev cloud {{
                counter foreign {{ }}
                chain in {{
                    type filter hook ingress device "vm0" priority 0; policy accept;
                    ether saddr {VM_MAC} arp saddr ether {VM_MAC} arp saddr ip {net}.{HOST} accept
                    ether saddr {VM_MAC} ip saddr {net}.{HOST} accept
                    ether saddr {VM_MAC} ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept
                    counter name foreign drop
                }}
            }}
            """)
        space.run("nft", "-f", self.lab.path(f"filter-{name}.nft"))
        leases = self.lab.path(f"leases-{name}")
        self._write(f"dhcp-{name}.conf", f"""
            start {net}.{HOST}
            end {net}.{HOST}
            interface br0
            lease_file {leases}
            pidfile {leases}.pid
            option subnet 255.255.255.0
            option router {net}.254
            option lease 3600
            static_lease {VM_MAC} {net}.{HOST}
            """)
        self._write(f"leases-{name}", "")
        space.popen("busybox", "udhcpd", "-f", self.lab.path(f"dhcp-{name}.conf"))
        return space

    def _write(self, name, text):
        with open(self.lab.path(name), "w", encoding="ascii") as file:
            file.write("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")

    def _image(self, underlay):
        conf = {"name": "vm", "key_file": "/etc/vrd.key", "state_dir": "/var/vrd", "control_socket": "/run/vrd/vrd.sock",
                "listen": f"0.0.0.0:{PORT}", "sync": {"hello_ms": 500, "dead_ms": 4000},
                "underlay": {"device": "eth0", **underlay}, "management_port": f"/dev/virtio-ports/{PORT_NAME}",
                "vns": [{"id": VN, "name": "blue", "model": "interface", "device": "vn0", "addresses": [f"{EID}/24"]}],
                "peers": [{"name": "b", "public_key": self.routers["b"].public_key,
                           "endpoints": [f"{self.address('b')}:{PORT}"],
                           "vns": [{"id": VN, "prefixes": [self.subnet("b")]}]}]}
        with open(self.vm_router.key_file, "rb") as file:
            key = file.read()
        files = {"start": (START.replace("RENEW", " ".join(RENEW)).encode(), 0o755),
                 "etc/lease": (LEASE.encode(), 0o755), "etc/vrd.key": (key, 0o600),
                 "etc/vrd.conf": (json.dumps(conf).encode(), 0o644), **guest.program(tools.built("vrd"))}
        base = guest.make(modules=guest.ROUTER_MODULES, memory_kib=MEMORY_KIB)
        return guest.extend(base, self.lab.path("initrd"), files)

    def start(self, timeout=90):
        self.underlay.start()
        self.routers["b"].start()
        self.machine.start()
        took = self.machine.wait_ready(timeout)
        print(f"the machine was ready after {took:.1f} s")
        wait_for(lambda: self.peer("b", "vm")["state"] == "up", 20, f"the machine's router: {self.machine.console()[-2000:]}")
        return self

    def endpoint(self):
        return self.peer("b", "vm")["endpoint"]

    def is_at(self, name):
        return self.endpoint() == f"{NETS[name]}.{HOST}:{PORT}"

    def foreign(self, name):
        """Frames that the cloud's filter did not let in."""
        text = self.clouds[name].run("nft", "-j", "list", "counters")
        return next(row["counter"]["packets"] for row in json.loads(text)["nftables"] if "counter" in row)

    def migrate(self):
        """To the other cloud; returns the migration. The old hypervisor's half is gone then."""
        to = "y" if self.at == "x" else "x"
        target = self.machine.at(self.clouds[to], "vm0").start(incoming=True)
        migration = qemu.migrate(self.machine, target)
        self.machine.end()
        self.machine, self.at = target, to
        return migration
