"""Throughput of vrd beside other ways to join two LANs, measured in one run.

`python -m bench` builds, for every tool of tools.TOOLS, a path of its own of four namespaces (host,
gateway, gateway, host), lets the tool join them, and then measures all tools in turn, several
times, so that a busy moment of the machine hits all of them alike."""
