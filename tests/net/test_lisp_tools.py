"""What an operator sees and asks of the mapping system: c is the map-server of the sites a and b."""
import hashlib
import hmac
import ipaddress
import json
import os
import socket
import struct
import subprocess
import threading
import time

import pytest
from lab import tools
from lab.netns import wait_for
from sites import VN, Sites

SUB_TYPE = 77
ELSEWHERE = "172.16.0.1"
PLAIN, PLAIN_RLOC, SEALED = "172.20.0.0/24", "192.0.2.77", "172.21.0.0/24"


def secret(net, name):
    path = net.lab.path(f"secret-{name}")
    if not os.path.exists(path):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(f"secret of {name}\n")
    return path


def key(net, name):
    return {"name": name, "secret_file": secret(net, name)}


def xtr(net, name, conf):
    conf["vns"][0]["lisp"] = {"use": True}
    conf["lisp"] = {"keys": [key(net, name), key(net, "push")],
                    "rlocs": [{"address": net.address(name)}],
                    "map_servers": [{"address": net.address("c"), "key": name}],
                    "map_resolvers": [net.address("c")], "probe_s": 1, "subscribe": name == "b",
                    "push": {"key": "push", "sub_type": SUB_TYPE}}


def map_server(net, conf):
    conf["lisp"] = {
        "keys": [key(net, name) for name in ("a", "b", "others")], "rlocs": [{"address": net.address("c")}],
        "map_server": {
            "sites": [{"name": f"site-{name}", "keys": [name],
                       "prefixes": [{"vn": VN, "prefix": net.subnet(name)}]} for name in "ab"] + [
                          {"name": "others", "keys": ["others"],
                           "prefixes": [{"vn": VN, "prefix": prefix} for prefix in (PLAIN, SEALED)]}],
            "mobile": [{"vn": VN, "prefix": net.subnet(name), "sites": ["site-a", "site-b"]} for name in "ab"]}}


@pytest.fixture(scope="module")
def net():
    with Sites(names="abc") as sites:
        for name in "ab":
            xtr(sites, name, sites.routers[name].conf)
        map_server(sites, sites.routers["c"].conf)
        sites.ha, sites.hb = sites.start_pair()
        wait_for(lambda: len(here(sites)) == 2, 5, "both sites to be registered")
        yield sites


