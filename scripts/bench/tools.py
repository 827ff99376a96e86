"""The ways to join two LANs, in the order they are measured.

A tool is a row: its name in the results, one line about its settings, and two functions that take
a path.Path.  'setup' joins the LANs and may return before they are; 'teardown' undoes what it did
outside the path.  Programs, files, namespaces and links belong to the path, which removes them
itself."""

from collections import namedtuple

from . import openvpn, routing, vrd, vrd_interface
from .path import Path

Tool = namedtuple("Tool", "name about setup teardown")

TOOLS = [
    Tool("routing", routing.ABOUT, routing.setup, Path.stop),
    Tool("openvpn", openvpn.ABOUT, openvpn.setup, Path.stop),
    Tool("vrd_sealed", vrd.ABOUT, vrd.setup, Path.stop),
    Tool("vrd_interface", vrd_interface.ABOUT, vrd_interface.setup, Path.stop),
]
