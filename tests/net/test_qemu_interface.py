"""A real machine with vrd inside, live-migrated between clouds that let nothing pass but the machine's own frames from its address
there. Its console is a file that nobody writes to: all that it is told comes through its management port, or from nobody."""
import contextlib
import json
import time

import pytest
from clouds_filtered import EID, HOST, NETS, RENEW, FilteredClouds
from lab.netns import LabError, wait_for
from lab.probes import download, stream

RECOVERY_S = 5
SILENT = {"renew": RENEW, "silent_ms": 2500}


class Trip:
    """A checksummed download from the machine and a stream to it and back, which must survive. (Not so many requests that an
    emulated processor has a queue of them: it would hear its peers for as long as it reads old records.)"""

    def __init__(self, net):
        self.net = net
        self.tcp = self.udp = None

    def __enter__(self):
        def begin():
            with contextlib.suppress(LabError):
                self.tcp = download(self.net.hb.space, EID, 100_000, 5)
            return self.tcp
        wait_for(begin, 20, "a connection")
        self.udp = stream(self.net.hb.space, EID, 6, hertz=250)
        self.must_go_on()
        return self

    def __exit__(self, failed, *_):
        try:
            if failed is None:
                self.must_go_on()
                for probe in (self.tcp, self.udp):
                    probe.begin_finish()
                end, count = self.tcp.finish(), self.udp.finish()
                assert end["finished"] and end["checksum_ok"], end
                assert count["duplicated"] == 0, count
                print(f"of {count['sent']} requests {count['sent'] - count['received']} were not answered")
        finally:
            # Migration takes the console along: what was said before stands in the files of the old hypervisors.
            print(self.net.machine.console()[-3000:])
            for probe in (self.tcp, self.udp):
                if probe:
                    self.net.lab.end(probe.process)

    def must_go_on(self, timeout=20):
        got, answers = self.tcp.mark(), self.udp.mark()["received"]
        assert got["content_ok"] and not got["error"], got
        wait_for(lambda: self.tcp.mark()["bytes"] > got["bytes"] + 20_000, timeout, "the download to go on")
        wait_for(lambda: self.udp.mark()["received"] > answers + 50, timeout, "the stream to be answered")

    def back(self, since):
        """Waits until the machine is heard from its new place, and answers; the seconds since then."""
        wait_for(lambda: self.net.is_at(self.net.at), 20, f"the machine at {self.net.at}", 0.005)
        tunnel = time.time() - since
        answers = self.udp.mark()["received"]
        wait_for(lambda: self.udp.mark()["received"] > answers, 5, "an answer", 0.005)
        return tunnel, time.time() - since


def order(machine, **fields):
    """What the middleware says from outside, and what the machine's router replies."""
    with machine.host() as end, end.makefile("r", encoding="utf-8") as lines:
        end.settimeout(20)
        end.sendall(json.dumps({"id": 1, "cmd": "move", **fields}).encode() + b"\n")
        return json.loads(lines.readline())


def test_connections_survive_a_migration_that_the_middleware_tells_of():
    with FilteredClouds({}) as net:
        net.start()
        with Trip(net) as trip:
            for _ in range(2):
                migration = net.migrate()
                told = time.time()
                reply = order(net.machine, address=f"{NETS[net.at]}.{HOST}/24", gateway=f"{NETS[net.at]}.254")
                assert reply["ok"] and reply["data"]["outcome"] == "done", reply
                tunnel, answered = trip.back(told)
                print(f"paused {migration.paused_ms:.0f} ms; told {told - migration.resumed:.3f} s after it went on; "
                      f"tunnel after {tunnel:.3f} s, answers after {answered:.3f} s")
                trip.must_go_on()
                assert tunnel < 1
        assert net.foreign("y") > 0, "the filter of the new cloud has met nothing to filter"


@pytest.mark.parametrize("announces", [True, False], ids=["announced", "silent"])
def test_without_any_action_the_machine_recovers_by_itself(announces):
    """By the network card's word, or, where it has none, by the silence of all peers."""
    with FilteredClouds(SILENT, announces=announces) as net:
        net.start()
        with Trip(net) as trip:
            for _ in range(2):
                migration = net.migrate()
                tunnel, answered = trip.back(migration.resumed)
                print(f"announced {announces}: tunnel after {tunnel:.3f} s, answers after {answered:.3f} s")
                assert answered < RECOVERY_S
                trip.must_go_on()
        said = "moved, and no peer is heard" if announces else "asks for an address: no peer is heard"
        assert said in net.machine.console()


def test_an_order_to_renew_is_carried_out():
    """The middleware knows no address; the machine asks the cloud for one. (Its peers are silent for less than it would take
    to notice.)"""
    with FilteredClouds({"renew": RENEW, "silent_ms": 600_000}, announces=False) as net:
        net.start()
        with Trip(net) as trip:
            net.migrate()
            told = time.time()
            reply = order(net.machine)
            assert reply["ok"] and reply["data"]["outcome"] == "done", reply
            tunnel, answered = trip.back(told)
            print(f"tunnel after {tunnel:.3f} s, answers after {answered:.3f} s; {reply}")
            assert answered < RECOVERY_S
