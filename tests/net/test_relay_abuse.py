"""A million packets of people who have no business with a relay: whom it serves must not notice."""
import base64
import hashlib
import hmac
import random
import re
import subprocess

import pytest
import sniff
from forge import INIT, RECORD, is_underlay
from lab import tools
from lab.natnet import PORT, PUBLIC, WAN
from lab.netns import Lab, wait_for
from nat_paths import RELAYED, paths
from relays import relayed_net
from sites import ip_bytes, mac_bytes
from traffic import Stream, transfer

RELAY, RELAYED_TYPE = 5, 6
COUNT, RATE = 1_000_000, 50_000
# So many different ones, each of which comes again and again.
VARIETY = 20_000
# Where answers to strangers are counted: all of these are one machine.
STRANGERS = [f"198.51.100.{number}" for number in range(64, 96)]
# A relay keeps nothing for whom it does not know; what is left is the C library's.
MEMORY_KB = 1024
INIT_SIZE, MAC1_AT, MAC_SIZE = 160, 128, 16
HEADER = bytes([1, 0, 0])
# What each kind of packet is counted as; the first of "init" are answered with work, the others with a cookie.
REASONS = {"random": ("malformed", "no-index", "mac1", "unasked"), "no-mac1": ("mac1",),
           "mac1": ("handshake", "load"), "old-init": ("stale", "load"), "no-index": ("no-index",),
           "short": ("malformed",), "forged": ("forged",), "replayed": ("replayed",)}

COUNTERS = """table inet abuse {
    set strangers { type ipv4_addr; elements = { %s }; }
    counter in_all { }
    counter in_strangers { }
    counter out_strangers { }
    counter in_calls { }
    counter out_answers { }
    chain input { type filter hook input priority filter;
        udp dport %d counter name in_all
        ip saddr @strangers udp dport %d counter name in_strangers
        ip saddr != @strangers udp dport %d @th,64,8 1 counter name in_calls
    }
    chain output { type filter hook output priority filter;
        ip daddr @strangers counter name out_strangers
        ip daddr != @strangers udp sport %d @th,64,8 { 2, 3 } counter name out_answers
    }
}
""" % (", ".join(STRANGERS), PORT, PORT, PORT, PORT)


