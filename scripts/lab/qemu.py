"""One virtual machine under QEMU, and its live migration.

Software emulation only. The numbers here are measured: memory that is a multiple of 256 KiB is corrupted by a live
migration before QEMU 9.0; with the default downtime limit QEMU stops the guest up to 260 ms early. In one of 334 migrations on one
plain switch, without any router, beside other work, the transmit queue of the guest's virtio card stood still until the next one
("NETDEV WATCHDOG" on its console, 5 s later): whatever it sends is silent then, and whatever it hears is heard. See complaints().
"""
import json
import os
import socket
import threading
import time
from dataclasses import dataclass

from .netns import LabError, wait_for

MEMORY_KIB = 96 * 1024 + 8
DOWNTIME_LIMIT_MS = 20
UNLIMITED = 1 << 40
NICE = -5  # as if every hypervisor had a machine of its own
BINARY = "qemu-system-x86_64"


@dataclass
class Migration:
    """Wall-clock times in seconds."""
    stopped: float
    resumed: float
    took: float

    @property
    def paused_ms(self):
        return (self.resumed - self.stopped) * 1000


class Qmp:
    """QEMU's control connection."""

    def __init__(self, path):
        self.events = []
        self.replies = []
        self.changed = threading.Condition()
        self.closed = False
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("r", encoding="utf-8")
        self.file.readline()
        threading.Thread(target=self._read, daemon=True).start()
        self.ask("qmp_capabilities")

    def _read(self):
        try:
            for line in self.file:
                message = json.loads(line)
                with self.changed:
                    if "event" in message:
                        self.events.append(message)
                    else:
                        self.replies.append(message)
                    self.changed.notify_all()
        except (OSError, ValueError):
            pass
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def ask(self, command, timeout=10, **arguments):
        """Sends a command and returns its result."""
        message = {"execute": command, "arguments": arguments}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        with self.changed:
            if not self.changed.wait_for(lambda: self.replies or self.closed, timeout):
                raise LabError(f"QEMU did not answer {command}")
            if not self.replies:
                raise LabError(f"QEMU ended instead of answering {command}")
            reply = self.replies.pop(0)
        if "error" in reply:
            raise LabError(f"QEMU refused {command}: {reply['error']['desc']}")
        return reply["return"]

    def wait_event(self, name, timeout, accept=lambda event: True):
        """The time (wall clock, seconds) and data of the first event of this name."""
        def find():
            for event in self.events:
                if event["event"] == name and accept(event):
                    return event
            return None
        with self.changed:
            self.changed.wait_for(lambda: find() or self.closed, timeout)
            event = find()
        if event is None:
            raise LabError(f"QEMU sent no {name} within {timeout} s")
        stamp = event["timestamp"]
        return stamp["seconds"] + stamp["microseconds"] / 1e6, event.get("data", {})

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


