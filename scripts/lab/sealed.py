"""Whether a router sends one sealed record for each request that it takes: no copy to a second site, none withheld.

Records cannot be read, but those of a request have a size of their own, and their counters, which are in the clear, tell
how many records a datagram that is not cut yet holds. Then the records that have left can be set against the requests that have
come, at every moment: their difference is what the router still works on, and comes back to nothing within some
milliseconds.
"""
import bisect
import math
import struct

# What a sealed record adds to an IP packet: outer and inner header, tag.
RECORD_OVERHEAD = 40
# Ethernet, IP and UDP header of a datagram.
BEFORE_RECORD = 42
TYPE_RECORD = 4
# Type of service of what a router says for itself (vr/udp.h).
CONTROL_TOS = 0xc0
# A router has nothing to do at least once while so many requests come, 1 ms apart.
IDLE_WITHIN = 50
# Acknowledgements of TCP and pings, sealed, are not larger.
SMALL = 130


def _records(packets):
    """The datagrams of sealed records of machines, each with how many records it holds: up to the next counter of its session,
    but for those of what the router says for itself, which leave at once while others still wait for their datagram to be full.
    The last of a session has None."""
    sessions, controls = {}, {}
    for frame in packets:
        if len(frame.payload) >= 16 and frame.payload[0] == TYPE_RECORD:
            index, counter = struct.unpack_from(">IQ", frame.payload, 4)
            kind = controls if frame.tos == CONTROL_TOS else sessions
            kind.setdefault((frame.ip_to, index), []).append((counter, frame))
    for session, rows in sessions.items():
        rows.sort(key=lambda row: row[0])
        control = sorted(counter for counter, _ in controls.get(session, []))
        for (counter, frame), (following, _) in zip(rows, rows[1:]):
            between = bisect.bisect(control, following) - bisect.bisect(control, counter)
            yield frame, following - counter - between
        yield rows[-1][1], None


def _of_size(total, count, size):
    """How many of a datagram's records have this size. All but the last have the same, the last may be shorter."""
    if count is None or total == size:
        return total // size if total % size <= SMALL else 0
    first = total - (count - 1) * size
    # Otherwise the others are of another size.
    is_first = count > 1 and 0 < first <= size and total > count * size // 2
    return (count - 1 if is_first else 0) + (first == size)


def compare(requests, packets, size):
    """'requests': times at which the router got them; 'packets': what it sent to the underlay; 'size' of a request's
    record. Returns how many requests were compared, the records that left without one, and the requests without a record."""
    if not requests or not packets:
        return {"taken": 0, "surplus": 0, "missing": 0}
    # Both are captured by themselves: what is outside of the time of both is not known of the other.
    begin, end = max(requests[0], packets[0].time), min(requests[-1], packets[-1].time)
    events = [(time, -1) for time in requests if begin <= time <= end]
    for frame, count in _records(packets):
        records = _of_size(frame.size - BEFORE_RECORD, count, size)
        if records and begin <= frame.time <= end:
            events.append((frame.time, records))
    events.sort()
    levels, rest = _levels(events)
    if len(levels) < 3:
        return {"taken": 0, "surplus": 0, "missing": 0}
    # So many records belong to requests from before.
    before = levels[0]
    return {"taken": sum(1 for _, change in events if change < 0),
            "surplus": max(0, max(*levels, rest) - before), "missing": max(0, before - levels[-1])}


def _levels(events):
    """How far records were ahead of requests, at most, in each stretch of IDLE_WITHIN requests, and in what is left over,
    which is too short to tell that any are behind."""
    levels, level, highest, requests = [], 0, -math.inf, 0
    for _, change in events:
        level += change
        highest = max(highest, level)
        requests += change < 0
        if change < 0 and requests % IDLE_WITHIN == 0:
            levels.append(highest)
            highest = -math.inf
    return levels, highest
