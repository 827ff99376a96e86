"""One measurement by iperf3 between the hosts of a path."""

import json
import subprocess
import time

START_SECONDS = 5
# Slow start is not what is measured.
OMIT_SECONDS = 1


def wait_for_listener(path, space, port, server):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if f":{port} " in path.inside(space, "ss", "-Hltn"):
            return
        if server.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError("iperf3 -s does not listen\n" + path.logs())


def tcp_gbps(path, seconds, flows=1):
    """Goodput of TCP from the first host to the second, as received, in Gb/s."""
    one, two = path.sides
    server = subprocess.Popen(["ip", "netns", "exec", two.host, "iperf3", "-s", "-1"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for_listener(path, two.host, 5201, server)
        said = path.inside(one.host, "iperf3", "-J", "-c", two.host_address, "-P", str(flows),
                           "-O", str(OMIT_SECONDS), "-t", f"{seconds:g}", check=False)
        result = json.loads(said)
        if "error" in result:
            raise RuntimeError(f"{path.name}: iperf3: {result['error']}\n{path.logs()}")
        return result["end"]["sum_received"]["bits_per_second"] / 1e9
    finally:
        path.end(server)
