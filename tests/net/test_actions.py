"""Management actions: a machine that is its own router gets another place on the underlay, told by another router, by the
management port, or by nobody. (Router A's own address stands for the machine: no host is needed for that.)"""
import json
import os
import re
import select
import subprocess
import time

import pytest
from lab import tools
from lab.netns import wait_for
from roam import LIMIT_MS, NEW, OLD, PORT, TRIES, Change, Load, Roaming, restored

EID = "10.1.0.1"
SILENT_MS = 1000


class Place(Roaming):
    """Router A renews its address by a script, which takes what the network gives out."""

    def __init__(self, renew=True, **more):
        def configure(name, conf):
            if name == "b":
                return
            conf["peers"][0]["management"] = True
            conf["underlay"] = {"device": "wan0", "silent_ms": 600_000}
            if renew:
                conf["underlay"]["renew"] = ["sh", self.script, "argument with spaces"]
            conf.update(more)
        self.pty = None
        super().__init__(configure=configure)

    def _attach(self, name, space):
        if name == "a":
            self.script, self.lease = self.lab.path("renew.sh"), self.lab.path("lease")
            self.give(OLD, 1)
            self.write("""
                echo "asks for a lease: $1" >&2
                . LEASE
                ip address flush dev wan0 && ip address add $net.$host/24 dev wan0 &&
                ip route replace default via $net.254""")
        super()._attach(name, space)
        if name == "a":
            # Nothing passes with a source that has no way back.
            for device in ("all", "access"):
                self.gw.sysctl(f"net.ipv4.conf.{device}.rp_filter", 1)

    def write(self, text):
        """What the command does."""
        with open(self.script, "w", encoding="ascii") as file:
            file.write(text.replace("LEASE", self.lease))

    def give(self, net, host):
        """What the network gives out next."""
        with open(self.lease, "w", encoding="ascii") as file:
            file.write(f"net={net} host={host}\n")

    def network(self, net):
        """A's machine stands in this network now, and in no other."""
        other = NEW if net == OLD else OLD
        return Change(self.gw).make(f"address replace {net}.254/24 dev access",
                                    f"address flush to {other}.0/24 dev access")

    def move(self, *words, told="b"):
        """What vrctl says: (status, output, errors)."""
        done = subprocess.run([tools.built("vrctl"), "-s", self.routers[told].conf["control_socket"], "move", *words],
                              capture_output=True, text=True, timeout=60, check=False)
        print(f"vrctl move {words}: {done}")
        return done.returncode, done.stdout, done.stderr

    def wait_at(self, net, host, timeout=5):
        wait_for(lambda: self.endpoint_of_a() == f"{net}.{host}:{PORT}", timeout, f"A to be at {net}.{host}")


@pytest.fixture(scope="module")
def net():
    with Place() as place:
        yield place.start()


@pytest.fixture(autouse=True)
def at_home(net):
    Change(net.gw).make(f"address replace {NEW}.254/24 dev access", f"address replace {OLD}.254/24 dev access")
    Change(net.spaces["a"]).make("address flush dev wan0", f"address add {OLD}.1/24 dev wan0",
                                 f"route replace default via {OLD}.254")
    net.wait_at(OLD, 1, 8)
    yield
    assert net.routers["a"].process.poll() is None


def test_an_address_that_another_router_is_told_is_set(net):
    hosts = range(7, 7 + TRIES)

    def turn(host):
        start = time.monotonic()
        status, out, _ = net.move(EID, "--address", f"{NEW}.{host}/24", "--gateway", f"{NEW}.254")
        assert status == 0 and "done" in out
        net.wait_at(NEW, host, 1)
        return start
    with Load(net) as load:
        restored(load, [lambda to=host: turn(to) for host in hosts], LIMIT_MS)
    shown = json.loads(net.spaces["a"].run("ip", "-j", "-4", "address", "show", "dev", "wan0"))
    assert [row["local"] for row in shown[0]["addr_info"]] == [f"{NEW}.{hosts[-1]}"]
    assert f"via {NEW}.254" in net.spaces["a"].ip("route show default")