def vrctl(net, name, *arguments, timeout=30):
    """Exit status, output, errors of vrctl beside a router."""
    command = ["ip", "netns", "exec", net.spaces[name].full, tools.built("vrctl"), "-s",
               net.routers[name].conf["control_socket"], *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    return done.returncode, done.stdout, done.stderr


def show(net, name, *arguments):
    status, output, errors = vrctl(net, name, "--json", "show", *arguments)
    assert (status, errors) == (0, "")
    return json.loads(output)["data"]


def table(net, name, *arguments):
    """Rows of words of what people see."""
    status, output, errors = vrctl(net, name, "show", *arguments)
    assert (status, errors) == (0, "")
    assert all(row == row.rstrip() for row in output.splitlines())
    return [row.split() for row in output.splitlines()]


def here(net, *arguments):
    return show(net, "c", "registrations", "kind=here", *arguments)


def lig(net, name, *arguments):
    status, output, errors = vrctl(net, name, "lig", *arguments, "--json")
    assert (status, errors) == (0, "")
    return json.loads(output)


# ---- lig ----

def test_lig_finds_what_is_registered(net):
    answer = lig(net, "a", net.hb.ip, "--vn", str(VN))
    assert answer["map_resolver"] == answer["from"] == f"{net.address('c')}:4342"
    assert (answer["vn"], answer["eid"], answer["tries"]) == (VN, net.hb.ip, 1)
    assert 0 < answer["rtt_us"] < 1000000
    row, = answer["records"]
    assert (row["vn"], row["prefix"], row["action"]) == (VN, net.subnet("b"), None)
    locator, = row["locators"]
    assert (locator["rloc"], locator["priority"], locator["weight"]) == (net.address("b"), 1, 100)


def test_lig_tells_people(net):
    status, output, errors = vrctl(net, "a", "lig", net.hb.ip, "--vn", str(VN))
    assert (status, errors) == (0, "")
    first, heading, row = output.splitlines()
    assert net.hb.ip in first and f"{net.address('c')}:4342" in first and first.endswith("s")
    assert heading.split()[0] == "PREFIX" and row.split()[0] == net.subnet("b")
    assert net.address("b") in row.split()


def test_lig_needs_no_router_when_it_is_told_whom_to_ask(net):
    command = ["ip", "netns", "exec", net.spaces["a"].full, tools.built("vrctl"), "-s", "/nonexistent", "--json", "lig",
               "--mr", net.address("c"), "--vn", str(VN), net.hb.ip]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    assert json.loads(done.stdout)["records"][0]["prefix"] == net.subnet("b")
    done = subprocess.run([*command[:7], "lig", net.hb.ip], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 3 and done.stdout == "" and "/nonexistent" in done.stderr


def test_lig_says_what_nobody_has(net):
    row, = lig(net, "a", ELSEWHERE, "--vn", str(VN))["records"]
    assert row["locators"] == [] and row["action"] == "native-forward"
    assert ipaddress.ip_address(ELSEWHERE) in ipaddress.ip_network(row["prefix"])
    _, output, _ = vrctl(net, "a", "lig", ELSEWHERE, "--vn", str(VN))
    assert "native-forward" in output and row["prefix"] in output


def test_lig_without_an_answer_is_a_failure(net):
    status, output, errors = vrctl(net, "a", "lig", net.hb.ip, "--mr", f"{net.address('b')}:4399", "--tries", "1")
    assert status == 1 and output == "" and "no map-resolver answers" in errors


def test_lig_without_a_way_says_so(net):
    status, output, errors = vrctl(net, "a", "lig", net.hb.ip, "--mr", "2001:db8::1", "--tries", "1")
    assert status == 1 and output == "" and "[2001:db8::1]:4342" in errors


def test_lig_of_a_router_that_knows_no_resolver_says_so(net):
    status, output, errors = vrctl(net, "c", "lig", net.hb.ip)
    assert status == 1 and output == "" and "--mr" in errors


class Resolver(threading.Thread):
    """Answers each question with what 'answer(question, number)' makes of it."""

    def __init__(self, space, answer):
        super().__init__()
        self.answer = answer
        with space.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("0.0.0.0", 0))
        self.socket.settimeout(10)
        self.port = self.socket.getsockname()[1]

    def run(self):
        for number in range(100):
            try:
                data, sender = self.socket.recvfrom(2000)
            except OSError:
                return
            for message in self.answer(data, number):
                self.socket.sendto(message, sender)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR) if self.socket.fileno() < 0 else self.socket.close()
        self.join(11)


def nonce_of(question):
    """Of the Map-Request behind the headers of the ECM, IPv4 and UDP."""
    assert question[0] >> 4 == 8 and question[32] >> 4 == 1
    return question[36:44]


def reply(nonce):
    """A negative Map-Reply for 10.9.0.0/16: TTL 15, action drop."""
    return (bytes.fromhex("20000001") + nonce + bytes.fromhex("0000000f 00 10 6000 0000 0001 0a090000"))


def ask_resolver(net, answer, *arguments):
    with Resolver(net.spaces["c"], answer) as resolver:
        return vrctl(net, "a", "lig", "10.9.0.1", "--mr", f"{net.address('c')}:{resolver.port}", "--json", *arguments)


def test_lig_believes_only_an_answer_with_its_nonce(net):
    def wrong(question, _):
        nonce = nonce_of(question)
        return [reply(bytes([nonce[0] ^ 1]) + nonce[1:]), b"", b"\x20", question, reply(nonce)[:-1],
                reply(nonce) + b"\0"]
    status, output, errors = ask_resolver(net, wrong, "--tries", "1")
    assert status == 1 and output == "" and "no map-resolver answers" in errors


def test_lig_asks_again_and_takes_a_late_answer(net):
    seen = []

    def second(question, number):
        seen.append(nonce_of(question))
        # The first question is answered when the second one comes.
        return [reply(seen[0])] if number == 1 else []
    status, output, errors = ask_resolver(net, second)
    assert (status, errors) == (0, "")
    answer = json.loads(output)
    assert len(set(seen)) == 2 and answer["tries"] == 2 and answer["rtt_us"] >= 1000000
    assert answer["records"] == [{"vn": 0, "prefix": "10.9.0.0/16", "action": "drop", "ttl_s": 900,
                                  "authoritative": False, "version": None, "locators": []}]


