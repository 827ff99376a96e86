"""NATs and firewalls that are real kernels: one namespace each, between an inside and an outside device.

They are named by what RFC 4787 calls their mapping and their filtering: EIM is endpoint-independent mapping, APDM
address-and-port-dependent; EIF, ADF and APDF are endpoint-independent, address-dependent and address-and-port-dependent
filtering. A mapping that depends on the address alone is not among them: no kernel makes one.

For IPv6 there are stateful firewalls, which map nothing and let in only what answers (RFC 6092), and NAT66, which is
what the kernel makes of masquerading there.

A NAT knows one socket behind it, the router's. Where the mapping is endpoint-independent this socket has one outer port
on purpose unlike its own, so that nobody finds it by guessing; everything else behind the NAT is masqueraded plainly.
"""
from dataclasses import dataclass

from .netns import Namespace

INSIDE, OUTSIDE = "in0", "out0"
# Where outer ports begin; each rebinding takes the next.
PORT_BASE = 40001
# The kernel's own value for a flow that was answered.
TIMEOUT_S = 120
# Family -> words of nft, sysctl and conntrack for it.
WORDS = {4: {"nft": "ip", "sysctl": "ipv4", "forwarding": "net.ipv4.ip_forward", "icmp": "icmp", "address": "ipv4_addr"},
         6: {"nft": "ip6", "sysctl": "ipv6", "forwarding": "net.ipv6.conf.all.forwarding", "icmp": "ipv6-icmp",
             "address": "ipv6_addr"}}


@dataclass(frozen=True)
class Behaviour:
    """What one NAT does. 'tcp_ports': all when empty."""
    mapping: str = "eim"     # or "apdm"; "none": a firewall
    filtering: str = "apdf"  # or "adf", "eif"
    udp: bool = True         # does it let UDP pass?
    icmp: bool = True
    tcp_ports: tuple = ()


FULL_CONE = Behaviour(filtering="eif")
ADDRESS_RESTRICTED = Behaviour(filtering="adf")
PORT_RESTRICTED = Behaviour()
SYMMETRIC = Behaviour(mapping="apdm")

FIREWALL = Behaviour(mapping="none")

# Name of a kind of site -> the NATs that it is behind, from the inside out.
KINDS = {
    "none": (),
    "eim-eif": (FULL_CONE,),
    "eim-adf": (ADDRESS_RESTRICTED,),
    "eim-apdf": (PORT_RESTRICTED,),
    "apdm-apdf": (SYMMETRIC,),
    "double": (PORT_RESTRICTED, PORT_RESTRICTED),
    "udp-blocked": (Behaviour(udp=False),),
    "tcp443-only": (Behaviour(udp=False, icmp=False, tcp_ports=(443,)),),
}
# The same for IPv6.
KINDS6 = {
    "none": (),
    "firewall": (FIREWALL,),
    "eim66": (PORT_RESTRICTED,),
    "apdm66": (SYMMETRIC,),
    "udp-blocked": (Behaviour(mapping="none", udp=False),),
}


@dataclass
class Socket:
    """The socket behind a NAT for which it makes its one mapping."""
    address: str
    port: int


