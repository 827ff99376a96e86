"""Data workers: several threads carry the LAN's packets to the peers and open what comes from these, and nobody can tell by
the packets."""
import os
import socket
import struct
import threading
import time
from collections import Counter

import inside
import pytest
from lab.netns import wait_for
from sites import Sites
from traffic import SOL_UDP, UDP_SEGMENT, Connection, Stream

COUNTS = [1, 2, 4]
SIZE = 400


def sites(count, **more):
    def configure(_, conf):
        conf["workers"] = str(count)
    return Sites(configure=configure, **more)


def counted(net, name):
    """The counters of all workers of a router together."""
    rows = net.routers[name].show("stats")["workers"]
    return sum((Counter(row) for row in rows), Counter())


def make_trains(net):
    """Super-datagrams stay whole on the underlay, as if the receiver's NIC had joined them; and the threads that open are
    woken at once, also where the cores are busy with everything else: otherwise the control thread does it before they are."""
    for name in "ab":
        net.spaces[name].run("ethtool", "-K", "wan0", "gso", "on", "tx-udp-segmentation", "on")
        pid = net.routers[name].process.pid
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
                is_opener = file.read().strip() == "vrd-open"
            os.setpriority(os.PRIO_PROCESS, int(task), -20 if is_opener else 5)


def opened(net):
    """How many trains the threads of each router have opened."""
    return [net.routers[name].show("stats")["underlay_opened_trains"] for name in "ab"]


class Flows:
    """Numbered datagrams in many flows at once, sent in super-frames; what arrives is noted in its order."""

    def __init__(self, source, target, flows=24, train=16, size=SIZE):
        self.receivers = [inside.udp(target.space, target.ip, timeout=0.2) for _ in range(flows)]
        self.senders = [inside.udp(source.space, source.ip) for _ in range(flows)]
        for receiver, sender in zip(self.receivers, self.senders):
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
            sender.setsockopt(SOL_UDP, UDP_SEGMENT, size)
            sender.connect(receiver.getsockname())
        self.train, self.size, self.sent, self.heard = train, size, 0, [[] for _ in range(flows)]
        self.stopping = False

    def _receive(self, index):
        while True:
            try:
                self.heard[index].append(struct.unpack(">Q", self.receivers[index].recv(2048)[:8])[0])
            except TimeoutError:
                if self.stopping:
                    return

    def run(self, seconds, pause=0.002):
        threads = [threading.Thread(target=self._receive, args=(i,)) for i in range(len(self.heard))]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            burst = b"".join(struct.pack(">Q", self.sent + i).ljust(self.size, b"\0") for i in range(self.train))
            for sender in self.senders:
                sender.send(burst)
            self.sent += self.train
            time.sleep(pause)
        self.stopping = True
        for thread in threads:
            thread.join()

    def check(self, least=0.98):
        """Every flow arrived in the order that it was sent in, once, and nearly all of it."""
        for numbers in self.heard:
            late = [pair for pair in zip(numbers, numbers[1:]) if pair[1] <= pair[0]]
            assert not late, f"{len(late)} out of order or twice, as {late[:5]}"
            assert len(numbers) >= least * self.sent, f"{len(numbers)} of {self.sent} arrived"


# More at once than one thread opens before the next comes.
BURSTS = {"flows": 12, "train": 40, "size": 1200}


def run_both_ways(*directions, seconds=3, pause=0.01, meanwhile=None):
    threads = [threading.Thread(target=flows.run, args=(seconds, pause)) for flows in directions]
    for thread in threads:
        thread.start()
    if meanwhile is not None:
        meanwhile()
    for thread in threads:
        thread.join()
    for flows in directions:
        flows.check()


@pytest.mark.parametrize("count", COUNTS)
def test_flows_keep_their_order_while_tables_change(count):
    with sites(count) as net:
        ha, hb, other = net.host("a", 10), net.host("b", 10), net.host("a", 11)
        net.start()
        net.wait_ping(ha, hb)
        net.wait_ping(other, hb)
        net.wait_mtu("a", "b")
        before = counted(net, "a")
        flows, back = Flows(ha, hb), Flows(hb, ha, flows=12)
        runners = [threading.Thread(target=flows.run, args=(4,)), threading.Thread(target=back.run, args=(4, 0.004))]
        for runner in runners:
            runner.start()
        # Each of these makes the routers decide anew about everything.
        for site in ("b", "a", "b", "a"):
            goal = flows.sent + 2000
            wait_for(lambda: flows.sent >= goal or flows.stopping, 5, "the flows to go on")
            other.move(site)
            other.rarp()
            net.wait_owner(other.ip, site)
        for runner in runners:
            runner.join()
        after = counted(net, "a")
        flows.check()
        back.check()
        fast, slow = after["fast"] - before["fast"], after["slow"] - before["slow"]
        print(f"{count}: {fast} by workers, {slow} by the control thread, {after['held']} times held")
        assert fast > 4 * slow > 0
        assert after["ring"] == 0 and after["send"] == 0
        rows = net.routers["a"].show("stats")["workers"]
        assert len(rows) == count and all(row["fast"] > 0 for row in rows)


