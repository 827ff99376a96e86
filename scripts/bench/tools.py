"""The ways to join two LANs, in the order they are measured.

A tool is a row: its name in the results, one line about its settings, and functions that take
a path.Path.  'setup' joins the LANs and may return before they are; 'teardown' undoes what it did
outside the path; 'check' raises LabError when the joined LANs are not joined the way that is to be
measured.  Programs, files, namespaces and links belong to the path, which removes them
itself.  'path' makes it."""

from collections import namedtuple

from . import openvpn, routing, tinc, vrd, vrd_interface
from .path import Path, RelayedPath


def any_way(_path):
    """The tool knows one way only."""


Tool = namedtuple("Tool", "name about setup teardown path check", defaults=(Path, any_way))

TOOLS = [
    Tool("routing", routing.ABOUT, routing.setup, Path.stop),
    Tool("openvpn", openvpn.ABOUT, openvpn.setup, Path.stop),
    Tool("vrd_sealed", vrd.ABOUT, vrd.setup, Path.stop, check=vrd.check_direct),
    Tool("vrd_interface", vrd_interface.ABOUT, vrd_interface.setup, Path.stop),
    Tool("vrd_relayed", vrd.ABOUT_RELAYED, vrd.setup_relayed, Path.stop, RelayedPath,
         vrd.check_relayed),
    Tool("tinc_tcp", tinc.ABOUT, tinc.setup, Path.stop),
    Tool("vrd_tcp", vrd.ABOUT_TCP, vrd.setup_tcp, Path.stop, check=vrd.check_tcp),
]
