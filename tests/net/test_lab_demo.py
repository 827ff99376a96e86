"""What the demonstration says when the hypervisor has lost the machine's card."""
from types import SimpleNamespace

from lab import guest, netns
from lab.topology import PlainSwitch


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