def test_a_renewal_is_carried_out_and_its_output_logged(net):
    net.give(NEW, 21)
    with Load(net) as load:
        status, out, _ = net.move(EID, "--json")
        reply = json.loads(out)
        assert status == 0 and reply["ok"]
        assert reply["data"].items() >= {"vn": 7, "eid": EID, "vr": "a", "action": "renew", "outcome": "done",
                                         "detail": 0}.items()
        net.wait_at(NEW, 21, 1)
        load.must_go_on()
    assert "renew: asks for a lease: argument with spaces" in net.routers["a"].log()


def test_the_machine_itself_can_be_told(net):
    status, out, _ = net.move(EID, "--address", f"{OLD}.33/24", "--gateway", f"{OLD}.254", told="a")
    assert status == 0 and "done" in out
    net.wait_at(OLD, 33, 1)
    assert net.move(EID, "--check", told="b")[0] == 0


def test_what_cannot_be_done_says_why_and_changes_nothing(net):
    before = net.spaces["a"].ip("address show dev wan0")
    for words, why in [
            (("10.9.9.9",), "no router is known to have this address"),
            (("10.1.0.10",), "a is not the machine of that address"),
            ((EID, "--address", "192.0.2.300/24"), 'expected "address"'),
            ((EID, "--address", "127.0.0.1/8"), 'expected "address"'),
            ((EID, "--address", f"{OLD}.5/24", "--gateway", "2001:db8::1"), 'expected "gateway"'),
            # A gateway that the kernel cannot reach: the old address is put back.
            ((EID, "--address", f"{OLD}.5/24", "--gateway", "8.8.8.8"), "a could not do it"),
            ((EID, "--vn", "9"), 'expected "vn"')]:
        status, _, errors = net.move(*words)
        assert status == 1 and why in errors, (words, errors)
    assert net.spaces["a"].ip("address show dev wan0") == before
    for words in ((), ("x",), (EID, "--gateway", "1.2.3.4"), (EID, "--check", "--address", "1.2.3.4/24"),
                  (EID, EID), (EID, "--mr", "1.2.3.4")):
        assert net.move(*words)[0] == 2
    net.wait_ping(net.hb, net.ha)


@pytest.mark.parametrize("text,outcome,detail", [("exit 3", "failed", 3), ("kill -9 $$", "failed", 9),
                                                 ("mkfifo LEASE.fifo; cat LEASE.fifo & wait", "timeout", 9)],
                         ids=["status", "killed", "hangs"])
def test_a_command_that_fails_says_how(net, text, outcome, detail):
    with open(net.script, encoding="ascii") as file:
        before = file.read()
    net.routers["a"].conf["underlay"]["renew_s"] = 1
    net.routers["a"].reload()
    net.write(text)
    try:
        status, out, _ = net.move(EID, "--json")
        data = json.loads(out)["data"]
        assert status == 1 and (data["outcome"], data["detail"]) == (outcome, detail)
        assert net.spaces["a"].run("pgrep", "-f", f"{net.lease}.fifo", check=False) == ""
    finally:
        net.write(before)
        del net.routers["a"].conf["underlay"]["renew_s"]
        net.routers["a"].reload()


