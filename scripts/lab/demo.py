"""The demonstration: a real virtual machine is live-migrated between clouds while clients use it.

First on one plain switch, without any overlay: the physical limit. Then between clouds A and B with a client in C, with
one subnet per cloud and with one subnet stretched over all. Beside them is D, a plain LISP site: no peers, no session, a
prefix and a client of its own. Every figure is read from captures. Exit status 0: the verdict
holds; 1: it does not; 2: usage; 3: the lab itself did not work.
"""
import argparse
import contextlib
import json
import os
import subprocess
import sys
import time

from . import guest, lisp, netns, report, tools, verdict
from .layout import LAYOUTS, VM_HOSTS
from .load import Load
from .measure import IN_FLIGHT, Observer
from .records import Records
from .stolen import MUCH_PERCENT, Stolen
from .topology import Clouds, PlainSwitch

# After a move: QEMU repeats its RARP for 800 ms, the guest its ARP for 820.
WATCH_S = 1.4
SETTLE_S = 0.6
BEFORE_S = 0.2
# The old hypervisor's end is the last thing at a move that could send a frame astray.
AFTER_END_S = 0.1
# A router, a hypervisor or a probe that is gone, whatever it was just asked for.
BROKEN = (netns.LabError, OSError, subprocess.SubprocessError, ValueError)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="A real virtual machine is live-migrated between clouds, "
        "and no connection breaks.")
    parser.add_argument("--moves", type=int, default=10, metavar="N",
                        help="moves per layout (default %(default)s)")
    parser.add_argument("--delay-ms", type=float, default=0, metavar="D",
                        help="delay between all clouds, one way (default 0)")
    parser.add_argument("--loss-pct", type=float, default=0, metavar="P",
                        help="random loss between all clouds (default 0)")
    parser.add_argument("--layout", choices=[*LAYOUTS, "both", "none"], default="both",
                        help="one subnet per cloud, one stretched over all, both (default), or "
                        "only the plain switch")
    parser.add_argument("--plain-moves", type=int, default=4, metavar="N",
                        help="moves on the plain switch (default %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the last lab running")
    parser.add_argument("--clean", action="store_true",
                        help="take down what --keep or a killed run left, and end")
    parser.add_argument("--captures", metavar="DIR", help="leave the captures (pcapng) there")
    parser.add_argument("--output", metavar="FILE", default=os.path.join(tools.BUILD, "demo.json"))
    options = parser.parse_args(arguments)
    if options.moves < 0 or options.delay_ms < 0 or not 0 <= options.loss_pct < 100:
        parser.error("a number is out of range")
    return options


