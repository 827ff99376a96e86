"""A port of a router by itself: the probe that opens it, its namespaces, and frames for it.

    with Net() as net:
        add_cable(net)
        probe = net.probe(net.r, "--device", "p0")
"""
import contextlib
import itertools
import json
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from types import SimpleNamespace

import inside
import sniff
from lab import tools
from lab.netns import run

PROBE = os.path.join(tools.BUILD, "net", "port_probe")
ROUTER = "02:56:52:00:00:07"
COUNTER = itertools.count()


def inside_of(ns):
    """The calling thread is in the namespace; sockets made here stay there."""
    return inside.inside(SimpleNamespace(full=ns))


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Probe:
    def __init__(self, ns, *args):
        self.events = queue.Queue()
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", ns, PROBE, *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)
        self.log = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_log, daemon=True).start()
        self.ready = self.wait(lambda e: e["event"] == "ready")

    def _read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line)

    def wait(self, wanted, seconds=5.0):
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self.events.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"not heard in time; log: {self.log}") from None
            assert event is not None, f"the probe ended; log: {self.log}"
            if wanted(event):
                return event

    def heard(self, seconds=0.3):
        """Everything that is said until nothing was said for so long."""
        events = []
        with contextlib.suppress(queue.Empty):
            while True:
                events.append(self.events.get(timeout=seconds))
        return events

    def tell(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def inject(self, frame):
        self.tell("inject " + frame.hex())
        assert self.wait(lambda e: e["event"] == "injected")["rc"] == 0

    def stats(self, port=0):
        self.tell("stats")
        return self.wait(lambda e: e["event"] == "stats" and e["port"] == port)

    def stop(self):
        if self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self.tell("quit")
            self.process.wait(timeout=5)
        return self.process.returncode

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=5)


class Net:
    """Namespaces of one test."""

    def __init__(self):
        self.prefix = f"portt{os.getpid()}x{next(COUNTER)}"
        self.names = []
        self.probes = []
        self.processes = []

    def ns(self, name):
        full = f"{self.prefix}{name}"
        run("ip", "netns", "add", full)
        self.names.append(full)
        self.ip(full, "link", "set", "lo", "up")
        run("ip", "netns", "exec", full, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0",
            "net.ipv6.conf.all.accept_dad=0")
        return full

    def ip(self, ns, *args, check=True):
        return run("ip", "-n", ns, *args, check=check)

    def sh(self, ns, *args, check=True):
        return run("ip", "netns", "exec", ns, *args, check=check)

    def spawn(self, ns, *args):
        process = subprocess.Popen(["ip", "netns", "exec", ns, *args], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        return process

    def wire(self, ns_a, a, ns_b, b):
        self.ip(ns_a, "link", "add", a, "type", "veth", "peer", "name", b, "netns", ns_b)
        self.ip(ns_a, "link", "set", a, "up")
        self.ip(ns_b, "link", "set", b, "up")

    def probe(self, ns, *args):
        probe = Probe(ns, *args)
        self.probes.append(probe)
        return probe

    def raw(self, ns, device):
        with inside_of(ns):
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.bind((device, 3))
        s.settimeout(0.3)
        return s

    def mac(self, ns, device):
        return json.loads(self.ip(ns, "-j", "link", "show", device))[0]["address"]

    def link(self, ns, device):
        return json.loads(self.ip(ns, "-j", "-d", "link", "show", device))[0]

    def counter(self, ns, name):
        text = self.sh(ns, "nstat", "-asz", name)
        return int(float(re.search(rf"{name}\s+(\S+)", text).group(1)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for probe in self.probes:
            if probe.process.poll() is None:
                probe.kill()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for name in self.names:
            run("ip", "netns", "del", name, check=False)


def add_cable(net):
    """A host on a veth whose other end is the port's device."""
    net.h, net.r = net.ns("h"), net.ns("r")
    net.wire(net.h, "h0", net.r, "p0")
    net.ip(net.h, "link", "set", "h0", "arp", "off")
    net.sh(net.h, "sysctl", "-qw", "net.ipv6.conf.h0.disable_ipv6=1")
    net.sh(net.r, "sysctl", "-qw", "net.ipv6.conf.p0.disable_ipv6=1")
    return net


def ether(dst, src, kind, payload):
    return (mac(dst) + mac(src) + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def arp(op, sha, spa, tha, tpa, src=None, kind=0x0806, dst="ff:ff:ff:ff:ff:ff"):
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, op) + mac(sha) + socket.inet_aton(spa) \
        + mac(tha) + socket.inet_aton(tpa)
    return ether(dst, src or sha, kind, body)


def ip4(src, dst, payload=b"x" * 32, proto=253):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", 0xffff - sniff.checksum(head)) + head[12:] + payload


VM = "52:54:00:00:00:01"


def add_bridge(net):
    """A host on a port of a bridge, which is the port's device."""
    net.h, net.r = net.ns("h"), net.ns("r")
    net.wire(net.h, "h0", net.r, "p0")
    net.ip(net.r, "link", "add", "br-some-lan", "type", "bridge")
    net.ip(net.r, "link", "set", "p0", "mtu", "1400")
    net.ip(net.r, "link", "set", "p0", "master", "br-some-lan")
    net.ip(net.r, "link", "set", "br-some-lan", "up")
    return net
