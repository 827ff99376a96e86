"""python -m bench: measure, print a table, write build/bench.json."""

import argparse
import contextlib
import os
import sys

from lab.netns import LabError

from . import iperf, report, tools
from .path import Path

# Name of the figure -> how to measure it on a joined path for so many seconds.
MEASURES = {"tcp1_gbps": iperf.tcp_gbps}


def arguments():
    names = [tool.name for tool in tools.TOOLS]
    parser = argparse.ArgumentParser(prog="scripts/bench/run", description=__doc__)
    parser.add_argument("--output", default="build/bench.json", help="where the rows are written")
    parser.add_argument("--tools", default=",".join(names), help="which, of " + ", ".join(names))
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each tool, in turn")
    parser.add_argument("--seconds", type=float, default=5, help="length of one measurement")
    parser.add_argument("--check", action="store_true",
                        help="end with status 1 when vrd is below %d times OpenVPN" % report.GOAL)
    options = parser.parse_args()
    options.tools = options.tools.split(",")
    unknown = set(options.tools) - set(names)
    if unknown:
        parser.error("no such tool: " + ", ".join(sorted(unknown)))
    if options.repeats < 1:
        parser.error("--repeats must be at least 1")
    return options


def measure(options):
    """{figure.tool: [value, ...]}, the repeats of all tools in turn."""
    values = {}
    with contextlib.ExitStack() as stack:
        joined = []
        for tool in tools.TOOLS:
            if tool.name not in options.tools:
                continue
            path = stack.enter_context(Path(tool.name))
            tool.setup(path)
            stack.callback(tool.teardown, path)
            path.wait_until_joined()
            print(f"{tool.name}: joined ({tool.about})", flush=True)
            joined.append((tool, path))
        for turn in range(options.repeats):
            for figure, function in MEASURES.items():
                for tool, path in joined:
                    value = function(path, options.seconds)
                    values.setdefault(f"{figure}.{tool.name}", []).append(value)
                    print(f"  {turn + 1}/{options.repeats} {figure}.{tool.name} {value:.3f}",
                          flush=True)
    return values


def main():
    options = arguments()
    if os.geteuid() != 0:
        sys.exit("the benchmark makes network namespaces: run it as root")
    try:
        rows = report.rows(measure(options))
    except LabError as error:
        sys.exit(f"bench: {error}")
    report.write(rows, options.output)
    report.show(rows)
    sys.exit(0 if report.goal_reached(rows) or not options.check else 1)


if __name__ == "__main__":
    main()
