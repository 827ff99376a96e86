"""What we write as LISP is read by another program: every message with every option goes through tshark."""
import os
import socket
import struct
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(ROOT, os.environ.get("BUILD", "build"), "net", "lisp_samples")
PORTS = {"control": 4342, "data": 4341}
# tshark 4.0 shows these as unknown; an Encapsulated Control Message has a Map-Request inside.
UNKNOWN = {5, 15}
TYPES = {"request": "1", "reply": "2", "register": "3", "notify": "4", "ack": "5", "referral": "6",
         "info": "7", "ecm": "8,1", "ecm3": "8,3", "ecm4": "8"}
# What stands behind an S bit it does not look at: authentication data of 24 bytes, and the message.
BEHIND_S = "control-ecm4-notify"
AUTH_SIZE = 24
# The xTR-ID and site-ID of a Map-Request are newer (RFC 9437) than tshark 4.0: 24 bytes left over.
LEFT_OVER = {"control-request-subscribe": 24, "control-request-subscribe-data": 24}
ERROR = 0x00800000


def datagram(payload, port):
    """An IPv4 packet; a UDP checksum of 0 is none."""
    udp = struct.pack(">HHHH", 40001, port, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0,
                       socket.inet_aton("192.0.2.10"), socket.inet_aton("192.0.2.20"))
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack(">H", ~total & 0xffff) + head[12:] + udp


def write_pcap(path, packets):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))  # raw IP
        for packet in packets:
            file.write(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet)


