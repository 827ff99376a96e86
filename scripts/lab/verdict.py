"""The figures that must be reached, and whether they were."""
import math
import statistics
from dataclasses import dataclass

STARTING_MS = 2          # what a move may cost on top of what physics asks
DELIVERY_MS = 1          # median, without delay
LATE_RARP_MS = 1         # QEMU normally sends it within 0.2 ms of running
RECORDS_AGREE_MS = 1     # between a router's own record and the captures


@dataclass
class Check:
    """One criterion."""
    text: str
    holds: bool
    detail: str = ""


def median(values):
    """Of the values that are there; None without any."""
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def _worst(values):
    return max((value for value in values if value is not None), default=None)


def _show(value, unit="ms"):
    return "none" if value is None else f"{value:.2f} {unit}"


def _random_loss(count, loss_pct):
    """What random loss on the way may take of this many frames: the mean and four standard deviations."""
    p = loss_pct / 100
    return count * p + 4 * math.sqrt(count * p * (1 - p)) if p else 0


def lost_allowed(move, peer, delay_ms, loss_pct):
    """Frames at 1 kHz that may be lost: the pause, one way, and a little. On a busy machine the hypervisor itself may be kept
    waiting before its RARP, and nobody can know of the move earlier."""
    waited = move.get("resume_to_rarp_ms") or 0
    allowed = math.ceil(move["vm_paused_ms"] + (waited if waited > LATE_RARP_MS else 0)
                        + delay_ms + STARTING_MS)
    return allowed + math.ceil(_random_loss(peer["counted_udp"], loss_pct))


def _each(moves):
    return [(move, role, peer) for move in moves for role, peer in move["peers"].items()]


def _bad(moves, accept):
    """Names of the (move, peer) pairs that are not accepted."""
    return [f"move {move['number']} {role}" for move, role, peer in _each(moves)
            if not accept(move, peer)]


def _list(names):
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def delivery(moves, delay_ms, loss_pct):
    """Without delay the median counts, with delay each move; with loss on the way, where the news itself may have to be
    sent again, the median."""
    values = [move["rarp_to_delivery_ms"] for move in moves]
    middle, worst = median(values), _worst(values)
    if delay_ms == 0:
        limit, value, how = DELIVERY_MS, middle, "median at most"
    else:
        limit = 2 * delay_ms + STARTING_MS
        value, how = (middle, "median at most") if loss_pct else (worst, "at most")
    return Check(f"first RARP to first frame delivered: {how} {limit:g} ms",
                 None not in values and value is not None and value <= limit,
                 f"median {_show(middle)}, worst {_show(worst)}")


def losses(moves, delay_ms, loss_pct):
    bad = _bad(moves, lambda move, peer:
               peer["lost_udp"] <= lost_allowed(move, peer, delay_ms, loss_pct))
    worst = max((peer["lost_udp"] for _, _, peer in _each(moves)), default=0)
    few = not bad or (loss_pct and len(bad) <= len(_each(moves)) / 2)
    return Check(f"UDP frames lost per move at 1 kHz: at most the pause + {delay_ms:g} ms + "
                 f"{STARTING_MS} ms{' and the random loss' if loss_pct else ''}, for each peer",
                 few, _list(bad) or f"at most {worst}")


def duplicates(moves):
    bad = _bad(moves, lambda move, peer: peer["duplicated_udp"] == 0)
    bad += [f"move {move['number']} ping" for move in moves if move["duplicated_icmp"]]
    return Check("nothing is duplicated", not bad, _list(bad))


def order(moves, delay_ms):
    if delay_ms == 0:
        bad = _bad(moves, lambda move, peer: peer["reordered_udp"] == 0)
        return Check("nothing is reordered", not bad, _list(bad))
    limit = delay_ms + STARTING_MS
    bad = _bad(moves, lambda move, peer: peer["reorder_episodes"] <= 1
               and peer["reordered_ms"] <= limit)
    return Check(f"frames that the old site forwards come late at most once per move and flow, for at "
                 f"most {limit:g} ms", not bad, _list(bad))


def tcp(moves, finished):
    bad = _bad(moves, lambda move, peer: peer["tcp_ok"])
    text = f"all TCP transfers went on after all {len(moves)} moves"
    wrong = [name for name, ok in finished.items() if not ok]
    return [Check(text, not bad, _list(bad)),
            Check("all TCP transfers ended with the right checksum, none was reset",
                  bool(finished) and not wrong, _list(wrong))]


def one_site(moves, copies):
    bad = [f"move {move['number']}" for move in moves if move["to_two_sites"]]
    return [Check("no frame was sent to two sites", not bad, _list(bad)),
            Check("the client's router sent no more sealed frames than it took", copies <= 0,
                  f"{copies} more" if copies > 0 else "")]


def direct(moves):
    """What a guest still has to say before it has read the routers' ARP is beyond any router."""
    near = [move for move in moves if move["peers"]["native_to"]["shares_subnet"]]
    bad = [f"move {move['number']}" for move in near
           if move["peers"]["native_to"]["via_vr_frames_after_guest_heard"]]
    slow = [f"move {move['number']}" for move in near
            if move["peers"]["native_to"]["via_vr_frames_after_100ms"] and not bad]
    detail = f"{len(near)} moves" + (f"; the guest itself was later in {_list(slow)}" if slow else "")
    return Check("visitor and natives of its subnet talk without the router 100 ms after the move",
                 not bad, _list(bad) or detail)


def records(moves):
    """A stamp that a router takes later than its packet left, because it had to wait for a processor, is no
    disagreement: the median counts."""
    differences = [move["record"]["difference_ms"] for move in moves]
    middle = median(differences)
    return Check(f"the routers' own records agree with the captures within {RECORDS_AGREE_MS} ms",
                 None not in differences and middle is not None and middle <= RECORDS_AGREE_MS,
                 f"median {_show(middle)}, worst {_show(_worst(differences))}")


def of_layout(moves, wanted, finished, copies, delay_ms, loss_pct):
    """All criteria of one layout."""
    return [Check(f"{wanted} of {wanted} moves were made", len(moves) == wanted, f"{len(moves)}"),
            *tcp(moves, finished),
            delivery(moves, delay_ms, loss_pct), losses(moves, delay_ms, loss_pct), duplicates(moves),
            order(moves, delay_ms), *one_site(moves, copies), direct(moves), records(moves)]