@pytest.mark.parametrize("arguments", [
    ["lig"], ["lig", "somewhere"], ["lig", "10.0.0.1/24"], ["lig", "10.0.0.1", "10.0.0.2"],
    ["lig", "10.0.0.1", "--vn", "16777216"], ["lig", "10.0.0.1", "--vn", "x"], ["lig", "10.0.0.1", "--mr", "x"],
    ["lig", "10.0.0.1", "--tries", "0"], ["lig", "10.0.0.1", "--tries", "11"], ["lig", "10.0.0.1", "--to", "192.0.2.1"],
    ["show", "vr", "--vn", "7"], ["cp-announce"], ["cp-announce", "10.0.0.1"],
    ["cp-announce", "10.0.0.1", "--to", "192.0.2.1", "--key-file", "/dev/null"],
    ["cp-announce", "10.0.0.0/24", "--vn", "7", "--to", "192.0.2.1", "--key-file", "/dev/null"],
    ["cp-announce", "10.0.0.1", "--vn", "7", "--to", "192.0.2.1", "--key-file", "/dev/null", "--algorithm", "none"],
    ["cp-announce", "10.0.0.1", "--vn", "7", "--to", "192.0.2.1", "--key-file", "/dev/null", "--sub-type", "4096"],
    ["cp-announce", "10.0.0.1", "--vn", "7", "--to", "192.0.2.1", "--key-file", "/dev/null", "--type5", "--sub-type",
     "1"]])
def test_a_wrong_command_line_is_a_usage_error(net, arguments):
    status, output, errors = vrctl(net, "a", *arguments)
    assert status == 2 and output == "" and errors


# ---- show ----

def test_own_registrations_are_shown_with_their_state(net):
    row, = show(net, "a", "registrations")
    assert (row["kind"], row["vn"], row["prefix"]) == ("own", VN, net.subnet("a"))
    assert (row["map_server"], row["state"], row["tries"]) == (net.address("c"), "in-force", 0)
    assert 0 <= row["renewed_s"] <= row["since_s"] and 0 < row["next_s"] <= 61
    assert row["locators"] == [{"rloc": net.address("a"), "priority": 1, "weight": 100}]
    assert row["next_s"] < row["expires_s"] <= 180 and row["registers"] >= row["notifies"] >= 1
    heading, words = table(net, "a", "registrations")
    assert heading[:3] == ["VN", "OWN", "PREFIX"]
    assert words[:5] == [str(VN), net.subnet("a"), net.address("c"), "-", "in-force"]


def test_a_map_server_shows_what_is_registered(net):
    rows = {row["prefix"]: row for row in here(net)}
    for name in "ab":
        row = rows[net.subnet(name)]
        assert (row["vn"], row["site"], row["etr"]) == (VN, f"site-{name}", net.address(name))
        assert len(row["xtr_id"]) == 32 and row["site_id"] == 16 * "0"
        assert 0 < row["expires_s"] <= 180 and row["uptime_s"] >= 0
        assert row["etr_registers"] >= 1
        assert row["proxy"] is True and row["merged"] is False and row["version"] is None
        assert row["locators"] == [{"rloc": net.address(name), "priority": 1, "weight": 100, "state": "up"}]
    assert [row["site"] for row in here(net, "site=site-b")] == ["site-b"]
    assert show(net, "c", "registrations", "kind=own") == []
    rows = table(net, "c", "registrations")
    assert rows[0][:3] == ["VN", "REGISTERED", "HERE"]
    assert [row[1:4] for row in rows[1:3]] == [[net.subnet(name), f"site-{name}", net.address(name)] for name in "ab"]


def test_the_map_cache_shows_mappings_and_their_use(net):
    """An address that nobody has is asked for, and its negative mapping is subscribed to by b."""
    def mapping(name):
        return [row for row in show(net, name, "mapcache") if row["action"]]
    for host, name in ((net.ha, "a"), (net.hb, "b")):
        net.ping(host, ELSEWHERE, 1, wait=0.5)
        row, = wait_for(lambda which=name: mapping(which), 3, "the negative mapping")
        assert ipaddress.ip_address(ELSEWHERE) in ipaddress.ip_network(row["prefix"])
        assert (row["vn"], row["action"], row["locators"]) == (VN, "native-forward", [])
        assert row["source"] == {"a": "asked", "b": "published"}[name]
        assert row["packets"] >= 1 and row["uptime_s"] >= row["used_s"] and 0 < row["expires_s"] <= 900
        heading, words = table(net, name, "mapcache")
        assert heading[:2] == ["VN", "PREFIX"]
        assert words[:4] == [str(VN), row["prefix"], row["source"], "native-forward"]
    row, = wait_for(lambda: show(net, "c", "subscriptions", "state=in-force"), 3, "the subscription")
    assert (row["vn"], row["site"], row["waiting"]) == (VN, "site-b", 0)
    assert row["locators"] == [{"rloc": net.address("b")}]
    assert row["notifies"] >= row["acks"] >= 1 and row["uptime_s"] >= 0
    assert ipaddress.ip_address(ELSEWHERE) in ipaddress.ip_network(row["prefix"]) and 0 < row["expires_s"] <= 900
    heading, words = table(net, "c", "subscriptions")
    assert heading[:3] == ["VN", "PREFIX", "SITE"] and words[2] == "site-b"