class Run:
    """One run of the demonstration."""

    def __init__(self, options):
        self.options = options
        self.printer = report.Printer()
        self.image = None
        self.stolen = Stolen()
        self.result = {"verdict": False, "moves": [], "tcp_survived": False, "tcp_checksum_ok": False,
                       "delay_ms": options.delay_ms, "loss_pct": options.loss_pct,
                       "yardstick": {"moves": []}, "layouts": {}, "checks": []}
        if options.captures:
            os.makedirs(options.captures, exist_ok=True)

    def one_move(self, world, observer, load, number):
        """Moves the machine to the other site and reads the figures."""
        start = world.vm_site
        target = next(site for site in VM_HOSTS if site != start)
        records = Records(world) if hasattr(world, "routers") else None
        place = world.prepare(target)
        observer.wake()
        load.mark()
        if records:
            records.mark()
        time.sleep(BEFORE_S + 2 * observer.delay)
        self.printer.say(f"move {number}: {start} -> {target}")
        migration, old = world.migrate(target, place)
        time.sleep(WATCH_S + 2 * observer.delay)
        if records:
            world.check()
        old.end()
        time.sleep(AFTER_END_S + IN_FLIGHT + 2 * observer.delay)
        move, rarp = observer.figures(start, target, migration)
        observer.rest()
        load.after_move(move["peers"])
        complaints = world.vm.complaints()
        for line in complaints:
            self.printer.say(f"the machine's own kernel says: {line}")
        if complaints:
            self.printer.say(f"its hypervisor says of the queue: {world.vm.card_state()}")
        move["number"] = number
        move["migration_s"] = round(migration.took, 3)
        if records:
            move["record"] = records.compare(move, rarp, observer.epoch)
        report.timeline(self.printer, move, bool(records))
        return move

    def moves(self, world, count, sink):
        """Boots the machine, puts the load on it and moves it. (download -> ended well, the last words of all probes)"""
        self.printer.say("booting the guest in A")
        seconds = world.boot(self.image)
        world.wait_reachable()
        self.printer.say(f"the guest runs ({seconds:.1f} s) and every host reaches it")
        observer = Observer(world, time.time(), self.options.captures)
        load = Load(world)
        time.sleep(SETTLE_S + 4 * observer.delay)
        observer.rest()
        for number in range(1, count + 1):
            sink.append(self.one_move(world, observer, load, number))
        finished, final = load.finish()
        observer.stop()
        for name, state in final.items():
            if name.startswith("tcp"):
                self.printer.say(f"{name}: {state['bytes']} bytes, checksum "
                                 f"{'right' if state['checksum_ok'] else 'WRONG'}"
                                 f"{', ' + state['error'] if state['error'] else ''}")
        return finished, final

    def plain(self):
        """The yardstick: the same move on one switch."""
        moves = self.result["yardstick"]["moves"]
        self.printer.head("One plain switch, no overlay: the physical limit")
        with netns.Lab("plain") as lab:
            world = PlainSwitch(lab)
            finished, final = self.moves(world, self.options.plain_moves, moves)
        self.result["yardstick"].update(summary=report.summary(moves), tcp_finished=finished,
                                        probes=final)
        report.table(self.printer, "One plain switch (yardstick)", moves)

    def clouds(self, layout, keep):
        """The moves of one layout. Returns its checks."""
        options = self.options
        moves, finished, final = [], {}, {}
        self.printer.head(f"Clouds A, B and C, layout '{layout.name}', "
                          f"{options.delay_ms:g} ms one way, {options.loss_pct:g} % loss")
        lab = netns.Lab(layout.name, may_stay=keep)
        try:
            world = Clouds(lab, layout, options.delay_ms, options.loss_pct)
            lisp.add(world)
            world.start()
            self.printer.say("all routers run (at real-time priority, as on machines of their own) "
                             "and have found each other")
            lisp.add_host(world)
            self.printer.say("cloud D is a plain LISP site, with a client and a map-server")
            finished, final = self.moves(world, options.moves, moves)
            self.result["layouts"][layout.name] = {
                "summary": report.summary(moves), "tcp_finished": finished, "probes": final,
                "drops": {name: router.drops() for name, router in world.routers.items()}}
            if keep:
                lab.keep()
                self._say_kept(lab, world)
        except BROKEN as problem:
            self.printer.say(f"FAILED: {problem or type(problem).__name__}")
            self.result["layouts"].setdefault(layout.name, {})["failed"] = repr(problem)
            self._logs(lab)
        finally:
            lab.close()
        self.result["moves"] += moves
        if moves:
            report.table(self.printer, f"Layout '{layout.name}'", moves)
        checks = verdict.of_layout(moves, options.moves, finished, final, options.delay_ms,
                                   options.loss_pct)
        report.verdict(self.printer, f"Layout '{layout.name}': does it hold?", checks)
        self.result["checks"] += [{"layout": layout.name, **vars(check)} for check in checks]
        return checks, finished

    def _say_kept(self, lab, world):
        self.printer.head("The lab stays")
        for name, router in world.routers.items():
            self.printer.raw(f"  cloud {name.upper()}: ip netns exec {lab.prefix}-{name} bash; "
                             f"vrctl -s {router.conf['control_socket']} show moves")
        self.printer.raw("  take it down with: scripts/demo --clean")

    def _logs(self, lab):
        """The last words of the routers, when something failed."""
        for name in sorted(os.listdir(lab.dir)):
            path = os.path.join(lab.dir, name, "vrd.log")
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    self.printer.raw(f"  --- {name}\n  " + "  ".join(file.readlines()[-15:]))

    def all(self):
        """Everything; True when the verdict holds, or none was asked for."""
        options = self.options
        self.image = guest.make(say=self.printer.say)
        if options.plain_moves:
            self.plain()
        names = {"both": list(LAYOUTS), "none": []}.get(options.layout, [options.layout])
        checks, finished = [], []
        for name in names:
            more, ended = self.clouds(LAYOUTS[name], options.keep and name == names[-1])
            checks += more
            finished += list(ended.values()) or [False]
        self.result["tcp_survived"] = bool(finished) and all(
            peer["tcp_ok"] for move in self.result["moves"] for peer in move["peers"].values())
        self.result["tcp_checksum_ok"] = bool(finished) and all(finished)
        holds = bool(checks) and all(check.holds for check in checks)
        self.result["verdict"] = holds
        self.result["stolen_pct"] = round(self.stolen.percent(), 1)
        self._compare()
        if self.result["stolen_pct"] >= MUCH_PERCENT:
            self.printer.raw(f"  The host of this machine gave {self.result['stolen_pct']} % of the processor time that was "
                             "wanted to others: what is late may be late for that.")
        if checks:
            self.printer.head(f"Verdict: {'it holds' if holds else 'it does NOT hold'}")
        return holds or not names

    def _compare(self):
        """The overlay beside the plain switch."""
        plain = self.result["yardstick"].get("summary", {})
        rows = [("plain switch", plain)] if plain else []
        rows += [(name, layout["summary"]) for name, layout in self.result["layouts"].items()
                 if layout.get("summary")]
        self.printer.head("RARP to delivery (ms) and UDP frames lost by the client, median")
        for name, row in rows:
            delivery = row.get("rarp_to_delivery_ms", {}).get("median")
            self.printer.raw(f"  {name:14} {'-' if delivery is None else delivery:>8} "
                             f"{row.get('lost_udp', {}).get('median', '-'):>6}")

    def save(self):
        os.makedirs(os.path.dirname(os.path.abspath(self.options.output)), exist_ok=True)
        with open(self.options.output, "w", encoding="utf-8") as file:
            json.dump(self.result, file, indent=1)
            file.write("\n")
        self.printer.say(f"figures are in {self.options.output}")


def main(arguments=None):
    options = parse(arguments)
    if options.clean:
        for prefix in netns.sweep(kept_too=True):
            print(f"{prefix} is gone")
        return 0
    # Whatever happens, nobody must take the figures of an earlier run for those of this one.
    with contextlib.suppress(FileNotFoundError):
        os.remove(options.output)
    run = Run(options)
    try:
        return 0 if run.all() else 1
    except BROKEN as problem:
        print(f"the lab does not work: {problem!r}", file=sys.stderr)
        return 3
    finally:
        run.save()


if __name__ == "__main__":
    sys.exit(main())
