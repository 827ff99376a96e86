"""One measurement by iperf3 between the hosts of a path."""

import json
import subprocess

from lab.netns import LabError, wait_for

START_SECONDS = 5
# Slow start is not what is measured.
OMIT_SECONDS = 1


def tcp(path, seconds, flows=1, reverse=False):
    """(goodput of TCP in Gb/s as received, all bytes that were sent) from the first host to the
    second; from the second to the first when 'reverse'.  The bytes include those of the slow start,
    which does not count for the goodput."""
    one, two = path.sides
    server = two.host.popen("iperf3", "-s", "-1", stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: ":5201 " in two.host.run("ss", "-Hltn"), START_SECONDS, "iperf3 -s")
        said = one.host.run("iperf3", "-J", "-c", two.host_address, "-P", str(flows),
                            "-O", str(OMIT_SECONDS), "-t", f"{seconds:g}",
                            *(["-R"] if reverse else []), check=False, timeout=seconds + 60)
        result = json.loads(said)
        if "error" in result:
            raise LabError(f"{path.name}: iperf3: {result['error']}\n{path.logs()}")
        return (result["end"]["sum_received"]["bits_per_second"] / 1e9,
                sum(interval["sum"]["bytes"] for interval in result["intervals"]))
    finally:
        path.end(server)