def test_the_command_may_change_the_network_and_nothing_else(net):
    with open(net.script, encoding="ascii") as file:
        before = file.read()
    net.write("grep -E '^(Cap|NoNew)' /proc/self/status >&2; ls -l /proc/self/fd >&2")
    try:
        assert net.move(EID)[0] == 0
    finally:
        net.write(before)
    said = dict(re.findall(r"renew: (\w+): *\t*(\w+)", net.routers["a"].log().replace("?", "\t")))
    # CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW
    assert {int(said[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0x3400}, said
    assert int(said["CapBnd"], 16) == 0 and said["NoNewPrivs"] == "1"
    # The three standard ones, and the one of `ls`.
    assert len(re.findall(r"renew: .* -> ", net.routers["a"].log())) == 4


def test_orders_during_a_renewal_are_one_renewal_after_it(net):
    """What it has asked for may be of the network that the machine has left meanwhile."""
    net.give(OLD, 44)
    def said(what):
        return net.routers["a"].log().count(what)
    with open(net.script, encoding="ascii") as file:
        before = file.read()
    fifo = net.lab.path("fifo")
    os.mkfifo(fifo)
    # It has its lease when it waits.
    net.write(before.replace("ip address flush", f"read word <{fifo}; ip address flush"))

    def go_on():
        with open(fifo, "w", encoding="ascii") as file:
            file.write("now\n")
    leases = said("asks for a lease")
    asked = []

    def order(at, log):
        before = said(log)
        asked.append(subprocess.Popen([tools.built("vrctl"), "-s", net.routers[at].conf["control_socket"], "move", EID],
                                      stdout=subprocess.PIPE, text=True))
        wait_for(lambda: said(log) > before, 3, log)
    try:
        order("a", "control: move, by user 0")
        wait_for(lambda: said("asks for a lease") == leases + 1, 3, "the command to have asked")
        net.give(NEW, 44)
        order("a", "control: move, by user 0")
        order("b", "ordered by b")
        net.network(NEW)
        go_on()
        assert "done" in asked[0].communicate(timeout=5)[0]
        go_on()
        for process in asked[1:]:
            assert "done" in process.communicate(timeout=5)[0]
        net.wait_at(NEW, 44, 1)
    finally:
        net.write(before)
    assert said("asks for a lease") == leases + 2


def test_who_has_no_right_is_refused(net):
    conf = net.routers["a"].conf["peers"][0]
    conf["management"] = False
    net.routers["a"].reload()
    try:
        before = net.drops("a", "action-refused")
        status, out, errors = net.move(EID, "--address", f"{OLD}.66/24")
        assert status == 1 and out == "" and "a takes no management actions from here" in errors
        assert net.drops("a", "action-refused") > before
        assert f"{OLD}.66" not in net.spaces["a"].ip("address show dev wan0")
    finally:
        conf["management"] = True
        net.routers["a"].reload()
    assert net.move(EID, "--check")[0] == 0


def test_an_action_is_delivered_when_there_is_a_way_again(net):
    net.gw.ip("link set up0 down")
    process = subprocess.Popen([tools.built("vrctl"), "-s", net.routers["b"].conf["control_socket"], "move", EID,
                                "--address", f"{OLD}.77/24", "--gateway", f"{OLD}.254"], stdout=subprocess.PIPE, text=True)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        assert f"{OLD}.77" not in net.spaces["a"].ip("address show dev wan0")
    finally:
        net.gw.ip("link set up0 up")
    assert "done" in process.communicate(timeout=5)[0] and process.returncode == 0
    net.wait_at(OLD, 77, 1)


def test_who_cannot_be_told_is_given_up(net):
    net.gw.ip("link set up0 down")
    try:
        start = time.monotonic()
        status, out, _ = net.move(EID, "--check", "--json")
        assert status == 1 and json.loads(out)["data"]["outcome"] == "unreachable"
        assert 9 < time.monotonic() - start < 15
    finally:
        net.gw.ip("link set up0 up")


def test_without_a_device_and_a_command_nothing_can_be_done():
    with Place(renew=False, underlay={}) as place:
        place.start()
        for words in ((EID,), (EID, "--address", f"{OLD}.5/24")):
            status, _, errors = place.move(*words)
            assert status == 1 and "a is not configured for that" in errors
        assert place.move(EID, "--check")[0] == 0


# ---- nobody says anything ----

def test_when_no_peer_is_heard_the_address_is_renewed():
    with Place() as place:
        place.routers["a"].conf["underlay"]["silent_ms"] = SILENT_MS
        place.routers["a"].conf["sync"]["hello_ms"] = place.routers["b"].conf["sync"]["hello_ms"] = 300
        place.give(NEW, 88)
        place.start()
        with Load(place) as load:
            assert "asks for an address" not in place.routers["a"].log()
            start = place.network(NEW)
            place.wait_at(NEW, 88, 5)
            took = time.monotonic() - start
            load.must_go_on()
        print(f"recovered after {took * 1000:.0f} ms")
        assert SILENT_MS / 1000 * 0.5 < took < 5
        assert place.routers["a"].log().count("asks for an address: no peer is heard") == 1


def test_a_renewal_that_does_not_help_is_tried_less_and_less_often():
    with Place() as place:
        place.routers["a"].conf["underlay"]["silent_ms"] = SILENT_MS
        place.routers["a"].conf["sync"]["hello_ms"] = place.routers["b"].conf["sync"]["hello_ms"] = 300
        place.start()
        place.network(NEW)

        def tries():
            return place.routers["a"].log().count("asks for an address: no peer is heard")
        wait_for(lambda: tries() == 3, 10, "three tries")
        start = time.monotonic()
        wait_for(lambda: tries() == 4, 12, "a fourth")
        assert time.monotonic() - start > 6
        place.give(NEW, 90)
        # The middleware is heard meanwhile, and does not wait.
        assert place.move(EID, told="a")[0] == 0
        place.wait_at(NEW, 90, 2)


# ---- the management port ----

class Pty:
    """The host's end of the port. The router opens a name that stays when the device is another one."""

    def __init__(self, name):
        self.name, self.host, self.slave = name, None, None
        self.plug()

    def plug(self):
        self.host, self.slave = os.openpty()
        os.symlink(os.ttyname(self.slave), self.name + ".new")
        os.rename(self.name + ".new", self.name)
        # So that nothing is lost before the router opens its end, which the device survives.
        os.set_blocking(self.host, False)

    def unplug(self):
        os.close(self.host)
        os.close(self.slave)

    def say(self, text):
        os.write(self.host, text)

    def hear(self, timeout=10):
        """The next line, as an object."""
        line, deadline = b"", time.monotonic() + timeout
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self.host], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no answer, but {line}"
            line += os.read(self.host, 1)
        return json.loads(line)

    def ask(self, **request):
        self.say(json.dumps(request).encode() + b"\n")
        return self.hear()


@pytest.fixture(scope="module")
def port():
    with Place() as place:
        place.pty = Pty(place.lab.path("port"))
        place.routers["a"].conf["management_port"] = place.pty.name
        place.start()
        wait_for(lambda: f"{place.pty.name} is open" in place.routers["a"].log(), 3, "the port")
        yield place
        assert place.routers["a"].stop() == 0


def test_the_management_port_takes_a_static_address(port):
    reply = port.pty.ask(id=1, cmd="move", address=f"{NEW}.5/24", gateway=f"{NEW}.254")
    assert reply["id"] == 1 and reply["ok"] and reply["data"]["outcome"] == "done"
    port.wait_at(NEW, 5, 2)
    port.give(OLD, 6)
    reply = port.pty.ask(id="x", cmd="move", vn=7, eid=EID)
    assert reply["id"] == "x" and reply["ok"] and reply["data"]["action"] == "renew"
    port.wait_at(OLD, 6, 2)


def test_only_this_machine_can_be_moved_by_its_port(port):
    for request, code in [({"cmd": "move", "eid": "10.2.0.1"}, "refused"), ({"cmd": "move", "eid": "10.1.0.10"}, "refused"),
                          ({"cmd": "show", "what": "vr"}, "unknown-command"), ({"cmd": "reload"}, "unknown-command"),
                          ({"cmd": "monitor"}, "unknown-command"), ({"cmd": "move", "vn": 8}, "bad-request"),
                          ({"cmd": "move", "address": 7}, "bad-request")]:
        reply = port.pty.ask(id=1, **request)
        assert not reply["ok"] and reply["code"] == code, (request, reply)
    assert [row["name"] for row in port.pty.ask(id=2, cmd="help")["data"]] == ["move", "monitor", "help"]


def test_garbage_on_the_port_is_counted_and_not_answered(port):
    before = port.drops("a", "garbage")
    port.pty.say(b"\n\r\nlogin: \n\x00\xff\xfe\n[]\n{}\n\"cmd\"\n{\"cmd\":7}\n{\"id\":1,\"ok\":true}\n")
    # A line that is too long, in pieces.
    for _ in range(9):
        port.pty.say(b"x" * 1000)
    port.pty.say(b"\n")
    assert port.pty.ask(id=9, cmd="move", check=True)["id"] == 9
    assert port.drops("a", "garbage") == before + 8
    # Two at once, and one in two pieces.
    port.pty.say(b'{"id":1,"cmd":"move","check":true}\n{"id":2,"cmd":"mo')
    assert port.pty.hear()["id"] == 1
    port.pty.say(b've","check":true}\r\n')
    assert port.pty.hear()["id"] == 2


def test_the_host_may_come_and_go(port):
    for number in range(2):
        port.pty.say(b'{"id":1,"cmd":"mo')
        port.pty.unplug()
        wait_for(lambda: port.routers["a"].log().count(f"{port.pty.name}: ") > number, 3, "the end of the device")
        port.pty.plug()
        assert port.pty.ask(id=number, cmd="move", check=True)["id"] == number
    port.wait_ping(port.hb, port.ha)