class Machine:
    """One QEMU process: a running guest, or a place where one will arrive."""

    def __init__(self, space, tap, image, mac, address, gateway=None, port=None, options=()):
        """'address' is the guest's own, with prefix length; None: it sees to one itself. 'port': name of a port of
        virtio-serial, see host(). 'options': further ones of QEMU."""
        self.space = space
        self.tap = tap
        self.image = image
        self.mac = mac
        self.address = address
        self.gateway = gateway
        self.port = port
        self.options = list(options)
        self.process = None
        self.qmp = None
        self.label = None

    def at(self, space, tap):
        """The same machine for another place."""
        return Machine(space, tap, self.image, self.mac, self.address, self.gateway, self.port, self.options)

    def start(self, incoming=False, hold=False):
        """'incoming': waits for a guest; 'hold': that guest does not run before migrate() is told so."""
        lab = self.space.lab
        self.label = f"vm-{self.space.name}-{self.tap}-{time.monotonic_ns()}"
        control, self.serial = lab.path(self.label + ".qmp"), lab.path(self.label + ".serial")
        words = "console=ttyS0 quiet panic=1"
        if self.address:
            words += f" lab.address={self.address}"
        if self.gateway:
            words += f" lab.gateway={self.gateway}"
        command = [BINARY, "-M", "pc,accel=tcg", "-m",
                   f"{self.image.memory_kib or MEMORY_KIB}K", "-smp", "1", "-nodefaults",
                   "-display", "none", "-no-reboot", "-serial", f"file:{self.serial}",
                   "-qmp", f"unix:{control},server=on,wait=off",
                   "-kernel", self.image.kernel, "-initrd", self.image.initrd, "-append", words,
                   "-netdev", f"tap,id=n0,ifname={self.tap},script=no,downscript=no",
                   "-device", f"{self.image.card},netdev=n0,mac={self.mac},romfile="]
        if self.image.disk:
            command += ["-drive", f"file={self.image.disk},if=none,format=raw,readonly=on,id=d0",
                        "-device", "virtio-blk-pci,drive=d0"]
        if self.port:
            command += ["-device", "virtio-serial-pci", "-chardev",
                        f"socket,id=c0,path={lab.path(self.label + '.port')},server=on,wait=off",
                        "-device", f"virtserialport,chardev=c0,name={self.port}"]
        command += [*self.image.options, *self.options]
        if incoming:
            command += ["-incoming", "defer"]
        if hold:
            command += ["-S"]
        with open(lab.path(self.label + ".log"), "wb") as log:
            self.process = self.space.popen(*command, nice=NICE, stdout=log, stderr=log)
        self.qmp = wait_for(lambda: self._connect(control), 15, "QEMU's control socket")
        return self

    def _connect(self, path):
        if self.process.poll() is not None:
            with open(self.space.lab.path(self.label + ".log"), encoding="utf-8",
                      errors="replace") as log:
                raise LabError(f"QEMU ended: {log.read().strip()}")
        try:
            return Qmp(path)
        except (OSError, LabError):
            return None

    def host(self):
        """A connection to the guest's port, from outside of the machine."""
        end = socket.socket(socket.AF_UNIX)
        end.connect(self.space.lab.path(self.label + ".port"))
        return end

    def complaints(self):
        """What the guest's kernel has said of its network card: lines of its console."""
        try:
            with open(self.serial, encoding="utf-8", errors="replace") as console:
                return [line.strip() for line in console if "NETDEV WATCHDOG" in line]
        except OSError:
            return []

    def card_state(self):
        """What QEMU knows of the transmit queue of the guest's virtio card, for whoever looks why it stands still."""
        paths = [row["path"] for row in self.qmp.ask("x-query-virtio") if row["name"] == "virtio-net"]
        return [self.qmp.ask("x-query-virtio-queue-status", path=path, queue=1) for path in paths]

    def wait_ready(self, timeout=60):
        """Waits until the guest's service runs; returns the seconds that took."""
        start = time.monotonic()
        wait_for(lambda: "guestd ready" in self.console(), timeout, "the guest's service")
        return time.monotonic() - start

    def console(self):
        """What the guest has printed so far."""
        if not os.path.exists(self.serial):
            return ""
        with open(self.serial, encoding="utf-8", errors="replace") as file:
            return file.read()

    def end(self):
        if self.qmp:
            self.qmp.close()
            self.qmp = None
        if self.process:
            self.space.lab.end(self.process)
            self.process = None


def migrate(source, target, timeout=30, meanwhile=None):
    """Moves the guest from one running Machine to another started with incoming=True. The source stays, paused, until
    its end(). 'meanwhile()' is called when all of the guest is at the target, started with hold=True, and before it runs
    there: libvirt moves in these two steps."""
    begin = time.monotonic()
    place = "unix:" + target.space.lab.path(target.label + ".migrate")
    target.qmp.ask("migrate-incoming", uri=place)
    source.qmp.ask("migrate-set-parameters", **{"downtime-limit": DOWNTIME_LIMIT_MS,
                                                "max-bandwidth": UNLIMITED})
    source.qmp.events.clear()
    target.qmp.events.clear()
    source.qmp.ask("migrate", uri=place)
    deadline = time.monotonic() + timeout
    while True:
        status = source.qmp.ask("query-migrate").get("status")
        if status == "completed":
            break
        if status in ("failed", "cancelled") or time.monotonic() > deadline:
            raise LabError(f"the migration ended as '{status}'")
        time.sleep(0.02)
    if meanwhile:
        meanwhile()
        target.qmp.ask("cont")
    stopped, _ = source.qmp.wait_event("STOP", 5)
    resumed, _ = target.qmp.wait_event("RESUME", 5)
    return Migration(stopped, resumed, time.monotonic() - begin)


def fail(source, target, at_switchover, timeout=30):
    """A migration that fails at the last moment: the guest is stopped and 'at_switchover()' called, then the migration is
    given up and the guest goes on where it was, without a word to anybody. The target is gone afterwards."""
    place = "unix:" + target.space.lab.path(target.label + ".migrate")
    target.qmp.ask("migrate-incoming", uri=place)
    source.qmp.ask("migrate-set-parameters", **{"downtime-limit": DOWNTIME_LIMIT_MS,
                                                "max-bandwidth": UNLIMITED})
    _stop_before_switchover(source, True)
    source.qmp.events.clear()
    source.qmp.ask("migrate", uri=place)
    wait_for(lambda: _status(source) == "pre-switchover", timeout, "the switch-over", 0.005)
    at_switchover()
    source.qmp.ask("migrate_cancel")
    wait_for(lambda: _status(source) == "cancelled", timeout, "the end of the migration", 0.005)
    stopped, _ = source.qmp.wait_event("STOP", 5)
    resumed, _ = source.qmp.wait_event("RESUME", 5)
    _stop_before_switchover(source, False)
    target.end()
    return stopped, resumed


def _status(machine):
    return machine.qmp.ask("query-migrate").get("status")


def _stop_before_switchover(source, state):
    source.qmp.ask("migrate-set-capabilities", capabilities=[
        {"capability": "pause-before-switchover", "state": state}])
