"""The ways to join two LANs, in the order they are measured.

A tool is a row: its name in the results, one line about its settings, and functions that take
a path.Path.  'setup' joins the LANs and may return before they are; 'teardown' undoes what it did
outside the path; 'check' raises LabError when the joined LANs are not joined the way that is to be
measured.  Programs, files, namespaces and links belong to the path, which removes them
itself.  'path' makes it.  'figures' are those that are measured of it."""

from collections import namedtuple

from . import fastd, nebula, openvpn, routing, tinc, vrd, vrd_interface, vxlan, wireguard
from .metrics import METRICS
from .path import Path, RelayedPath


def any_way(_path):
    """The tool knows one way only."""


Tool = namedtuple("Tool", "name about setup teardown path check figures",
                  defaults=(Path.stop, Path, any_way, tuple(METRICS)))
# Another way of a tool that is measured in full.
VARIANT = ("tcp1_gbps",)
WORKERS = ("tcp1_gbps", "tcp4_gbps", "cpu_s_per_gb", "udp64_kpps")

TOOLS = [
    Tool("routing", routing.ABOUT, routing.setup),
    Tool("vxlan", vxlan.ABOUT, vxlan.setup),
    Tool("vrd_plain", vrd.ABOUT_PLAIN, vrd.setup_plain, check=vrd.check_plain),
    Tool("vrd_sealed", vrd.ABOUT, vrd.setup, check=vrd.check_direct),
    Tool("openvpn", openvpn.ABOUT, openvpn.setup),
    Tool("wireguard_go", wireguard.ABOUT, wireguard.setup, wireguard.teardown),
    Tool("tinc", tinc.ABOUT, tinc.setup, check=tinc.check_udp),
    Tool("fastd", fastd.ABOUT, fastd.setup),
    Tool("nebula", nebula.ABOUT, nebula.setup),
    Tool("vrd_interface", vrd_interface.ABOUT, vrd_interface.setup, figures=VARIANT),
    Tool("vrd_relayed", vrd.ABOUT_RELAYED, vrd.setup_relayed, path=RelayedPath,
         check=vrd.check_relayed, figures=VARIANT),
    Tool("tinc_tcp", tinc.ABOUT_TCP, tinc.setup_tcp, figures=VARIANT),
    *(Tool(f"vrd_workers{count}", vrd.ABOUT_WORKERS.format(count), vrd.setup_workers(count),
           check=vrd.check_direct, figures=WORKERS) for count in (0, 1, 2, 4)),
    Tool("vrd_tcp", vrd.ABOUT_TCP, vrd.setup_tcp, check=vrd.check_tcp, figures=VARIANT),
]