class World:
    """The network with an attacker on its Internet, and what was heard at the relay since the start."""

    def __init__(self, lab):
        def watch(net):
            self.heard = sniff.Sniffer(net.r, WAN)
            self.attacker = lab.ns("attacker")
            net.underlay.attach(self.attacker, "eth0", f"{STRANGERS[0]}/24")
            for address in STRANGERS[1:]:
                self.attacker.ip(f"address add {address}/24 dev eth0")
        self.net = relayed_net(lab, before=watch)
        self.relay = self.net.routers["r"]
        self.chance = random.Random(5)
        rules = lab.path("counters.nft")
        with open(rules, "w", encoding="ascii") as file:
            file.write(COUNTERS)
        self.net.r.run("nft", "-f", rules)

    def hear(self, kind, outgoing=False):
        """UDP payloads of this type, to or from the relay, with where they came from or went to."""
        found = self.heard.frames(lambda frame: frame.protocol == sniff.UDP and len(frame.body) > 24 and
                                  frame.outgoing == outgoing and frame.body[8] == kind)
        assert found, f"no datagrams of type {kind}"
        return [frame.body[8:] for frame in found]

    def counter(self, name):
        """Packets and bytes."""
        said = self.net.r.run("nft", "list", "counter", "inet", "abuse", name)
        return tuple(int(word) for word in re.search(r"packets (\d+) bytes (\d+)", said).groups())

    def memory_kb(self):
        with open(f"/proc/{self.relay.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    # ---- what is sent ----

    def payloads(self):
        """kind -> how one of it is made"""
        chance = self.chance
        key = hashlib.sha256(b"vrd mac1" + base64.b64decode(self.relay.public_key)).digest()
        inits = [one[:INIT_SIZE] for one in self.hear(INIT)]
        records = [one for kind in (RECORD, RELAY) for one in self.hear(kind)]
        # What the relay itself sent has another's index.
        others = [one for kind in (RECORD, RELAYED_TYPE) for one in self.hear(kind, outgoing=True)]

        def call(mac1):
            start = bytes([INIT]) + HEADER + bytes(12) + chance.randbytes(4) + bytes(4)
            body = start + chance.randbytes(MAC1_AT - len(start))
            mac = hmac.digest(key, body, "sha256")[:MAC_SIZE] if mac1 else chance.randbytes(MAC_SIZE)
            return body + mac + bytes(MAC_SIZE)

        def forged(record):
            # Its counter has not been used: that it is false is found out by opening it.
            counter = int.from_bytes(record[8:16], "big") + chance.randrange(1, 1 << 20) * 4096
            return record[:8] + counter.to_bytes(8, "big") + record[16:-8] + chance.randbytes(8)
        return {
            "random": lambda: chance.randbytes(chance.choice((1, 15, 16, 17, 40, 100, 200))),
            "no-mac1": lambda: call(False), "mac1": lambda: call(True), "old-init": lambda: chance.choice(inits),
            "no-index": lambda: bytes([chance.choice((RECORD, RELAY, RELAYED_TYPE))]) + HEADER +
            chance.randbytes(chance.choice((60, 120, 400))),
            "short": lambda: chance.choice(records)[:chance.randrange(1, 16)],
            "forged": lambda: forged(chance.choice(records)), "replayed": lambda: chance.choice(records),
            "others": lambda: chance.choice(others)}

    def frames(self):
        """The variety, from strangers and from where the peers are themselves, as tests/net/relay_flood.c reads it."""
        peers = [(PUBLIC[name], int(self.endpoint(name).split(":")[1])) for name in self.net.sites]
        mac = mac_bytes(self.net.r.mac(WAN)) + mac_bytes(self.attacker.mac("eth0")) + b"\x08\0"
        makers = list(self.payloads().values())
        out = bytearray()
        for number in range(VARIETY):
            if number % 2:
                address, port = self.chance.choice(peers)
            else:
                address, port = self.chance.choice(STRANGERS), self.chance.randrange(1024, 65536)
            frame = mac + datagram(address, port, makers[number // 2 % len(makers)]())
            out += len(frame).to_bytes(2, "big") + frame
        return bytes(out)

    def endpoint(self, name):
        return next(row for row in self.relay.show("peers") if row["name"] == name)["endpoint"]

    def flood(self, count=COUNT):
        """Sends them; returns how many have left."""
        file = self.net.lab.path("frames")
        with open(file, "wb") as out:
            out.write(self.frames())
        with open(file, "rb") as frames:
            sender = self.attacker.popen(tools.built("net/relay_flood"), "eth0", str(count), str(RATE),
                                         stdin=frames, stdout=subprocess.PIPE)
            said, _ = sender.communicate(timeout=120)
        assert sender.returncode == 0
        return int(said)


def datagram(source, port, payload):
    """From any sender to the relay, as an IP packet."""
    body = port.to_bytes(2, "big") + PORT.to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big") + \
        b"\0\0" + payload
    header = bytearray(bytes.fromhex("4500") + (20 + len(body)).to_bytes(2, "big") + bytes(4) +
                       bytes([64, sniff.UDP, 0, 0]) + ip_bytes(source) + ip_bytes(PUBLIC["r"]))
    header[10:12] = (0xFFFF - sniff.checksum(bytes(header))).to_bytes(2, "big")
    return bytes(header) + body


@pytest.fixture(scope="module")
def world():
    with Lab("abuse") as lab:
        yield World(lab)


def sessions(net):
    """Of all three routers: what must be the same afterwards."""
    return {(name, row["name"]): (row["state"], row["path"], row["endpoint"], row["handshakes"] - row["rekeys"])
            for name, router in net.routers.items() for row in router.show("peers")}


def test_a_million_packets_of_strangers_change_nothing(world):
    net, hosts = world.net, (world.net.x.host, world.net.y.host)
    # Every buffer has been used once.
    transfer(*hosts, 8 << 20)
    before, memory, drops = sessions(net), world.memory_kb(), world.relay.drops()
    age = net.x.peer("y")["session_age_s"]
    with Stream(*hosts) as stream:
        stream.wait_received(100)
        assert world.flood() == COUNT
        stream.wait_received(100)
    reached = world.counter("in_all")[0]
    assert reached >= COUNT
    # Nobody was thrown out, moved or made to begin anew, and machines that talk did not notice.
    assert sessions(net) == before and paths(net) == (RELAYED, RELAYED)
    assert net.x.peer("y")["session_age_s"] > age
    lost = stream.lost()
    print(f"{stream.sent} sent meanwhile, {lost} lost; memory {memory} kB, then {world.memory_kb()} kB")
    assert stream.duplicated() == 0 and lost <= stream.sent // 1000
    transfer(*hosts, 4 << 20)
    # Nothing is kept of them.
    assert world.memory_kb() - memory <= MEMORY_KB
    # Each was counted, as what it was.
    grown = {reason: count - drops.get(reason, 0) for reason, count in world.relay.drops().items()}
    print(grown)
    assert COUNT <= sum(grown.values()) <= COUNT + COUNT // 1000
    for kind, reasons in REASONS.items():
        assert sum(grown.get(reason, 0) for reason in reasons) >= COUNT // 10, (kind, grown)
    assert grown.get("kernel", 0) <= COUNT // 1000


def test_less_goes_out_than_came_in(world):
    came, went = world.counter("in_strangers"), world.counter("out_strangers")
    calls, answers = world.counter("in_calls"), world.counter("out_answers")
    print(f"strangers: {came} in, {went} out; calls in the peers' names: {calls} in, {answers} out")
    assert came[0] >= COUNT // 2 and went[0] > 0
    # Cookies, each less than half as large as what it answers: to limit them by address would let a flood in a peer's name keep
    # the peer out.
    assert went[1] * 2 <= came[1]
    assert answers[1] * 2 <= calls[1]
