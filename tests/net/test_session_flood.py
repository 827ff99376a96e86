"""Calls in anybody's name, as fast as they come, at a router whose keys change every five seconds: they go on changing."""
import base64
import hashlib
import hmac
import random
import subprocess

from forge import INIT
from lab import tools
from sites import PORT, Sites, ip_bytes, mac_bytes
from sniff import UDP, checksum
from traffic import Stream, transfer

REKEY_S = 5
# For four changes of keys.
RATE, SECONDS = 20_000, 18
VARIETY = 10_000
MAC1_AT, MAC_SIZE = 128, 16
STRANGERS = [f"192.0.2.{number}" for number in range(100, 132)]


def call(key, chance):
    """An INIT of somebody who knows the router's public key and nothing else: it takes work to see that."""
    start = bytes([INIT, 1, 0, 0]) + bytes(12) + chance.randbytes(4) + bytes(4)
    body = start + chance.randbytes(MAC1_AT - len(start))
    return body + hmac.digest(key, body, "sha256")[:MAC_SIZE] + bytes(MAC_SIZE)


def datagram(source, port, to, payload):
    """An IP packet with any sender."""
    body = port.to_bytes(2, "big") + PORT.to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big") + b"\0\0" + payload
    header = bytearray(bytes.fromhex("4500") + (20 + len(body)).to_bytes(2, "big") + bytes(4) + bytes([64, UDP, 0, 0]) +
                       ip_bytes(source) + ip_bytes(to))
    header[10:12] = (0xFFFF - checksum(bytes(header))).to_bytes(2, "big")
    return bytes(header) + body


class Flood:
    """At A, from its own switch, half of it in the names of strangers, half in that of B, from where B is; as
    tests/net/relay_flood.c sends it."""

    def __init__(self, net):
        chance = random.Random(11)
        key = hashlib.sha256(b"vrd mac1" + base64.b64decode(net.routers["a"].public_key)).digest()
        front = mac_bytes(net.spaces["a"].mac("wan0")) + b"\x02\0\0\0\0\x99" + b"\x08\0"
        self.file = net.lab.path("calls")
        with open(self.file, "wb") as out:
            for number in range(VARIETY):
                source = (net.address("b"), PORT) if number % 2 else \
                    (chance.choice(STRANGERS), chance.randrange(1024, 65536))
                frame = front + datagram(*source, net.address("a"), call(key, chance))
                out.write(len(frame).to_bytes(2, "big") + frame)
        with open(self.file, "rb") as frames:
            self.sender = net.underlay.space.popen(tools.built("net/relay_flood"), "to-a", str(RATE * SECONDS), str(RATE),
                                                   stdin=frames, stdout=subprocess.PIPE)

    def runs(self):
        return self.sender.poll() is None

    def wait(self):
        said, _ = self.sender.communicate(timeout=SECONDS + 20)
        assert self.sender.returncode == 0 and int(said) == RATE * SECONDS


def test_keys_go_on_changing_under_a_flood_of_calls():
    def configure(_, conf):
        conf["session"]["rekey_s"] = REKEY_S
    with Sites(configure=configure) as net:
        ha, hb = net.start_pair()
        for address in STRANGERS:
            # So that its kernel does not ask for each of them what it answers.
            net.spaces["a"].ip(f"neigh replace {address} lladdr 02:00:00:00:00:99 dev wan0 nud permanent")
        before = {name: net.peer(name, peer) for name, peer in ("ab", "ba")}
        load = net.drops("a", "load")
        ages = []
        with Stream(ha, hb) as there, Stream(hb, ha) as back:
            flood = Flood(net)
            while flood.runs():
                for name, peer in ("ab", "ba"):
                    said = net.peer(name, peer)
                    assert said["state"] == "up" and said["session"], said
                    ages.append(said["session_age_s"])
                there.wait_received(200)
            flood.wait()
        assert net.drops("a", "load") - load > RATE, net.routers["a"].drops()
        for name, peer in ("ab", "ba"):
            said = net.peer(name, peer)
            rekeys = said["rekeys"] - before[name]["rekeys"]
            print(f"{name}: {rekeys} changes of keys in {SECONDS} s, none older than {max(ages)} s")
            assert rekeys >= SECONDS // REKEY_S - 1
            assert max(ages) <= 2 * REKEY_S
            # Each of them followed the one before.
            assert said["handshakes"] - said["rekeys"] == before[name]["handshakes"] - before[name]["rekeys"]
            assert said["endpoint"] == before[name]["endpoint"]
        for stream in (there, back):
            print(f"{stream.sent} sent, {stream.lost()} lost")
            assert stream.duplicated() == 0 and stream.lost() <= stream.sent // 1000
        transfer(ha, hb, 1 << 20)
