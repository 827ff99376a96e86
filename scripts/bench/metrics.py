"""What is measured of each tool.

A measurement takes a joined path and a time in seconds, and returns {figure: value} of one turn."""

from . import iperf, processes, udp


def tcp1(path, seconds):
    """One flow, and what it costs."""
    machine, own = processes.machine_seconds(), processes.cpu_seconds(path)
    gbps, moved = iperf.tcp(path, seconds)
    machine, own = processes.machine_seconds() - machine, processes.cpu_seconds(path) - own
    return {"tcp1_gbps": gbps,
            # A path without a process of its own is the kernel's, of which only the whole is known.
            "cpu_s_per_gb": (own if path.programs else machine) / (moved / 1e9),
            "machine_s_per_gb": machine / (moved / 1e9)}


def tcp1_rev(path, seconds):
    return {"tcp1_rev_gbps": iperf.tcp(path, seconds, reverse=True)[0]}


def tcp4(path, seconds):
    return {"tcp4_gbps": iperf.tcp(path, seconds, flows=4)[0]}


def udp64(path, _seconds):
    arrived, most = udp.rate_kpps(path)
    return {"udp64_kpps": arrived, "udp64_sender_kpps": most}


def rtt(path, _seconds):
    median, high = udp.round_trip_us(path)
    return {"rtt_us": median, "rtt_p99_us": high}


def rss(path, _seconds):
    """Nothing, for a path that is the kernel's."""
    return {"rss_mb": processes.resident_mb(path)}


# Figure -> the measurement that finds it, in this order: what has moved most is weighed last.
METRICS = {"rtt_us": rtt, "rtt_p99_us": rtt, "tcp1_gbps": tcp1, "cpu_s_per_gb": tcp1,
           "machine_s_per_gb": tcp1, "tcp1_rev_gbps": tcp1_rev, "tcp4_gbps": tcp4,
           "udp64_kpps": udp64, "udp64_sender_kpps": udp64, "rss_mb": rss}


def measurements(figures):
    """The measurements that find these figures, each once, in order."""
    return list(dict.fromkeys(function for figure, function in METRICS.items() if figure in figures))
