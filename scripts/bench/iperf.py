"""One measurement by iperf3 between the hosts of a path."""

import json
import subprocess

from lab.netns import LabError, wait_for

START_SECONDS = 5
# Slow start is not what is measured.
OMIT_SECONDS = 1


def tcp_gbps(path, seconds, flows=1):
    """Goodput of TCP from the first host to the second, as received, in Gb/s."""
    one, two = path.sides
    server = two.host.popen("iperf3", "-s", "-1", stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: ":5201 " in two.host.run("ss", "-Hltn"), START_SECONDS, "iperf3 -s")
        said = one.host.run("iperf3", "-J", "-c", two.host_address, "-P", str(flows),
                            "-O", str(OMIT_SECONDS), "-t", f"{seconds:g}", check=False,
                            timeout=seconds + 60)
        result = json.loads(said)
        if "error" in result:
            raise LabError(f"{path.name}: iperf3: {result['error']}\n{path.logs()}")
        return result["end"]["sum_received"]["bits_per_second"] / 1e9
    finally:
        path.end(server)