def dissect(path, *fields):
    """For each packet a list of the fields' texts."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|", "-E", "occurrence=a",
               "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line.split("|") for line in done.stdout.splitlines()]


def complaints(row):
    """What tshark says against a packet whose fields are FAULTS."""
    malformed, severity, message, undecoded, unexpected, invalid = row
    severe = [s for s in severity.split(",") if s and int(s, 0) >= ERROR]
    return [text for text in (malformed, message if severe else "", undecoded, unexpected, invalid)
            if text]


FAULTS = ("_ws.malformed", "_ws.expert.severity", "_ws.expert.message", "lisp.undecoded",
          "lisp.unexpected_field", "lisp.invalid_field")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Name -> payload."""
    folder = tmp_path_factory.mktemp("lisp")
    done = subprocess.run([SAMPLES, str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = sorted(os.listdir(folder))
    assert len(names) == int(done.stdout) > 50
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def capture(samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("pcap") / "lisp.pcap"
    write_pcap(path, [datagram(payload, PORTS[name.split("-")[0]]) for name, payload in samples.items()])
    return path


def test_every_message_is_dissected_without_complaint(samples, capture):
    rows = dissect(capture, *FAULTS)
    assert len(rows) == len(samples)
    bad = {name: complaints(row) for name, row in zip(samples, rows) if complaints(row)}
    assert bad == {}


def test_every_message_is_what_it_is_called_and_is_read_to_its_end(samples, capture):
    rows = dissect(capture, "lisp.type", "data.len", "lisp.nonce", "lisp-data.flags")
    for (name, payload), (kind, left, nonce, flags) in zip(samples.items(), rows):
        where, word = name.split("-")[:2]
        if where == "data":
            assert int(flags, 0) == payload[0], name
            # The inner packet is UDP to the echo port with 16 bytes in it.
            assert left in ("", "16"), name
        elif payload[0] >> 4 in UNKNOWN:
            assert kind == str(payload[0] >> 4), name
        elif name == BEHIND_S:
            assert (kind, nonce, int(left)) == ("8", "", len(payload) - 4)
        else:
            assert kind == TYPES[word], name
            assert int(nonce, 16) == 0x0123456789abcdef, name
            assert left == str(LEFT_OVER.get(name, "")), name


def test_behind_the_authentication_data_of_an_rtr_stands_an_ordinary_message(samples, tmp_path):
    payload = samples[BEHIND_S]
    assert payload[:12] == bytes.fromhex("8a000000 02000000 01020010"), "S, R; the kind of data, its key and size"
    write_pcap(tmp_path / "plain.pcap", [datagram(b"\x82" + payload[1:4] + payload[4 + AUTH_SIZE:], PORTS["control"])])
    fields = FAULTS + ("lisp.type", "lisp.mnot.flags.xtrid", "lisp.siteid", "data.len")
    row, = dissect(tmp_path / "plain.pcap", *fields)
    assert complaints(row[:len(FAULTS)]) == []
    assert row[len(FAULTS):] == ["8,4", "1", "0000000000000005", ""]


def row_of(samples, capture, name, *fields):
    return dissect(capture, *fields)[list(samples).index(name)]


@pytest.mark.parametrize("name, fields", [
    ("control-request", {"lisp.mreq.itr_rloc_ipv4": "192.0.2.1", "lisp.mreq.record.prefix.length": "32",
                         "lisp.lcaf.iid": "7,7", "lisp.records": "1", "lisp.irc": "0"}),
    ("control-request-probe", {"lisp.mreq.flags.probe": "1", "lisp.mreq.flags.smr": "0"}),
    ("control-request-smr", {"lisp.mreq.flags.probe": "0", "lisp.mreq.flags.smr": "1"}),
    ("control-request-flags", {"lisp.mreq.flags.auth": "1", "lisp.mreq.flags.pitr": "1",
                               "lisp.irc": "31", "lisp.records": "3"}),
    ("control-request-data", {"lisp.mreq.flags.mrp": "1", "lisp.mapping.loccnt": "1"}),
    ("control-reply-probe", {"lisp.mrep.flags.probe": "1", "lisp.mrep.flags.enlr": "1",
                             "lisp.records": "13", "lisp.mapping.loccnt": "6,6,6,6,0,0,0,0,0,0,0,0,0",
                             "lisp.mapping.ver": "0,1,2,3,4,5,6,0,0,0,0,0,0",
                             "lisp.mapping.act": "0,0,0,0,0,0,0,0,1,2,3,4,5"}),
    ("control-register-sha1", {"lisp.mreg.flags.pmr": "1", "lisp.mreg.flags.wmn": "1",
                               "lisp.authlen": "20", "lisp.mreg.flags.xtrid": "0", "lisp.siteid": ""}),
    ("control-register-sha256-id", {"lisp.authlen": "32", "lisp.mreg.flags.xtrid": "1",
                                    "lisp.siteid": "1122334455667788"}),
    ("control-notify-hkdf-id", {"lisp.authlen": "16", "lisp.mnot.flags.xtrid": "1",
                                "lisp.siteid": "1122334455667788"}),
    ("control-info-7", {"lisp.info.r": "1", "lisp.lcaf.natt.etrport": "61000",
                        "lisp.lcaf.natt.rloc.ipv6": "2001:db8::9"}),
    ("control-ecm-6", {"lisp.ecm.flags.ddt": "1", "udp.checksum.status": "3,1"}),
    ("control-ecm3-to-rtr", {"lisp.ecm.flags.sec": "0", "lisp.mreg.flags.xtrid": "1", "lisp.mreg.flags.pmr": "1",
                             "lisp.mreg.flags.wmn": "1", "udp.dstport": "4342,4342"}),
    ("control-ecm4-notify", {"lisp.ecm.flags.sec": "1"}),
    ("data-notify", {"lisp-data.iid": "16777215", "lisp.mnot.flags.xtrid": "1", "udp.srcport": "40001,4342"}),
    ("data-3", {"lisp-data.nonce": "1", "lisp-data.iid": "16777215"}),
    ("data-4", {"lisp-data.srcmapver": "2748", "lisp-data.dstmapver": "1"}),
    ("data-5", {"lisp-data.lsb8": "0x03", "lisp-data.iid": "7"}),
])
def test_fields_say_what_was_put_in(samples, capture, name, fields):
    row = row_of(samples, capture, name, *fields)
    assert dict(zip(fields, row)) == fields


def test_a_message_that_is_cut_or_wrong_inside_is_noticed(samples, tmp_path):
    """The checks above can fail: a length one too large, and a packet that ends too early."""
    register = samples["control-register-sha256"]
    longer = register[:15] + bytes([register[15] + 1]) + register[16:]
    write_pcap(tmp_path / "bad.pcap", [datagram(longer, 4342), datagram(register[:-3], 4342)])
    assert all(complaints(row) for row in dissect(tmp_path / "bad.pcap", *FAULTS))
