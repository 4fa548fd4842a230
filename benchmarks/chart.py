"""Draws what `serve.py` and `lookup.py` wrote with ``--json``: ``python benchmarks/chart.py
SERVE.json LOOKUP.json OUT.svg``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "kadisc"  # the same figures give the same file

from matplotlib import pyplot as plt  # noqa: E402

COLOURS = {
    "libtorrent": "#8c8c8c",
    "kadisc": "#1f6f8b",
    "kadisc, bencode.py alone": "#8ec1cf",
    "trio echo": "#dddddd",
}


def draw_serve(axes: Any, rows: list[dict[str, Any]]) -> None:
    methods, servers = ["ping", "find_node", "get_peers"], list(COLOURS)[:3]
    for offset, server in enumerate(servers):
        rates = [
            next(
                1000 / row["cpu_us"]
                for row in rows
                if (row["method"], row["server"]) == (method, server)
            )
            for method in methods
        ]
        bars = axes.bar(
            [place + 0.27 * (offset - 1) for place in range(3)],
            rates,
            0.25,
            label=server,
            color=COLOURS[server],
        )
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
    echo = next(1000 / row["cpu_us"] for row in rows if row["server"] == "trio echo")
    axes.axhline(echo, color="#bbbbbb", linestyle="--", linewidth=1)
    axes.text(2.45, echo, "trio echo", ha="right", va="bottom", fontsize=8, color="#777777")
    axes.set_xticks(range(3), methods)
    axes.set_ylabel("thousand replies per second of core time")
    axes.set_title("Serving")
    axes.set_ylim(0, 1.15 * echo)
    axes.legend(frameon=False, fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.9))


def draw_lookup(axes: Any, rows: list[dict[str, Any]]) -> None:
    for offset, server in enumerate(("libtorrent", "kadisc")):
        sides = [row["sides"][server] for row in rows]
        bars = axes.bar(
            [place + 0.3 * (offset - 0.5) for place in range(2)],
            [side["p50_s"] * 1000 for side in sides],
            0.28,
            color=COLOURS[server],
        )
        labels = [
            f"{side['p50_s'] * 1000:.0f} ms\n{side['until_first']:.0f} queries" for side in sides
        ]
        axes.bar_label(bars, labels=labels, fontsize=8)
    axes.set_xticks(range(2), [row["temperature"] for row in rows])
    axes.set_ylabel("ms, median")
    axes.set_title("First peer, at 100 ms round-trip time")
    axes.margins(y=0.2)


def main() -> None:
    serve, lookup, out = map(Path, sys.argv[1:])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    draw_serve(left, json.loads(serve.read_text())["rows"])
    draw_lookup(right, json.loads(lookup.read_text())["rows"])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    main()
