"""Showing: a table in Markdown, and a chart."""
from . import subjects


def number(value):
    if value is None:
        return "failed"
    return "%.2f" % value if value < 10 else "%.1f" % value if value < 100 else "%.0f" % value


def table(rows, compared):
    ours = [name for name in compared if subjects.is_caisson(name)]
    others = [name for name in compared if name != subjects.NATIVE and name not in ours]
    head = ["row", "unit"] + list(compared) + [name + " : native" for name in ours]
    head += ["%s : %s" % (other, name) for other in others for name in ours] + ["kernel's share, µs"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows.values():
        values = row["values"]

        def ratio(a, b):
            return "%.2f" % (values[a] / values[b]) if values.get(a) is not None and values.get(b) else ""

        shares = row.get("kernel_share_us", {})
        cells = [row["title"], row["unit"]] + [number(values[name]) if name in values else "" for name in compared]
        cells += [ratio(name, subjects.NATIVE) for name in ours] + [ratio(other, name) for other in others for name in ours]
        cells += ["; ".join(number(share) for share in shares.values() if share is not None)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


# Which of ours is compared with which of the others in the table about files.
_FILE_RATIOS = [("caisson-overlay", subjects.NATIVE), ("runsc-2026-overlay", "caisson-overlay"), ("caisson-9p", subjects.NATIVE),
                ("runsc-2026-directfs", "caisson-9p"), ("runsc-2026-gofer", "caisson-9p"), ("runsc-2026-directfs", "caisson-9p-exclusive")]


def file_table(rows, compared):
    ratios = [(a, b) for a, b in _FILE_RATIOS if a in compared and b in compared]
    head = ["row, ms"] + list(compared) + ["%s : %s" % pair for pair in ratios]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows.values():
        values = row["values"]
        cells = [row["title"]] + [number(values[name]) if name in values else "" for name in compared]
        cells += ["%.2f" % (values[a] / values[b]) if values.get(a) and values.get(b) else "" for a, b in ratios]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def container_table(rows, compared):
    ratios = [(a, b) for a, b in (("caisson", "runc"), ("caisson", "runsc-2026"), (subjects.POOLED, "runsc-2026")) if a in compared and b in compared]
    head = ["row", "unit"] + list(compared) + ["%s : %s" % pair for pair in ratios]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows.values():
        values = row["values"]
        cells = [row["title"], row["unit"]] + [number(values[name]) if name in values else "" for name in compared]
        cells += ["%.2f" % (values[a] / values[b]) if values.get(a) and values.get(b) else "" for a, b in ratios]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def chart(rows, compared, path, base=subjects.NATIVE):
    """Draws bars on a logarithmic axis: how many times the base each subject takes. False when matplotlib is missing."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("svg")
    from matplotlib import pyplot
    shown = [name for name in compared if name != base]
    titles = [row["title"] for row in rows.values()]
    height = 0.8 / max(1, len(shown))
    figure, axes = pyplot.subplots(figsize=(11, 1.5 + 0.22 * len(titles) * max(2, len(shown))))
    for index, name in enumerate(shown):
        ratios = []
        for row in rows.values():
            native, value = row["values"].get(base), row["values"].get(name)
            ratios.append(value / native if value and native else float("nan"))
        places = [place + (index - (len(shown) - 1) / 2) * height for place in range(len(titles))]
        bars = axes.barh(places, ratios, height * 0.9, label=name, left=0)
        axes.bar_label(bars, labels=["" if ratio != ratio else number(ratio) + "×" for ratio in ratios], padding=2, fontsize=7)
    axes.set_yticks(range(len(titles)), titles)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("times %s (logarithmic; shorter is better)" % base)
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=len(shown) or 1, frameon=False)
    figure.savefig(path, bbox_inches="tight")
    return True
