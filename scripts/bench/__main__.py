"""python -m bench: measure, print a table, write build/bench.json."""

import argparse
import contextlib
import os
import subprocess
import sys

from lab.netns import LabError

from . import aead, gndt, goals, growth, mapserver, metrics, report, stress, tools

GROUPS = ("throughput", "map-server", "aead", "gndt", "growth", "stress")
# Option -> its numbers, what they are, and the most.
COUNTS = {"eids": ("1000,1000000", "EIDs that are registered with the map-server, case by case", mapserver.EIDS_MAX),
          "entries": ("10,1000,100000,1000000", "entries of the GNDT, case by case", growth.ENTRIES_MAX),
          "peers": ("1,10,100,1000", "peers of a router", growth.PEERS_MAX),
          "flows": ("1,100,10000", "flows through a router", growth.FLOWS_MAX)}


def numbers(text, most):
    """The numbers of an option; none when one of them is none, or beyond 'most'."""
    try:
        found = [int(word) for word in text.split(",")]
    except ValueError:
        return []
    return found if all(0 < count <= most for count in found) else []


def parse(words):
    names = [tool.name for tool in tools.TOOLS]
    parser = argparse.ArgumentParser(
        prog="scripts/bench/run",
        description=f"{__doc__} Exit status 0: every goal is reached, or it was "
        "only measured; 1: one is missed; 2: usage; 3: something could not be measured.")
    parser.add_argument("--output", default="build/bench.json", help="where the rows are written")
    parser.add_argument("--only", default=",".join(GROUPS),
                        help="which groups of figures, of " + ", ".join(GROUPS))
    for name, (default, what, most) in COUNTS.items():
        parser.add_argument(f"--{name}", default=default, help=f"{what}; at most {most}")
    parser.add_argument("--plots", metavar="DIR", help="where growth is drawn; without it nowhere")
    parser.add_argument("--tools", default=",".join(names), help="which, of " + ", ".join(names))
    parser.add_argument("--metrics", default=",".join(metrics.METRICS),
                        help="which figures of the tools, of " + ", ".join(metrics.METRICS) +
                        "; some tools have " + ", ".join(tools.VARIANT) + " only, or a few more")
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each tool, in turn")
    parser.add_argument("--seconds", type=float, default=3, help="length of one TCP measurement")
    parser.add_argument("--measure-only", action="store_true",
                        help="end with status 0 whether the goal is reached or not")
    options = parser.parse_args(words)
    options.tools = options.tools.split(",")
    options.metrics = options.metrics.split(",")
    options.only = options.only.split(",")
    for chosen, known, what in ((options.tools, names, "tool"), (options.only, GROUPS, "group"),
                                (options.metrics, metrics.METRICS, "metric")):
        unknown = set(chosen) - set(known)
        if unknown:
            parser.error(f"no such {what}: " + ", ".join(sorted(unknown)))
    for name, (_default, _what, most) in COUNTS.items():
        found = numbers(getattr(options, name), most)
        if not found:
            parser.error(f"--{name}: numbers from 1 to {most}")
        setattr(options, name, found)
    if ("throughput" in options.only and not options.measure_only
            and not goals.decides(report.with_added({name: [] for name in planned(options)}))):
        parser.error("without a tool that has a goal and the tool that it is compared with "
                     "nothing is decided: give --measure-only")
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    return options


def measure(options):
    """{figure.tool or figure.case: [value, ...]}"""
    values = throughput(options) if "throughput" in options.only else {}
    if "map-server" in options.only:
        values.update(mapserver.measure(options.eids, options.repeats))
    if "aead" in options.only:
        values.update(aead.measure(options.repeats))
    if "gndt" in options.only:
        values.update(gndt.measure(options.repeats))
    if "growth" in options.only:
        values.update(growth.measure(options))
    if "stress" in options.only:
        values.update(stress.measure(options.repeats))
    return values


def wanted(tool, options):
    """The figures of a tool that were asked for."""
    return [figure for figure in tool.figures if figure in options.metrics]


def planned(options):
    """The rows that throughput() will measure."""
    return [f"{figure}.{tool.name}" for tool in tools.TOOLS if tool.name in options.tools
            for figure in wanted(tool, options)]


def throughput(options):
    """{figure.tool: [value, ...]}, the repeats of all tools in turn."""
    values = {name: [] for name in planned(options)}
    with contextlib.ExitStack() as stack:
        joined = []
        for tool in tools.TOOLS:
            if tool.name not in options.tools or not wanted(tool, options):
                continue
            path = stack.enter_context(tool.path(tool.name))
            stack.callback(tool.teardown, path)
            tool.setup(path)
            path.wait_until_joined()
            tool.check(path)
            print(f"{tool.name}: joined ({tool.about})", flush=True)
            joined.append((tool, path))
        for turn in range(options.repeats):
            for measurement in metrics.measurements(options.metrics):
                for tool, path in joined:
                    figures = wanted(tool, options)
                    if measurement not in metrics.measurements(figures):
                        continue
                    found = measurement(path, options.seconds)
                    tool.check(path)
                    for figure, value in found.items():
                        if figure not in figures:
                            continue
                        values[f"{figure}.{tool.name}"].append(value)
                        print(f"  {turn + 1}/{options.repeats} {figure}.{tool.name} {value:.3f}",
                              flush=True)
    return values


def main(words=None):
    options = parse(words)
    if os.geteuid() != 0:
        print("the benchmark makes network namespaces: run it as root", file=sys.stderr)
        return 3
    # Nobody must take the figures of an earlier run for those of this one.
    with contextlib.suppress(FileNotFoundError):
        os.remove(options.output)
    try:
        rows = report.rows(measure(options))
    except (LabError, OSError, subprocess.SubprocessError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 3
    report.write(rows, options.output)
    report.show(rows)
    if options.plots:
        # Only here is matplotlib needed.
        from . import growth_plots  # pylint: disable=import-outside-toplevel
        for file in growth_plots.draw(rows, options.plots):
            print(f"drawn: {file}")
    return 0 if options.measure_only or report.goal_reached(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
