"""What growth costs as pictures (SVG): throughput and round trip over entries, peers and flows."""
import os

import matplotlib

matplotlib.use("svg")
# pylint: disable=wrong-import-position
from matplotlib import pyplot  # noqa: E402

# The same rows make the same file.
matplotlib.rcParams.update({"svg.hashsalt": "vrd", "svg.fonttype": "none", "font.size": 9, "axes.grid": True,
                            "grid.alpha": 0.3, "figure.figsize": (9, 3.2), "figure.constrained_layout.use": True})
KINDS = {"entries": "GNDT entries", "peers": "peers", "flows": "flows"}
# Picture -> its title, the label of its axis, {figure: the words for its line}.
PICTURES = {
    "growth-throughput": ("Throughput, of that with the least", "part",
                          {"growth_tcp1_gbps": "one TCP flow", "growth_udp64_kpps": "64-byte datagrams"}),
    "growth-round-trip": ("Round trip", "us", {"growth_rtt_us": "median", "growth_rtt_p99_us": "99 of 100 are shorter"}),
}
UNITS = {"k": 1000, "m": 1000000}


def number(label):
    """1k -> 1000"""
    return int(label[:-1]) * UNITS[label[-1]] if label[-1] in UNITS else int(label)


def points(rows, figure, kind):
    """[(how many, median, min, max), ...]"""
    found = []
    for row in rows:
        name, case = row["name"].split(".", 1)
        if name == figure and case.startswith(f"{kind}_"):
            found.append((number(case.split("_")[1]), row["value"], row["min"], row["max"]))
    return sorted(found)


def _panel(axes, rows, kind, lines, is_part):
    for number_of_line, (figure, words) in enumerate(lines.items()):
        found = points(rows, figure, kind)
        if not found:
            continue
        base = found[0][1] if is_part else 1
        counts, middles, least, most = (list(column) for column in zip(*found))
        axes.errorbar(counts, [value / base for value in middles],
                      yerr=[[(value - low) / base for value, low in zip(middles, least)],
                            [(high - value) / base for value, high in zip(middles, most)]],
                      marker="o", capsize=2, label=words, color=f"C{number_of_line}")
    axes.set(xscale="log", xlabel=KINDS[kind])
    axes.set_ylim(bottom=0)


def draw(rows, folder):
    """Draws what there are rows for; returns the files."""
    os.makedirs(folder, exist_ok=True)
    files = []
    for name, (title, label, lines) in PICTURES.items():
        kinds = [kind for kind in KINDS if any(points(rows, figure, kind) for figure in lines)]
        if not kinds:
            continue
        figure, panels = pyplot.subplots(1, len(kinds), squeeze=False, sharey=True)
        for axes, kind in zip(panels[0], kinds):
            _panel(axes, rows, kind, lines, label == "part")
        panels[0][0].set_ylabel(label)
        panels[0][0].legend(fontsize=8)
        figure.suptitle(f"{title} (median, least to most)")
        files.append(os.path.join(folder, f"{name}.svg"))
        figure.savefig(files[-1], metadata={"Date": None})
        pyplot.close(figure)
    return files
