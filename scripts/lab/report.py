"""What the demonstration prints: events as they happen, tables, the verdict."""
import sys
import time

from .verdict import median

COLUMNS = [("paused", "vm_paused_ms"), ("RARP", "resume_to_rarp_ms"),
           ("resolved", "rarp_to_resolved_ms"), ("acked", "rarp_to_all_acked_ms"),
           ("delivered", "rarp_to_delivery_ms"), ("mapping", "rarp_to_mapping_ms")]
ROLES = ("client", "native_from", "native_to")
PLAIN = "lisp"


class Printer:
    """Lines with the time since the start in front."""

    def __init__(self, out=sys.stdout):
        self.begin = time.monotonic()
        self.out = out
        self.strong, self.plain = ("\033[1m", "\033[0m") if out.isatty() else ("", "")

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:6.1f} s] {text}", file=self.out, flush=True)

    def head(self, text):
        print(f"\n{self.strong}{text}{self.plain}", file=self.out, flush=True)

    def raw(self, text=""):
        print(text, file=self.out, flush=True)


def _number(value):
    return "-" if value is None else f"{value:.2f}"


def timeline(printer, move, router):
    """One move, as the captures tell it."""
    site = move["to"].upper()
    at = move["vm_paused_ms"]
    steps = [(0, f"the machine stops in {move['from'].upper()}"), (at, f"it runs in {site}")]
    if move["resume_to_rarp_ms"] is not None:
        at += move["resume_to_rarp_ms"]
        steps.append((at, f"RARP at {site}'s tap"))
        if router:
            steps += [(_plus(at, move["rarp_to_resolved_ms"]), f"{site}'s router tells the others"),
                      (_plus(at, move["rarp_to_all_acked_ms"]), "all routers have acknowledged")]
        if PLAIN in move["peers"]:
            steps.append((_plus(at, move["rarp_to_mapping_ms"]),
                          f"the plain LISP site sends to {site}"))
        steps.append((_plus(at, move["rarp_to_delivery_ms"]),
                      f"first frame from the client delivered in {site}"))
    for when, what in sorted((step for step in steps if step[0] is not None),
                             key=lambda step: step[0]):
        printer.raw(f"            {when:+9.2f} ms  {what}")
    lost = ", ".join(f"{role} {peer['lost_udp']}" for role, peer in move["peers"].items())
    stalls = ", ".join(f"{role} {peer['tcp_stall_ms']:.0f}" for role, peer in move["peers"].items())
    printer.raw(f"             UDP frames lost: {lost}; longest silence of TCP (ms): {stalls}")


def _plus(base, more):
    return None if more is None else base + more


def _lost(move, role):
    return move["peers"][role]["lost_udp"] if role in move["peers"] else "-"


def table(printer, title, moves):
    """One row per move, and the medians."""
    printer.head(title)
    names = [name for name, _ in COLUMNS]
    printer.raw(f"  {'move':>4} {'':7}" + "".join(f"{name:>10}" for name in names)
                + f"{'UDP lost: client':>18}{'from':>6}{'to':>5}{'lisp':>6}{'ping':>6}{'dup':>5}"
                + f"{'reord':>7}{'TCP':>6}")
    for move in moves:
        peers = move["peers"].values()
        cells = "".join(f"{_number(move.get(key)):>10}" for _, key in COLUMNS)
        lost = [_lost(move, role) for role in (*ROLES, PLAIN)]
        printer.raw(f"  {move['number']:>4} {move['from']} -> {move['to']} {cells}"
                    f"{lost[0]:>18}{lost[1]:>6}{lost[2]:>5}{lost[3]:>6}{move['lost_icmp']:>6}"
                    f"{sum(peer['duplicated_udp'] for peer in peers):>5}"
                    f"{sum(peer['reordered_udp'] for peer in peers):>7}"
                    f"{'ok' if all(peer['tcp_ok'] for peer in peers) else 'NO':>6}")
    cells = "".join(f"{_number(median([move.get(key) for move in moves])):>10}"
                    for _, key in COLUMNS)
    roles = [role for role in (*ROLES, PLAIN) if role in moves[0]["peers"]]
    lost = "".join(f"{median([move['peers'][role]['lost_udp'] for move in moves]):>{width}.0f}"
                   for role, width in zip(roles, (18, 6, 5, 6)))
    printer.raw(f"  {'median':>11} {cells}{lost}  (ms; frames)")


def verdict(printer, title, checks):
    printer.head(title)
    for check in checks:
        detail = f" ({check.detail})" if check.detail else ""
        printer.raw(f"  {'yes' if check.holds else 'NO ':3}  {check.text}{detail}")


def summary(moves):
    """Medians and extremes for the JSON file."""
    result = {}
    for _, key in COLUMNS:
        values = [move[key] for move in moves if move.get(key) is not None]
        if values:
            result[key] = {"median": round(median(values), 3), "min": min(values),
                           "max": max(values)}
    lost = [move["peers"]["client"]["lost_udp"] for move in moves]
    if lost:
        result["lost_udp"] = {"median": median(lost), "min": min(lost), "max": max(lost)}
    return result
