"""The network between the sites: a plain switch, or a WAN emulator with delay, loss and more."""
import json
import subprocess

from . import tools
from .netns import LabError


class Underlay:
    """Connects namespaces with one cable each; a star. With neither delay nor loss it is a Linux bridge."""

    def __init__(self, lab, delay_ms=0, loss_pct=0, rules=()):
        """'delay_ms' is one way, between any two. 'rules' are further rules of wan.c."""
        self.space = lab.ns("wan")
        self.lab = lab
        self.delay_ms, self.loss_pct = delay_ms, loss_pct
        self.rules = list(rules)
        self.emulated = bool(delay_ms or loss_pct or rules)
        self.devices = []
        self.process = None
        if not self.emulated:
            self.space.bridge("sw0")

    def attach(self, space, device, address):
        """Gives the namespace a device on this network, with this address unless it is None."""
        mine = f"to-{space.name}"
        self.lab.link(self.space, mine, space, device)
        if address:
            space.ip(f"address add {address} dev {device}")
        if not self.emulated:
            self.space.ip(f"link set {mine} master sw0")
        elif self.loss_pct or self.rules:
            # So that loss hits frames as they are on a wire, not 64 kB at once, and corruption meets checksums.
            space.run("ethtool", "-K", device, "tso", "off", "gso", "off",
                      "tx-udp-segmentation", "off", "tx", "off")
        self.devices.append(mine)

    def start(self):
        """To be called when all are attached."""
        if not self.emulated:
            return
        base = f"* * delay_us={self.delay_ms * 1000} loss_pct={self.loss_pct}"
        self.process = self.space.popen(tools.tool("wan"), *self.devices, "--", base, *self.rules,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not self.process.stdout.readline():
            raise LabError("the WAN emulator did not start")

    def tell(self, line):
        """A rule while it runs, or "mark" for counters."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())
