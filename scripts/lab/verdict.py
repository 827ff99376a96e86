"""The figures that must be reached, and whether they were."""
import math
import statistics
from dataclasses import dataclass

STARTING_MS = 2          # what a move may cost on top of what physics asks
DELIVERY_MS = 1          # median, without delay
LATE_RARP_MS = 1         # QEMU normally sends it within 0.2 ms of running
RECORDS_AGREE_MS = 1     # between a router's own record and the captures, median
RECORDS_WORST_MS = 10    # the same for each move
CAUGHT_UP_MS = 1000      # a guest that works off its queue for longer is no excuse
WINDOW_MS = 1000         # a move is watched for at least so long
COUNTED = 0.9            # of the requests that fit into that time
PINGS_PER_S, REQUESTS_PER_S = 100, 1000
ANSWERED = ("udp client", "udp native_a", "udp native_b", "udp ping")
MAPPING_MS = 5           # beside one and a half round trips: an SMR, a Map-Request, a Map-Reply


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


def late_rarp(move):
    """On a busy machine the hypervisor itself may be kept waiting before its RARP, and nobody can know of the move earlier.
    Milliseconds."""
    waited = move.get("resume_to_rarp_ms") or 0
    return waited if waited > LATE_RARP_MS else 0


def lost_allowed(move, peer, delay_ms, loss_pct):
    """Frames at 1 kHz that may be lost: the pause, one way, and a little."""
    allowed = math.ceil(move["vm_paused_ms"] + late_rarp(move) + delay_ms + STARTING_MS)
    return allowed + math.ceil(_random_loss(peer["counted_udp"], loss_pct))


def pings_allowed(move, delay_ms, loss_pct):
    """The same for the client's ping."""
    away = move["vm_paused_ms"] + late_rarp(move) + delay_ms + STARTING_MS
    return (math.ceil(away * PINGS_PER_S / 1000)
            + math.ceil(_random_loss(move["counted_icmp"], loss_pct)))


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


def counted(moves):
    """A flow of which nothing is known has lost nothing: it must be known."""
    def whole(move, count, per_s):
        return (move["window_ms"] >= WINDOW_MS
                and count >= COUNTED * move["window_ms"] * per_s / 1000)
    bad = _bad(moves, lambda move, peer: whole(move, peer["counted_udp"], REQUESTS_PER_S)
               and peer["rarp_to_delivery_ms"] is not None)
    bad += [f"move {move['number']} ping" for move in moves
            if not whole(move, move["counted_icmp"], PINGS_PER_S)]
    return Check("every stream was counted all through each move, and delivered after it", not bad,
                 _list(bad))


def losses(moves, delay_ms, loss_pct):
    bad = _bad(moves, lambda move, peer:
               peer["lost_udp"] <= lost_allowed(move, peer, delay_ms, loss_pct))
    pings = [f"move {move['number']} ping" for move in moves
             if move["lost_icmp"] > pings_allowed(move, delay_ms, loss_pct)]
    pairs = len(_each(moves)) + len(moves)
    worst = max((peer["lost_udp"] for _, _, peer in _each(moves)), default=0)
    few = not bad + pings or (loss_pct and len(bad + pings) <= pairs / 2)
    said = [f"{'more than that in' if few else 'not'} {_list(bad + pings)}" if bad + pings else
            f"at most {worst}"]
    said += [f"in move {move['number']} {late_rarp(move):.1f} ms more, because its RARP came so late"
             for move in moves if late_rarp(move)]
    text = (f"UDP frames lost per move at 1 kHz: at most the pause + {delay_ms:g} ms + {STARTING_MS} ms"
            f"{' and the random loss' if loss_pct else ''}, for each peer, and the ping in proportion")
    if loss_pct:
        text += ", at least for half of them: the news itself may be lost"
    return Check(text, bool(few), "; ".join(said))


def duplicates(moves):
    bad = _bad(moves, lambda move, peer: peer["duplicated_udp"] == 0)
    bad += [f"move {move['number']} ping" for move in moves if move["duplicated_icmp"]]
    return Check("nothing is duplicated", not bad, _list(bad))


def order(moves, delay_ms):
    in_path = _bad(moves, lambda move, peer: peer["reordered_in_path"] == 0)
    one_path = Check("frames of one path keep their order", not in_path, _list(in_path))
    if delay_ms == 0:
        bad = _bad(moves, lambda move, peer: peer["reordered_udp"] == 0)
        return [Check("nothing is reordered", not bad, _list(bad)), one_path]
    limit = delay_ms + STARTING_MS
    bad = _bad(moves, lambda move, peer: peer["reorder_episodes"] <= 1
               and peer["reordered_ms"] <= limit)
    return [Check(f"frames that the old site forwards come late at most once per move and flow, for at "
                  f"most {limit:g} ms", not bad, _list(bad)), one_path]