class Nat:
    """One NAT, or firewall, of one family. Its devices INSIDE and OUTSIDE are made by whoever cables it, before start()."""

    def __init__(self, space: Namespace, behaviour: Behaviour, socket: Socket, family=4):
        self.space, self.behaviour, self.socket, self.family = space, behaviour, socket, family
        self.words = WORDS[family]
        self.port = PORT_BASE  # outer port of the socket, where the mapping does not depend on the destination
        self.timeout_s = TIMEOUT_S

    def start(self):
        self.space.sysctl(self.words["forwarding"], 1)
        self._load()
        # Its first question for a neighbour may come before the switch lets its port send, which takes some milliseconds.
        self.space.sysctl(f"net.{self.words['sysctl']}.neigh.{OUTSIDE}.retrans_time_ms", 10)
        # A connection that it does not know is none: as in a box that has started anew.
        self.space.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)

    # ---- what happens to it ----

    def rebind(self):
        """Forgets every UDP mapping: the next packet from inside gets another outer port. TCP stays."""
        self._next_port()
        self._forget("-D", "-p", "udp", "-f", f"ipv{self.family}")

    def map_anew(self, address):
        """The socket is at this address from now on, and gets another outer port. What there is of mappings stays."""
        self.socket.address = address
        self._next_port()

    def reboot(self, meanwhile=None):
        """Nothing passes while it is off, then all of its mappings are gone, those of TCP too. 'meanwhile()' is called
        while it is off."""
        routes = self.space.ip(f"route show default dev {OUTSIDE}").splitlines()
        self.space.ip(f"link set {OUTSIDE} down")
        if meanwhile:
            meanwhile()
        self._next_port()
        self._forget("-F")
        self.space.ip(f"link set {OUTSIDE} up")
        for route in routes:
            self.space.ip(f"route add {route.replace(' linkdown', '')} dev {OUTSIDE}")

    def forget_after(self, seconds):
        """From now on a mapping is gone when nothing has passed by it for so long. Mappings there are begin anew."""
        self.timeout_s = seconds
        for key in ("", "_stream"):
            self.space.sysctl(f"net.netfilter.nf_conntrack_udp_timeout{key}", seconds)
        self._load()
        self._forget("-D", "-p", "udp", "-f", f"ipv{self.family}")

    def _next_port(self):
        # First the rules and then what was made by the former: a packet between the two must not get the old port.
        self.port += 1
        self._load()

    def _forget(self, *what):
        # Fails when there was nothing to forget.
        self.space.run("conntrack", *what, check=False)

    # ---- its rules ----

    def _load(self):
        """All rules anew, at one stroke; what is remembered in sets is gone."""
        rules = self.space.lab.path(f"{self.space.name}.nft")
        with open(rules, "w", encoding="ascii") as file:
            table = f"table {self.words['nft']} nat"
            file.write(f"{table}\ndelete {table}\n{table} {{\n")
            file.writelines(f"{line}\n" for line in
                            [*self._own(), *self._forward(), *self._outwards(), *self._inwards()])
            file.write("}\n")
        self.space.run("nft", "-f", rules)

    def _own(self):
        # What is for nobody behind it is not answered. Were it, an early packet of somebody who punches would become a
        # connection of the NAT itself, and the mapping in the other direction would have to take another port.
        asked = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;" if self.family == 6 else ""
        return [f"chain input {{ type filter hook input priority filter; policy drop; {asked} }}"]

    def _forward(self):
        passes = []
        if self.behaviour.udp:
            passes.append("meta l4proto udp accept")
        if self.behaviour.icmp:
            passes.append(f"meta l4proto {self.words['icmp']} accept")
        ports = self.behaviour.tcp_ports
        passes.append(f"tcp dport {{ {', '.join(map(str, ports))} }} accept" if ports
                      else "meta l4proto tcp accept")
        return ["chain forward { type filter hook forward priority filter; policy drop;",
                "ct state invalid drop",
                "ct state established,related accept",
                f'iifname "{OUTSIDE}" ct status dnat accept',
                *(f'iifname "{INSIDE}" {one}' for one in passes), "}"]

    def _outwards(self):
        if self.behaviour.mapping == "none":
            return []
        nat = ["chain postrouting { type nat hook postrouting priority srcnat;"]
        if self.behaviour.mapping == "apdm":
            nat.append(f'oifname "{OUTSIDE}" masquerade fully-random')
        else:
            nat.append(f'oifname "{OUTSIDE}" {self.words["nft"]} saddr {self.socket.address} '
                       f"udp sport {self.socket.port} masquerade to :{self.port}")
            nat.append(f'oifname "{OUTSIDE}" masquerade')
        return [*nat, "}"]

    def _inwards(self):
        """Who may open the way in. Connection tracking lets in what answers, which is APDF. For the others a set
        remembers what the socket has sent, by its outer port, as long as a mapping lives; it is asked before DNAT."""
        ip = self.words["nft"]
        sets = {"eif": ("inet_service", "udp sport", "udp dport"),
                "adf": (f"{self.words['address']} . inet_service", f"{ip} daddr . udp sport", f"{ip} saddr . udp dport")}
        if self.behaviour.filtering not in sets:
            return []
        kind, sent, asked = sets[self.behaviour.filtering]
        return [f"set opened {{ type {kind}; flags dynamic,timeout; timeout {self.timeout_s}s; size 4096; }}",
                "chain remember { type filter hook postrouting priority srcnat + 10;",
                f'oifname "{OUTSIDE}" udp sport {self.port} update @opened {{ {sent} }}', "}",
                "chain prerouting { type nat hook prerouting priority dstnat;",
                f'iifname "{OUTSIDE}" udp dport {self.port} {asked} @opened '
                f"dnat to {self.socket.address}:{self.socket.port}", "}"]
