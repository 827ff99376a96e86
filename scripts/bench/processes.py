"""What the processes of a tunnel, and the machine, take of the processors and of the memory."""

import os

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGESIZE")


def seconds_of(stat):
    """Processor seconds, user and system, of all threads: 'stat' is the text of /proc/PID/stat."""
    # The name may have blanks and brackets; it ends with the last one.
    fields = stat.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy_seconds(stat):
    """Processor seconds of everything, interrupts included, waiting not: the text of /proc/stat."""
    user, nice, system, _idle, _iowait, irq, softirq = map(int, stat.split("\n")[0].split()[1:8])
    return (user + nice + system + irq + softirq) / TICKS


def _read(*where):
    with open(os.path.join("/proc", *where), encoding="utf-8", errors="replace") as file:
        return file.read()


def cpu_seconds(path):
    """Of the programs that the path has started."""
    return sum(seconds_of(_read(str(program.pid), "stat")) for program, _log in path.programs)


def machine_seconds():
    """Of the whole machine."""
    return busy_seconds(_read("stat"))


def resident_mb(path):
    """Memory of the programs that the path has started, in 10^6 bytes."""
    return sum(int(_read(str(program.pid), "statm").split()[1]) * PAGE
               for program, _log in path.programs) / 1e6
