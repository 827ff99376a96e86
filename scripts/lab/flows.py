"""Numbered requests on their way to the machine: what was sent, what came, how often, in which order and where to.

A request counts from when the switch got it from its host: one that nobody delivered is lost, also when nothing of its flow
was delivered at all.
"""
import bisect
from dataclasses import dataclass, field

# Late frames within this time belong to one change of path.
EPISODE = 0.1


@dataclass
class Flow:
    """What is known of one numbered flow; numbers up to 'settled' are accounted for."""
    settled: int = -1
    highest: int = -1
    late: int = -1    # the latest of the numbers that came after a higher one
    sent: dict = field(default_factory=dict)     # number -> time
    copies: dict = field(default_factory=dict)   # number -> deliveries
    places: dict = field(default_factory=dict)   # number -> bit per site that it was sent to


@dataclass
class FlowFigures:
    """One flow over one move."""
    lost: int = 0
    duplicated: int = 0
    reordered: int = 0
    reordered_in_path: int = 0
    reordered_ms: float = 0.0
    reorder_episodes: int = 0
    to_two_sites: int = 0
    counted: int = 0


def account(flow, figures, begin, end):
    """Settles the numbers up to the last that was sent by 'end'. A flow of which nothing is settled yet begins with the first
    that was sent at 'begin' or later: older ones may have been delivered before anybody looked."""
    due = [n for n, time in flow.sent.items() if n > flow.settled and time <= end]
    if flow.settled < 0:
        due = [n for n in due if flow.sent[n] >= begin]
        if not due:
            return
        flow.settled = min(due) - 1
        _forget(flow, flow.settled)
    if not due:
        return
    last = max(due)
    # A number that was not seen when it was sent was lost even earlier.
    for number in range(flow.settled + 1, last + 1):
        copies = flow.copies.pop(number, 0)
        figures.lost += copies == 0
        figures.duplicated += max(0, copies - 1)
    figures.counted = last - flow.settled
    # A copy of a settled number that comes later still counts, as one more.
    figures.duplicated += sum(copies for n, copies in flow.copies.items() if n <= flow.settled)
    # Those that are too young to be lost or not can be seen at two sites all the same.
    figures.to_two_sites = sum(1 for bits in flow.places.values() if bits & (bits - 1))
    flow.settled = last
    _forget(flow, last)


def _forget(flow, last):
    for known in (flow.sent, flow.copies, flow.places):
        for number in [n for n in known if n <= last]:
            del known[number]


def reorder(flow, order, figures):
    """Counts late frames, and how long they went on after the first that overtook them. There are two paths at a move, and
    the frames of the slower one are late; among themselves they keep their order."""
    numbers, times = [], []  # of the frames that were the latest when they came
    overtaken = last_late = None
    for frame in order:
        if frame.number > flow.highest:
            flow.highest = frame.number
            numbers.append(frame.number)
            times.append(frame.time)
            continue
        if flow.copies.get(frame.number, 0) > 1:
            continue
        figures.reordered += 1
        figures.reordered_in_path += frame.number < flow.late
        flow.late = max(flow.late, frame.number)
        at = bisect.bisect_right(numbers, frame.number)
        first = times[min(at, len(times) - 1)] if times else frame.time
        if last_late is None or frame.time - last_late > EPISODE:
            figures.reorder_episodes += 1
            overtaken = first
        overtaken = min(overtaken, first)
        last_late = frame.time
        figures.reordered_ms = max(figures.reordered_ms, (last_late - overtaken) * 1000)
