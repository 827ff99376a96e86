"""The seed documents' migration experiments: measure, print a table, write build/bench-migration.json and pictures."""
import argparse
import contextlib
import os
import subprocess
import sys
import time

from lab import guest, tools
from lab.netns import LabError

from . import locator, report, seed003, servers, thesis
from .sites import METHODS

MOVES = 5
GROUPS = (*thesis.KINDS, "seed003", "locator")
DELAYS = {point.delay_ms for point in thesis.FULL}


def _list(known, what):
    def words(text):
        chosen = text.split(",")
        unknown = set(chosen) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(f"no such {what}: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return [name for name in known if name in chosen]
    return words


def _delays(text):
    try:
        chosen = {float(word) for word in text.split(",")}
    except ValueError:
        chosen = {-1}
    if not chosen <= DELAYS:
        raise argparse.ArgumentTypeError("there are " + ", ".join(f"{delay:g}" for delay in sorted(DELAYS)))
    return chosen


def parse(words):
    parser = argparse.ArgumentParser(
        prog="scripts/bench/migration/run",
        description=f"{__doc__} Exit status 0: every target is reached; 1: one is missed; 2: usage; 3: something could "
        "not be measured.")
    parser.add_argument("--only", type=_list(GROUPS, "experiment"), default=list(GROUPS), metavar="NAME,...",
                        help="which experiments, of " + ", ".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="few points and few moves: some minutes, not half an hour")
    parser.add_argument("--moves", type=int, metavar="N",
                        help=f"moves at each point (default {MOVES}, and {thesis.MOVES} of ftp, http and video where something is "
                        f"promised, {thesis.MANY_MOVES} without distance and at the largest with loss; 2 with --quick)")
    parser.add_argument("--delays", type=_delays, metavar="MS,...",
                        help="ftp, http, video: only the points with these delays, one way, of "
                        + ", ".join(f"{delay:g}" for delay in sorted(DELAYS)))
    parser.add_argument("--methods", type=_list(METHODS, "method"), default=list(METHODS), metavar="NAME,...",
                        help="of seed003, which of " + ", ".join(METHODS))
    parser.add_argument("--everywhere", action="store_true",
                        help="ftp, http, video: the delay is on every line, also to the client, not half of it at each of the "
                        "two sites as in the thesis")
    parser.add_argument("--fast", action="store_true",
                        help=f"ftp and http at {servers.FAST / 1e6:g} MB/s, not {servers.SLOW / 1e6:g}: TCP's window decides")
    parser.add_argument("--output", default=os.path.join(tools.BUILD, "bench-migration.json"), metavar="FILE")
    parser.add_argument("--plots", default=os.path.join(tools.BUILD, "bench-migration"), metavar="DIR",
                        help="where the pictures go")
    parser.add_argument("--no-plots", action="store_true", help="draw nothing")
    options = parser.parse_args(words)
    options.moves = 2 if options.moves is None and options.quick else options.moves
    if options.moves is not None and options.moves < 1:
        parser.error("--moves must be at least 1")
    return options


def measure(options, say, rows, moves):
    """All that was asked for, added to 'rows' and 'moves' as it is known."""
    kinds = [kind for kind in thesis.KINDS if kind in options.only]
    if kinds:
        image = guest.make(say=say, disk=servers.disk(say), memory_kib=servers.GUEST_KIB)
        points = thesis.QUICK if options.quick else thesis.FULL
        points = [point for point in points if not options.delays or point.delay_ms in options.delays]
        plan = thesis.Plan(kinds, points, options.moves, options.everywhere,
                           servers.FAST if options.fast else servers.SLOW)
        _add(rows, moves, thesis.run(plan, image, say))
    if "seed003" in options.only:
        _add(rows, moves, seed003.run(options.methods, options.moves or MOVES, guest.make(say=say), say))
    if "locator" in options.only:
        _add(rows, moves, locator.run(options.moves or MOVES, say))


def _add(rows, moves, found):
    rows += found[0]
    moves += found[1]


def main(words=None):
    options = parse(words)
    if os.geteuid() != 0:
        print("the experiments make network namespaces: run them as root", file=sys.stderr)
        return 3
    # Nobody must take the figures of an earlier run for those of this one.
    with contextlib.suppress(FileNotFoundError):
        os.remove(options.output)
    begin = time.monotonic()

    def say(text):
        print(f"[{time.monotonic() - begin:6.1f} s] {text}", flush=True)
    rows, moves, broken = [], [], False
    try:
        measure(options, say, rows, moves)
    except (LabError, OSError, subprocess.SubprocessError, ValueError) as error:
        print(f"bench-migration: {error!r}", file=sys.stderr)
        broken = True
    data = report.result(rows, moves, options)
    report.write(data, options.output)
    if not options.no_plots:
        # Only here is matplotlib needed.
        from . import plots  # pylint: disable=import-outside-toplevel
        for file in plots.draw(rows, options.plots):
            say(f"drawn: {file}")
    print()
    report.show(rows)
    print(f"figures are in {options.output}")
    if broken:
        return 3
    return 0 if data["held"] else 1


if __name__ == "__main__":
    sys.exit(main())