@pytest.mark.parametrize("count", COUNTS)
def test_tcp_is_carried_by_workers_byte_for_byte(count):
    with sites(count) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        net.wait_ping(ha, hb)
        net.wait_mtu("a", "b")
        connections = [Connection(ha, hb) for _ in range(4)]
        threads = [threading.Thread(target=c.exchange, args=(16 << 20,)) for c in connections]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for name in "ab":
            sums = counted(net, name)
            print(name, sums)
            assert sums["fast"] > 10 * sums["slow"]
            peer = net.peer(name, "b" if name == "a" else "a")
            assert peer["tx_packets"] >= sums["fast"]
        for c in connections:
            c.exchange(1 << 20)


def test_a_machine_that_moves_is_followed_at_once():
    with sites(2) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        hc = net.host("a", 20)
        net.start()
        net.wait_ping(ha, hb)
        with Stream(ha, hc, hertz=500) as near, Stream(ha, hb, hertz=500) as far:
            near.wait_received(200)
            hc.move("b")
            hc.rarp()
            net.wait_owner(hc.ip, "b")
            near.wait_received(200)
            far.wait_received(200)
            hb.move("a")
            hb.rarp()
            net.wait_owner(hb.ip, "a")
            near.wait_received(200)
            far.wait_received(200)
            for stream in (near, far):
                stream.finish()
                assert sorted(set(stream.numbers)) == stream.numbers, "in order, each once"
                assert stream.numbers[-1] >= stream.sent - 5, "it still arrives"
                assert len(stream.numbers) > 0.8 * stream.sent


@pytest.mark.parametrize("count", COUNTS)
def test_keys_may_change_at_any_time(count):
    def configure(_, conf):
        conf["workers"] = str(count)
        conf["session"] = {"rekey_records": 4000}
    with Sites(configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        net.wait_ping(ha, hb)
        net.wait_mtu("a", "b")
        make_trains(net)
        run_both_ways(Flows(ha, hb, **BURSTS), Flows(hb, ha, **BURSTS))
        print(f"{opened(net)} trains opened")
        assert all(number > 0 for number in opened(net)), f"{opened(net)} trains opened"
        assert net.peer("a", "b")["rekeys"] >= 5
        for name in "ab":
            assert not {"forged", "replayed", "no-index"} & net.routers[name].drops().keys()


@pytest.mark.parametrize("count", COUNTS)
def test_bursts_keep_their_order_while_a_machine_moves(count):
    with sites(count) as net:
        ha, hb, other = net.host("a", 10), net.host("b", 10), net.host("a", 11)
        net.start()
        net.wait_ping(ha, hb)
        net.wait_ping(other, hb)
        net.wait_mtu("a", "b")

        def move():
            for site in ("b", "a", "b", "a"):
                other.move(site)
                other.rarp()
                net.wait_owner(other.ip, site)
        make_trains(net)
        run_both_ways(Flows(ha, hb, **BURSTS), Flows(hb, ha, **BURSTS), meanwhile=move)
        print(f"{opened(net)} trains opened")
        assert all(number > 0 for number in opened(net))


def test_without_workers_one_thread_opens_all():
    with sites(0) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        net.wait_ping(ha, hb)
        make_trains(net)
        with Connection(ha, hb) as connection:
            connection.exchange(4 << 20)
        assert opened(net) == [0, 0]
        assert net.routers["a"].show("stats")["workers"] == []


def test_a_machine_that_only_sends_is_known_to_be_there():
    def configure(_, conf):
        conf["workers"] = "1"
        conf["hwdt"] = {"expiry_s": 3}
    with Sites(configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        net.wait_ping(ha, hb)
        # It answers no ARP request, so that its packets are all that the router hears of it.
        ha.space.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=8")
        with Stream(ha, hb, hertz=200) as stream:
            stream.wait_received(1200)
            assert net.owner("b", ha.ip) == "a"
            stream.finish()
        assert counted(net, "a")["fast"] > 500


def test_a_lan_device_that_goes_and_comes_back_is_heard_again():
    with sites(2, lan="nic") as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.start()
        net.wait_ping(ha, hb)
        space = net.spaces["a"]
        space.ip("link set lan0 down")
        wait_for(lambda: not net.ping(ha, hb, 1, wait=0.1), 3, "the LAN to be cut off")
        space.ip("link set lan0 up")
        net.wait_ping(ha, hb)
        space.ip("link set lan0 mtu 1400")
        net.wait_ping(ha, hb)
        before = counted(net, "a")
        with Stream(ha, hb, hertz=500) as stream:
            stream.wait_received(500)
            stream.finish()
        assert len(stream.numbers) > 0.95 * stream.sent
        wait_for(lambda: counted(net, "a")["fast"] - before["fast"] > 100, 2, "workers to carry it")
