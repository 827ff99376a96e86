"""Processor time that the lab wanted and did not get: the host of the virtual machine in which it runs gave it to others."""

STAT = "/proc/stat"
# Fields of the first line, see proc_stat(5); what guests use is in the first two.
IDLE, IOWAIT, STEAL, FIELDS = 3, 4, 7, 8
# From here on a run says so: delays of several milliseconds are the host's then.
MUCH_PERCENT = 2


def times(text):
    """(wanted, of that stolen) since the start of the machine."""
    fields = [int(word) for word in text.split("\n", 1)[0].split()[1:1 + FIELDS]]
    return sum(fields) - fields[IDLE] - fields[IOWAIT], fields[STEAL]


class Stolen:
    """From now on."""

    def __init__(self):
        self.before = self._now()

    @staticmethod
    def _now():
        with open(STAT, encoding="ascii") as file:
            return times(file.read())

    def percent(self):
        """Of what was wanted so far."""
        wanted, stolen = (now - then for now, then in zip(self._now(), self.before))
        return 100 * stolen / wanted if wanted else 0.0
