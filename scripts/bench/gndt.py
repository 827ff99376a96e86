"""The GNDT by itself: look-ups, changes, memory, for tables of several kinds and sizes.

Beside the look-ups stand reads of random cache lines of an array as large as the table, in the same process and within a
second: so many would be possible if an address told where its answer is.  Beside the memory stands an array of the routes, in
which nothing is found. Times are of the processor, so that whoever else runs takes caches and memory away, but no time."""

import json

from lab.netns import LabError, run
from lab.tools import built

KINDS = ("v4_bgp", "v4_uniform", "v4_hosts", "v6_bgp", "v6_uniform", "v6_hosts")
PREFIXES = {"1k": 1000, "100k": 100000, "1m": 1000000}
# Row -> what the program says.
FIGURES = {"gndt_lookups_per_s": "lookups_per_s",
           "gndt_single_lookups_per_s": "single_lookups_per_s",
           "line_reads_per_s": "line_reads_per_s",
           "gndt_updates_per_s": "updates_per_s",
           "gndt_bytes_per_prefix": "bytes_per_prefix",
           "route_bytes": "route_bytes"}


def measure(repeats):
    """{figure: [value, ...]}, the repeats of all kinds in turn."""
    values = {}
    for turn in range(repeats):
        for kind in KINDS:
            for label, prefixes in PREFIXES.items():
                said = json.loads(run(built("bench/gndt"), kind, str(prefixes), timeout=120))
                if said["prefixes"] != prefixes or said["sum"] == 0:
                    raise LabError(f"{kind}: {said}")
                for row, figure in FIGURES.items():
                    values.setdefault(f"{row}.{kind}_{label}", []).append(said[figure])
                print(f"  {turn + 1}/{repeats} {kind}_{label}: "
                      f"{said['lookups_per_s'] / 1e6:.1f} M look-ups/s, "
                      f"{said['updates_per_s'] / 1e6:.1f} M updates/s, "
                      f"{said['bytes_per_prefix']:.1f} bytes per prefix", flush=True)
    return values
