"""The rows as pictures (SVG), beside what the seed documents measured."""
import os

import matplotlib

from . import seeds
from .thesis import KINDS, KM_PER_MS

matplotlib.use("svg")
# pylint: disable=wrong-import-position
from matplotlib import pyplot  # noqa: E402

# The same rows make the same file.
matplotlib.rcParams.update({"svg.hashsalt": "vrd", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3,
                            "figure.figsize": (7, 4.2), "figure.constrained_layout.use": True})
THESIS_KM = 12000
OURS, SEED = "tab:blue", "tab:red"
CLIENTS = ("near", "far")


def _save(figure, folder, name):
    path = os.path.join(folder, f"{name}.svg")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def _restoration(rows, kind, folder):
    """Over distance, one line for each kind of trouble on the way."""
    figure, axes = pyplot.subplots()
    troubles = sorted({(row["loss_pct"], row["corrupt_pct"]) for row in rows})
    for loss, corrupt in troubles:
        mine = sorted((row["distance_km"], row["restoration_ms"]) for row in rows if row["restoration_ms"]
                      and (row["loss_pct"], row["corrupt_pct"]) == (loss, corrupt))
        text = f"vrd, loss {loss:g} %" + (f", corruption {corrupt:g} %" if corrupt else "")
        middles = [value["median"] / 1000 for _, value in mine]
        spread = [[middle - value["min"] / 1000 for (_, value), middle in zip(mine, middles)],
                  [value["max"] / 1000 - middle for (_, value), middle in zip(mine, middles)]]
        axes.errorbar([km for km, _ in mine], middles, yerr=spread, marker="o", capsize=2, label=text)
    plain = sorted((row["distance_km"], row["plain_switch"]["restoration_ms"]["median"] / 1000) for row in rows
                   if row.get("plain_switch") and row["plain_switch"]["restoration_ms"]
                   and (row["loss_pct"], row["corrupt_pct"]) == (0, 0))
    if plain:
        axes.plot(*zip(*plain), color="grey", marker="x", linestyle="-.", label="plain switch, no loss")
    bounds = sorted({(row["distance_km"], row["bound_ms"] / 1000) for row in rows if row["bound_ms"]})
    if bounds:
        axes.plot(*zip(*bounds), "k:", label="wanted, for loss up to 1 %")
    least = seeds.RESTORATION[kind]["at_least_s"]
    if least:
        axes.plot([0, THESIS_KM], [least, least], color=SEED, linestyle="--", label=f"thesis (2011): at least {least} s")
    axes.set(yscale="log", xlabel=f"distance between the sites, km ({KM_PER_MS} km are 1 ms one way)",
             ylabel="resume to restoration, s", title=f"{kind.upper() if kind != 'video' else 'Video, RTP over UDP'}: "
             "a live migration under way (median, min to max)")
    axes.legend(fontsize=8)
    return _save(figure, folder, f"restoration-{kind}")


def _bars(axes, rows, name, value_of, extra):
    """Bars of a near and a far client for each method, then the seed's: 'extra' is (words, {client: value})."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    labels = methods + [words for words, _ in extra]
    for number, client in enumerate(CLIENTS):
        at, heights, colours = [], [], []
        for position, label in enumerate(labels):
            row = next((r for r in rows if r["method"] == label and r["client"] == client), None)
            height = value_of(row) if row else dict(extra).get(label, {}).get(client)
            if height is None:
                continue
            at.append(position + (number - 0.5) * 0.4)
            heights.append(height)
            colours.append(OURS if row else SEED)
        bars = axes.bar(at, heights, 0.38, color=colours, alpha=0.95 if number else 0.5)
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_xticks(range(len(labels)), labels, rotation=20, ha="right")
    axes.set(ylabel=name)


def _convergence(rows, folder):
    figure, axes = pyplot.subplots()
    share = {client: sum(seeds.smr_convergence_ms(client)) / 2 for client in CLIENTS}
    _bars(axes, rows, "RARP to map-cache changed, ms", lambda row: row["convergence_ms"] and row["convergence_ms"]["median"],
          [("seed 003: CP", {client: seeds.CONVERGENCE_MS[client]["cp"] for client in CLIENTS}),
           ("seed 003: SMR (1/3 to 1/2\nof its downtime)", share)])
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for row in rows:
        middle = methods.index(row["method"]) + (CLIENTS.index(row["client"]) - 0.5) * 0.4
        axes.plot([middle - 0.19, middle + 0.19], [row["bound_ms"]] * 2, "k:")
    axes.set(yscale="log", title="Mapping convergence: near client (light) and far client (8 and 150 ms one way);\n"
             "dotted: wanted")
    return _save(figure, folder, "convergence")


def _downtime(rows, folder):
    figure, axes = pyplot.subplots()
    _bars(axes, rows, "downtime by a ping every 20 ms, ms",
          lambda row: row["downtime_ms"] and row["downtime_ms"]["median"],
          [(f"seed 003: {method.upper()}", {client: seeds.DOWNTIME_MS[client][method] for client in CLIENTS})
           for method in ("smr", "cp")])
    axes.set_yscale("symlog", linthresh=20)
    axes.margins(y=0.15)
    axes.set(title="Downtime: near client (light) and far client, with the machine's own pause")
    axes.set_ylim(bottom=0)
    return _save(figure, folder, "downtime")


def _locator(rows, folder):
    figure, axes = pyplot.subplots()
    bars = [("BGP\n(thesis)", seeds.LOCATOR_CHANGE["bgp"]["rerouting_s"], SEED),
            ("LISP\n(thesis)", seeds.LOCATOR_CHANGE["lisp"]["rerouting_s"], SEED)]
    bars += [(f"vrd, client\n{row['one_way_ms']} ms away", row["rerouting_ms"]["median"] / 1000, OURS)
             for row in rows if row["rerouting_ms"]]
    drawn = axes.bar([words for words, _, _ in bars], [value for _, value, _ in bars], color=[colour for _, _, colour in bars])
    axes.bar_label(drawn, fmt="%.3g s")
    lost = sum(row["lost"] for row in rows)
    axes.set(yscale="log", ylabel="rerouting, s",
             title=f"Locator change (thesis, section 3.4); lost: BGP 275 of 5600, LISP none, vrd {lost}")
    return _save(figure, folder, "locator")


def draw(rows, folder):
    """Draws what there are rows for; returns the files."""
    os.makedirs(folder, exist_ok=True)
    files = []
    for kind in KINDS:
        mine = [row for row in rows if row["experiment"] == kind]
        if mine:
            files.append(_restoration(mine, kind, folder))
    mine = [row for row in rows if row["experiment"] == "seed003"]
    if mine:
        files += [_convergence(mine, folder), _downtime(mine, folder)]
    mine = [row for row in rows if row["experiment"] == "locator"]
    if mine:
        files.append(_locator(mine, folder))
    return files
