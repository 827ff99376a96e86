"""The arithmetic: what times and numbers of packets say."""
import statistics


def median(values):
    """The median of the values that are there; None without any."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def summary(values):
    """Median and extremes, and how many there are; None without any."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"median": round(statistics.median(known), 3), "min": round(min(known), 3), "max": round(max(known), 3),
            "count": len(known)}


def missing_numbers(numbers, modulus=65536):
    """How many of the numbers that count up, modulo 'modulus', are missing between the first and the last. Each stands
    near to the one before it, later or (reordered, repeated) earlier."""
    if not numbers:
        return 0
    at, seen = numbers[0], set()
    for number in numbers:
        step = (number - at) % modulus
        at += step - modulus if step > modulus // 2 else step
        seen.add(at)
    return max(seen) - min(seen) + 1 - len(seen)


def restoration(arrivals, departures, resumed, one_way):
    """When the first packet that left the machine at its new place reached the client: seconds after 'resumed', None when
    none did. 'arrivals' at the client and 'departures' at the new place are times in order; a packet that left the old
    place before the machine stopped is at the client before 'resumed' + 'one_way'."""
    left = next((time for time in departures if time >= resumed), None)
    if left is None:
        return None
    came = next((time for time in arrivals if time >= max(left, resumed + one_way)), None)
    return None if came is None else came - resumed


def silence(arrivals, came):
    """For how long the client had heard nothing when the packet came that arrived at 'came'."""
    before = [time for time in arrivals if time < came]
    return came - before[-1] if before else None


def downtime(requests, answered, interval):
    """(how long the requests were in vain, how many were). 'requests': (number, time sent) in order; 'answered': the
    numbers that had an answer; 'interval' between two. The longest row of unanswered ones counts, from the first of them
    to the next that was answered."""
    longest, start, lost = 0.0, None, 0
    for number, sent in requests:
        if number in answered:
            if start is not None:
                longest = max(longest, sent - start)
            start = None
        else:
            lost += 1
            start = sent if start is None else start
    if start is not None and requests:
        longest = max(longest, requests[-1][1] + interval - start)
    return longest, lost
