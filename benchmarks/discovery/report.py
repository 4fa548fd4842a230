"""What `discover.py` tells at the end: a row for each side, and which goals kadisc reaches."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from .newcomer import Found, Point
from .sides import Side

FIRST, ALL = 5, 20
"""The numbers of peers at which the clock is read."""
GOALS_S = {FIRST: 0.45, ALL: 0.8}
"""At the median, unless the best of the others in this run takes longer."""
SHARED_GOAL_S = 0.6
"""For the first where most nodes of the DHT are not of the network."""
SLOWEST_S = 2.0
UNVERIFIED = "libtorrent"
"""The side whose peers are not verified: it is not among the others to be ahead of."""


def rows(
    found: Mapping[str, Sequence[Found]],
    left_out: Mapping[str, str],
    sides: Sequence[Side],
    count: int,
) -> list[dict[str, Any]]:
    """One for each side; ``count``: the number of peers that newcomers looked for."""
    table: list[dict[str, Any]] = []
    for side in sides:
        newcomers = found.get(side.name, [])
        row: dict[str, Any] = {"side": side.name, "newcomers": len(newcomers), "note": side.note}
        row["other_tree"] = side.is_other_tree
        if side.name in left_out:
            row["left_out"] = left_out[side.name]
        for mark in dict.fromkeys((min(FIRST, count), count)):
            row[f"{mark}_peers"] = summary([each.at(mark) for each in newcomers])
        row["dead"] = sum(each.dead for each in newcomers)
        row["others"] = sum(each.others for each in newcomers)
        table.append(row)
    return table + [
        {"side": name, "left_out": why}
        for name, why in left_out.items()
        if name not in {side.name for side in sides}
    ]


def summary(points: Sequence[Point | None]) -> dict[str, Any]:
    """Newcomers that did not get so many count as slower than all others; null where the median is
    one of them.
    """
    reached = [point for point in points if point is not None]
    seconds = [point.seconds for point in reached] + [float("inf")] * (len(points) - len(reached))
    found: dict[str, Any] = {"reached": len(reached), "median_s": None, "slowest_s": None}
    if points:
        found["median_s"] = finite(statistics.median(seconds))
        found["slowest_s"] = finite(max(seconds))
    for name in ("sent", "received"):
        values = [getattr(point.bytes, name) for point in reached]
        found[f"{name}_bytes"] = round(statistics.median(values)) if values else None
    times = [point.cpu_s for point in reached]
    found["cpu_s"] = round(statistics.median(times), 3) if times else None
    found["each_s"] = [round(point.seconds, 3) if point is not None else None for point in points]
    return found


def finite(seconds: float) -> float | None:
    return round(seconds, 3) if seconds != float("inf") else None


def show(table: list[dict[str, Any]]) -> None:
    marks = next(
        ([key for key in row if key.endswith("_peers")] for row in table if "note" in row), []
    )
    names = [mark.removesuffix("_peers") for mark in marks]
    head = "".join(f"{name + ' peers, s':>14}{'slowest':>9}{'of':>7}" for name in names)
    width = max(len(row["side"]) for row in table) + 2
    print(
        f"{'':{width}}{head}{'sent, kB':>10}{'received':>10}{'CPU, s':>8}{'ended':>7}{'others':>8}"
    )
    for row in table:
        if "left_out" in row:
            print(f"{row['side']:{width}}left out: {row['left_out']}")
            continue
        cells = ""
        for mark in marks:
            part = row[mark]
            share = f"{part['reached']}/{row['newcomers']}"
            cells += f"{figure(part['median_s'], 2):>14}{figure(part['slowest_s'], 2):>9}"
            cells += f"{share:>7}"
        last = row[marks[-1]]
        for name in ("sent_bytes", "received_bytes"):
            cells += f"{figure(last[name] and last[name] / 1e3, 1):>10}"
        cells += f"{figure(last['cpu_s'], 2):>8}"
        note = f"  ({row['note']})" if row["note"] else ""
        print(f"{row['side']:{width}}{cells}{row['dead']:>7}{row['others']:>8}{note}")


def figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


# --- goals ----------------------------------------------------------------------------------------


def goals(table: Sequence[Mapping[str, Any]], *, is_shared: bool) -> dict[str, dict[str, bool]]:
    """For each side of kadisc, in words, whether it is reached."""
    measured = [row for row in table if row.get("newcomers")]
    others = [
        row for row in measured if not row["side"].startswith("kadisc-") and not row["other_tree"]
    ]
    limits = {FIRST: SHARED_GOAL_S} if is_shared else GOALS_S
    found: dict[str, dict[str, bool]] = {}
    for row in measured:
        if not row["side"].startswith("kadisc-"):
            continue
        verdicts = found.setdefault(row["side"], {})
        for count, limit_s in limits.items():
            if (mark := f"{count}_peers") not in row:
                continue
            medians = [each[mark]["median_s"] for each in others if each["side"] != UNVERIFIED]
            best_s = min((median for median in medians if median is not None), default=0.0)
            limit_s = limit_s if is_shared else max(limit_s, best_s)
            words = f"{count} peers in {limit_s:g} s"
            verdicts[words] = seconds(row[mark]["median_s"]) <= limit_s
            if not is_shared:
                words = f"{count} at the slowest in {SLOWEST_S:g} s"
                verdicts[words] = seconds(row[mark]["slowest_s"]) <= SLOWEST_S
        last = [mark for mark in row if mark.endswith("_peers")][-1]
        for each in others:
            if each["side"] == "hyperswarm" and (sent := each[last]["sent_bytes"]) is not None:
                own = row[last]["sent_bytes"]
                verdicts["sends no more than hyperswarm"] = own is not None and own <= sent
    return found


def seconds(value: float | None) -> float:
    return float("inf") if value is None else value


def show_goals(found: Mapping[str, Mapping[str, bool]]) -> None:
    for side, verdicts in found.items():
        told = (f"{words}: {'reached' if ok else 'MISSED'}" for words, ok in verdicts.items())
        print(f"{side}: {'; '.join(told)}")