def answers(probes, delay_ms):
    """What the machine says to its peers; with delay the answers to late requests are late themselves."""
    names = ANSWERED + (("udp far",) if "udp far" in probes else ())

    def bad(what):
        return [f"{name}: {probes[name][what]}" if name in probes else f"{name}: unknown"
                for name in names if probes.get(name, {what: None})[what] != 0]
    silent = [f"{name}: none" for name in names
              if name in probes and not probes[name]["received"]]
    checks = [Check("no answer of the machine comes twice", not bad("duplicated") + silent,
                    _list(bad("duplicated") + silent))]
    if delay_ms == 0:
        checks.append(Check("no answer of the machine is reordered", not bad("reordered"),
                            _list(bad("reordered"))))
    return checks


def tcp(moves, finished):
    bad = _bad(moves, lambda move, peer: peer["tcp_ok"])
    text = f"all TCP transfers went on after all {len(moves)} moves"
    wrong = [name for name, ok in finished.items() if not ok]
    return [Check(text, not bad, _list(bad)),
            Check("all TCP transfers ended with the right checksum, none was reset",
                  bool(finished) and not wrong, _list(wrong))]


def one_site(moves):
    bad = [f"move {move['number']}" for move in moves if move["to_two_sites"]]
    unequal = [f"move {move['number']}: {move['sealed']['surplus']} more, "
               f"{move['sealed']['missing']} fewer of {move['sealed']['taken']}" for move in moves
               if move["sealed"]["surplus"] or move["sealed"]["missing"]
               or move["sealed"]["taken"] < COUNTED * move["window_ms"] * REQUESTS_PER_S / 1000]
    return [Check("no frame was sent to two sites", not bad, _list(bad)),
            Check("the client's router sent one sealed frame for each that it took", not unequal,
                  _list(unequal))]


def direct(moves):
    """What a guest still has to say before it has read the routers' ARP is beyond any router; but not for ever."""
    near = [move for move in moves if move["peers"]["native_to"]["shares_subnet"]]
    bad, excused = [], []
    for move in near:
        peer, caught_up = move["peers"]["native_to"], move["guest_caught_up_ms"]
        if not peer["via_vr_frames_after_100ms"]:
            continue
        if (caught_up is None or caught_up > CAUGHT_UP_MS
                or peer["via_vr_frames_after_guest_heard"]):
            bad.append(f"move {move['number']}")
        else:
            excused.append(f"{caught_up:.0f} ms in move {move['number']}")
    detail = f"{len(near) - len(excused)} of {len(near)} moves"
    if excused:
        detail += ("; else from when the guest had worked off its queue and could know, at most "
                   f"{CAUGHT_UP_MS} ms: {_list(excused)}")
    return Check("visitor and natives of its subnet talk without the router 100 ms after the move",
                 not bad, _list(bad) or detail)


def records(moves):
    """A stamp that a router takes later than its packet left, because it had to wait for a processor, is no
    disagreement: of the times the median counts, and each may differ only by so much."""
    bad = [f"move {move['number']}: {move['record']['problem']}" for move in moves
           if move["record"]["problem"]]
    differences = [move["record"]["difference_ms"] for move in moves]
    middle, worst = median(differences), _worst(differences)
    agree = (None not in differences and middle is not None and middle <= RECORDS_AGREE_MS
             and worst <= RECORDS_WORST_MS)
    return [Check("the new site's router has one record of each move, and nobody another", not bad,
                  _list(bad)),
            Check(f"these records agree with the captures: median within {RECORDS_AGREE_MS} ms, each within "
                  f"{RECORDS_WORST_MS} ms", agree, f"median {_show(middle)}, worst {_show(worst)}")]


def mapping(moves, delay_ms, loss_pct):
    """When the plain LISP site has followed; with loss on the way, the median."""
    plain = [move for move in moves if "lisp" in move["peers"]]
    if not plain:
        return []
    values = [move["rarp_to_mapping_ms"] for move in plain]
    middle, worst = median(values), _worst(values)
    limit = 3 * delay_ms + MAPPING_MS
    value, how = (middle, "median at most") if loss_pct or not delay_ms else (worst, "at most")
    return [Check(f"first RARP to the plain LISP site's map-cache changed: {how} {limit:g} ms",
                  None not in values and value is not None and value <= limit,
                  f"median {_show(middle)}, worst {_show(worst)}")]


def of_layout(moves, wanted, finished, probes, delay_ms, loss_pct):
    """All criteria of one layout. 'probes': what each probe said at its end."""
    return [Check(f"{wanted} of {wanted} moves were made", 0 < len(moves) == wanted, f"{len(moves)}"),
            *tcp(moves, finished), counted(moves), delivery(moves, delay_ms, loss_pct),
            *mapping(moves, delay_ms, loss_pct),
            losses(moves, delay_ms, loss_pct), duplicates(moves), *order(moves, delay_ms),
            *answers(probes, delay_ms), *one_site(moves), direct(moves), *records(moves)]