def register(net, prefix, rloc, version):
    """A Map-Register of somebody else for a prefix at one locator, signed as HMAC-SHA256-128 with a key of its own."""
    net_address, length = prefix.split("/")
    head = bytes.fromhex("38000001") + struct.pack(">QBBH", time.time_ns() // 1000, 1, 2, 16)
    record = (struct.pack(">IBBHH", 60, 1, int(length), 0x1000, version) + bytes.fromhex("40030000 0200 000a") +
              struct.pack(">IH", VN, 1) + socket.inet_aton(net_address) + bytes([1, 50, 255, 0]) +
              bytes.fromhex("0001 0001") + socket.inet_aton(rloc))
    with open(secret(net, "others"), "rb") as file:
        mac = hmac.new(file.read().rstrip(b"\n"), head + bytes(16) + record, hashlib.sha256).digest()[:16]
    with net.spaces["a"].entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(head + mac + record, (net.address("c"), 4342))
    wait_for(lambda: here(net, f"prefix={prefix}"), 3, f"{prefix} to be registered")


@pytest.mark.parametrize("prefix,rloc,way,peer", [
    (PLAIN, PLAIN_RLOC, "plain", None), (SEALED, "192.0.2.2", "sealed", "b")])
def test_the_map_cache_shows_how_each_locator_is(net, prefix, rloc, way, peer):
    """One that is nobody's; one that is a peer's, with a session. Neither has the EID, nor answers probes."""
    register(net, prefix, rloc, 9)
    row, = here(net, f"prefix={prefix}")
    assert (row["site"], row["etr"], row["xtr_id"], row["site_id"]) == ("others", net.address("a"), None, None)
    net.ping(net.ha, prefix.replace("0/24", "5"), 1, wait=0.5)

    def used():
        rows = [row for row in show(net, "a", "mapcache", f"prefix={prefix}") if row["locators"][0]["tx_packets"]]
        # A locator that is silent is no longer used, so that it has to be used first.
        return rows and rows[0]
    row = wait_for(used, 3, "a packet by the mapping")
    assert (row["vn"], row["source"], row["action"], row["version"]) == (VN, "asked", None, 9)
    locator, = row["locators"]
    assert (locator["rloc"], locator["priority"], locator["weight"]) == (rloc, 1, 50)
    assert (locator["way"], locator["peer"]) == (way, peer) and locator["tx_bytes"] >= 84

    wait_for(lambda: show(net, "a", "mapcache", f"prefix={prefix}")[0]["locators"][0]["state"] == "silent", 15,
             "the probes' result")
    words = next(words for words in table(net, "a", "mapcache") if words[1] == prefix)
    assert words[9:16] == [rloc, "1", "50", "silent", "-", way, peer or "-"]


def test_a_router_without_the_role_has_nothing_to_show(net):
    assert show(net, "a", "subscriptions") == [] and show(net, "c", "mapcache") == []
    assert len(table(net, "a", "subscriptions")) == 1


def test_the_roles_are_shown(net):
    one, server = show(net, "a", "vr")["lisp"], show(net, "c", "vr")["lisp"]
    assert one["rlocs"] == [net.address("a")] and one["map_servers"] == one["map_resolvers"] == [net.address("c")]
    assert one["map_server"] is False and "registrations" not in one
    assert server["map_server"] is True and server["registrations"] == len(here(net))


def test_counters_and_refusals_are_shown(net):
    stats = show(net, "c", "stats")
    assert stats["map_server"]["registers"] >= 2 and stats["map_server"]["malformed"] == 0
    assert show(net, "a", "stats")["xtr"]["registered"] >= 1
    assert "map_server" not in show(net, "a", "stats")
    with net.spaces["a"].entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(b"\x30", (net.address("c"), 4342))  # a Map-Register that is cut
        sender.sendto(b"\x20", (net.address("b"), 4342))  # a Map-Reply that is cut
        sender.sendto(b"\x08\0\0\0\0\0\0\0", (net.address("b"), 4341))  # data without a packet

    def count(name, where, reason):
        rows = show(net, name, "drops", f"where={where}", f"reason={reason}")
        return len(rows) == 1 and rows[0]["count"]
    wait_for(lambda: count("c", "map-server", "malformed") == 1, 3, "the map-server's refusal")
    wait_for(lambda: count("b", "xtr", "malformed") == 1, 3, "the xTR's refusal")
    wait_for(lambda: count("b", "plain", "lisp-malformed") == 1, 3, "the dropped data")


def map_request(itr, eid):
    """A bare one: the answer goes to 'itr'."""
    return (struct.pack("!IQHH", 0x10000001, 1, 0, 1) + socket.inet_aton(itr) +
            struct.pack("!BBHBBBBHIH", 0, 32, 16387, 0, 0, 2, 0, 10, VN, 1) + socket.inet_aton(eid))


def test_control_messages_that_are_lost_at_a_socket_are_counted(net):
    def count(reason):
        row, = show(net, "c", "drops", "where=control", f"reason={reason}")
        return row["count"]
    before = {reason: count(reason) for reason in ("kernel", "truncated", "send")}
    with net.spaces["a"].entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(20000 * b"\x30", (net.address("c"), 4342))
        wait_for(lambda: count("truncated") == before["truncated"] + 1, 3, "the large message")
        # The answer is for an address that no socket may send to.
        net.spaces["c"].run("ip", "route", "add", "prohibit", "203.0.113.77")
        sender.sendto(map_request("203.0.113.77", ELSEWHERE), (net.address("c"), 4342))
        wait_for(lambda: count("send") == before["send"] + 1, 3, "the answer that cannot leave")
    assert count("kernel") == before["kernel"]


# ---- cp-announce ----

def announce(net, name, to, *arguments, secret_of="push"):
    return vrctl(net, name, "cp-announce", net.ha.ip, "--vn", str(VN), "--to", net.address(to), "--key-file",
                 secret(net, secret_of), "--sub-type", str(SUB_TYPE), *arguments)


def pushes(net, name):
    counts = show(net, name, "stats")["xtr"]
    return counts["pushes_heard"], counts["auth_failed"], counts["push_refused"]


def test_cp_announce_with_a_wrong_key_moves_nothing(net):
    heard, failed, refused = pushes(net, "b")
    for number, more in enumerate(([], ["--key-id", "2"], ["--algorithm", "sha256-hkdf"], ["--full-length"]), 1):
        status, _, errors = announce(net, "b", "b", *more, secret_of="push" if more else "a")
        assert (status, errors) == (0, "")
        wait_for(lambda wanted=number: pushes(net, "b") == (heard, failed + wanted, refused), 3, "the refusal")
    assert net.owner("b", net.ha.ip) == "a"


def test_a_key_file_that_others_may_read_is_refused(net, tmp_path):
    file = tmp_path / "secret"
    file.write_text("secret")
    for mode, text, word in ((0o644, "secret", "0600"), (0o600, "", "no secret"), (0o600, 200 * "x", "128")):
        file.write_text(text)
        file.chmod(mode)
        status, output, errors = vrctl(net, "b", "cp-announce", net.ha.ip, "--vn", str(VN), "--to", net.address("b"),
                                       "--key-file", str(file))
        assert status == 1 and output == "" and word in errors


def test_cp_announce_moves_a_machine(net):
    """It has come without a word; its new hypervisor says so. Then it is registered there, and reached there."""
    net.ha.move("b")
    status, output, errors = announce(net, "b", "b", "--json")
    assert (status, errors) == (0, "")
    said = json.loads(output)
    assert (said["vn"], said["eid"], said["to"], said["type"]) == (VN, net.ha.ip, f"{net.address('b')}:4342", 15)
    net.wait_owner(net.ha.ip, "b")
    net.wait_ping(net.hb, net.ha)
    row, = wait_for(lambda: here(net, f"prefix={net.ha.ip}/32"), 3, "the registration")
    assert (row["site"], row["etr"]) == ("site-b", net.address("b")) and row["version"] > 0
    record = lig(net, "a", net.ha.ip, "--vn", str(VN))["records"][0]
    assert record["prefix"] == f"{net.ha.ip}/32" and record["locators"][0]["rloc"] == net.address("b")
    assert record["version"] == row["version"]
    # And back, said by the hypervisor of the other site, which is also the one that it leaves.
    net.ha.move("a")
    status, output, _ = announce(net, "b", "a")
    assert status == 0 and net.ha.ip in output and net.address("a") in output
    net.wait_owner(net.ha.ip, "a")
    net.wait_ping(net.hb, net.ha)
