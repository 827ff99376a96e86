"""The demonstration's own decisions."""
from types import SimpleNamespace

import pytest
from lab import demo, guest, netns
from lab.layout import LAYOUTS
from lab.topology import PlainSwitch


class Told(demo.Run):
    """A run whose layouts end as told: whether the hypervisor lost the machine's card in each."""

    def __init__(self, lost):
        super().__init__(demo.parse([]))
        self.lost = lost
        self.runs = 0

    def _clouds(self, layout, keep):
        self.stood_still = self.lost[self.runs]
        self.runs += 1
        return [{"run": self.runs}], {"client": not self.stood_still}, {}


@pytest.mark.parametrize("lost, aside, judged, ended", [
    ([False], [], [1], True), ([True, False], [1], [2], True),
    # Once only: a router that did it would do it again.
    ([True, True], [1], [2], False)])
def test_a_layout_begins_anew_once_when_the_hypervisor_lost_the_card(monkeypatch, lost, aside, judged, ended):
    monkeypatch.setattr(demo.report, "table", lambda *_: None)
    monkeypatch.setattr(demo.verdict, "of_layout", lambda moves, *_: [])
    run = Told(lost)
    _, finished = run.clouds(next(iter(LAYOUTS.values())), False)
    assert [move["run"] for move in run.result["set_aside"]] == aside
    assert [move["run"] for move in run.result["moves"]] == judged
    assert finished == {"client": ended}


def test_only_the_machines_own_kernel_can_say_that_its_card_stands_still(tmp_path):
    with netns.Lab("card") as lab:
        world = PlainSwitch(lab)
        world.boot(guest.make())
        world.wait_reachable()
        assert world.vm.complaints() == []
        state, = world.vm.card_state()
        assert state["queue-index"] == 1 and state["used-idx"] <= state["last-avail-idx"]
        console = tmp_path / "console"
        console.write_text("[ 1.0] virtio_net virtio0 eth0: NETDEV WATCHDOG: transmit queue 0 timed out\nother\n")
        assert len(type(world.vm).complaints(SimpleNamespace(serial=str(console)))) == 1
