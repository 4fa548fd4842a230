"""Charts of metrics, one small panel each: against an option that was varied, or for the rows of an
ablation table side by side.

The mark is the median over the seeds, the bar reaches from the lowest seed to the highest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from .courses import Drawn
from .drawing import INK, MAX_LINES, colours, in_percent, new_figure, png_of, set_limits
from .points import Row, Spread, Value, Values, numeric_columns, shown
from .words import are_shares, change_in_words, in_digits, in_words, unit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PANELS = 12
COLUMNS = 3
_CONTEXT = re.compile(
    r"_started|mrtt_ms|_planted|of_nodes_that_left"
    r"|^(nodes_counted|joins|arrived|crashed|answers|contacts|handed_out)$"
)
"""Metrics that only count, or describe the network: shown in the table, not in charts."""
SMALLEST_CHANGE = 0.02
"""The smallest relative change of the medians for which a metric is drawn."""
LOG_FROM = 15.0
"""The ratio of the highest to the lowest value of an option from which its axis is logarithmic."""


def against(option: str, rows: Sequence[Row]) -> Drawn | None:
    """Every metric (y) against the option (x), a line for each variant and setting of the other
    options. None if nothing changes.
    """
    rows = [row for row in rows if row.point.value(option) is not None]
    names = _moving(rows)
    places = _sorted({row.point.value(option): None for row in rows})
    if not names or len(places) < 2:
        return None
    lines = _lines(option, rows)
    shown_names = _leaders(names, rows)
    panels = len(shown_names)
    columns = min(COLUMNS, panels)
    panel_rows = ceil(panels / columns)
    legend_in = 0.25 * len(lines) if len(lines) > 1 else 0.0
    figure, axes = new_figure(2.3 * panel_rows + legend_in + 0.2, panel_rows, columns)
    for each, name in zip(axes, shown_names, strict=False):
        _draw(each, name, option, places, lines)
    for empty in axes[panels:]:
        empty.set_visible(False)
    if len(lines) > 1:
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower left",
            fontsize=8,
            frameon=False,
            ncols=2 if max(map(len, labels)) < 45 else 1,
        )
    caption = _caption(rows)
    if panels < len(names):
        caption += f" {panels} of {len(names)} metrics that change are drawn; the table has all."
    return _title(option, places, shown_names, lines), caption, png_of(figure)


def side_by_side(rows: Sequence[Row]) -> Drawn | None:
    """The rows of a table (y) with each of their metrics (x)."""
    names = _leaders(_moving(rows), rows)
    if not names or len(rows) < 2:
        return None
    columns = min(COLUMNS, len(names))
    lines = ceil(len(names) / columns)
    figure, axes = new_figure((0.26 * len(rows) + 0.8) * lines, lines, columns, sharey=True)
    for each, name in zip(axes, names, strict=False):
        found = [row.spread(name) for row in rows]
        shares = are_shares(name, [value for spread in found if spread for value in spread])
        for place, spread in enumerate(found):
            if spread is not None:
                middle, low, high = spread
                each.barh(
                    place, middle, height=0.62, color=colours(1, ordered=False)[0], alpha=0.75
                )
                each.errorbar(
                    middle,
                    place,
                    xerr=[[middle - low], [high - middle]],
                    color=INK,
                    linewidth=1.1,
                    capsize=2,
                )
        each.set_xlabel(_axis_label(name, shares=shares))
        if shares:
            in_percent(each.xaxis)
        each.set_xlim(left=min(0.0, *(spread[1] for spread in found if spread)))
    axes[0].set_yticks(range(len(rows)), [row.variant for row in rows])
    axes[0].invert_yaxis()
    for empty in axes[len(names) :]:
        empty.set_visible(False)
    best = {
        spread[0]: row.variant
        for row in reversed(rows)
        if (spread := row.spread(names[0])) is not None
    }
    shares = are_shares(names[0], list(best))
    low, high = min(best), max(best)
    title = (
        f"{in_words(names[0]).capitalize()}: {in_digits(low, share=shares)} with {best[low]!r}, "
        f"{in_digits(high, share=shares)} with {best[high]!r}"
    )
    return title, _caption(rows), png_of(figure)


# --- one panel ------------------------------------------------------------------------------------


def _draw(
    axes: Axes, name: str, option: str, places: Sequence[Value], lines: dict[str, list[Row]]
) -> None:
    every: list[float] = []
    numeric = _are_numbers(places)
    for number, ((label, rows), colour) in enumerate(
        zip(lines.items(), colours(len(lines), ordered=False), strict=True)
    ):
        course = _course(name, option, places, rows)
        if not course:
            continue
        # Categories: lines are shifted against each other, so that bars do not overlap.
        aside = 0.0 if numeric else 0.08 * (number - (len(lines) - 1) / 2)
        if numeric:
            where = _as_floats([place for place, _ in course])
        else:
            where = [places.index(place) + aside for place, _ in course]
        middle = [spread[0] for _, spread in course]
        reach = [
            [spread[0] - spread[1] for _, spread in course],
            [spread[2] - spread[0] for _, spread in course],
        ]
        every += [value for _, spread in course for value in spread]
        line = 1.5 if numeric else 0.0  # between categories there is nothing
        axes.errorbar(
            where,
            middle,
            yerr=reach,
            color=colour,
            linewidth=line,
            elinewidth=1.1,
            capsize=2.5,
            marker="o",
            markersize=4,
            label=label,
        )
    shares = are_shares(name, every)
    _set_x_axis(axes, option, places)
    if every:
        set_limits(axes, every, shares=shares)
    if shares:
        in_percent(axes.yaxis)
    axes.set_title(_axis_label(name, shares=shares), fontsize=8.5, color=INK, loc="left")


def _course(
    name: str, option: str, places: Sequence[Value], rows: Sequence[Row]
) -> list[tuple[Value, Spread]]:
    """The spread over the seeds of all rows at each place."""
    course = []
    for place in places:
        there = [row for row in rows if row.point.value(option) == place]
        if not there:
            continue
        measured = [metrics for row in there for metrics in row.measured]
        spread = Row(there[0].point, "", measured).spread(name)
        if spread is not None:
            course.append((place, spread))
    return course


def _set_x_axis(axes: Axes, option: str, places: Sequence[Value]) -> None:
    axes.set_xlabel(in_words(option))
    if not _are_numbers(places):
        axes.set_xticks(range(len(places)), [shown(place) for place in places])
        axes.set_xlim(-0.4, len(places) - 0.6)
        axes.grid(visible=False, axis="x")
        return
    at = _as_floats(places)
    if min(at) > 0 and max(at) >= LOG_FROM * min(at):
        axes.set_xscale("log")
        axes.set_xticks([], [], minor=True)
    if len(at) <= 6:
        axes.set_xticks(at, [f"{place:g}" for place in at])


def _axis_label(name: str, *, shares: bool) -> str:
    unit = "" if shares else unit_of(name)
    words = f"{in_words(name)} [{unit}]" if unit else in_words(name)
    return _wrapped(words)


def _wrapped(words: str, width: int = 34) -> str:
    if len(words) <= width:
        return words
    middle = words.rfind(" ", 0, width)
    return words if middle < 0 else f"{words[:middle]}\n{words[middle + 1 :]}"


# --- what is drawn --------------------------------------------------------------------------------


def _lines(option: str, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The lines by label. If there are more than can be distinguished, they are merged, first
    within each variant, then all; bars then span all merged settings.
    """
    keys: dict[tuple[str, Values], list[Row]] = {}
    for row in rows:
        keys.setdefault((row.variant, row.point.without(option)), []).append(row)
    if len(keys) > MAX_LINES:
        merged: dict[tuple[str, Values], list[Row]] = {}
        for (variant, _), found in keys.items():
            merged.setdefault((variant, ()), []).extend(found)
        keys = merged if len(merged) <= MAX_LINES else {("all settings", ()): list(rows)}
    return {
        ", ".join(filter(None, [variant, *(f"{name} = {shown(value)}" for name, value in others)]))
        or "all": found
        for (variant, others), found in keys.items()
    }


def _moving(rows: Sequence[Row]) -> list[str]:
    """The metrics that change. A p95 is left out where there is a p99."""
    columns = numeric_columns(rows)
    names = [
        name
        for name in columns
        if not _CONTEXT.search(name)
        and not (name.endswith("_p95") and name.replace("_p95", "_p99") in columns)
    ]
    names = [name for name in names if len({row.spread(name) for row in rows}) > 1]
    return [name for name in names if _movement(name, rows) >= SMALLEST_CHANGE] or names


def _leaders(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """The metrics that change most, in their own order."""
    chosen = set(sorted(names, key=lambda name: _movement(name, rows), reverse=True)[:MAX_PANELS])
    return [name for name in names if name in chosen]


def _movement(name: str, rows: Sequence[Row]) -> float:
    """The relative change of the median; of a share, or of its complement if that changes more."""
    medians = [spread[0] for row in rows if (spread := row.spread(name)) is not None]
    low, high = min(medians), max(medians)
    if are_shares(name, medians):
        return (high - low) / max(min(high, 1.0 - low), 1e-12)
    return (high - low) / max(abs(low), abs(high), 1e-12)


def _title(
    option: str, places: Sequence[Value], names: Sequence[str], lines: dict[str, list[Row]]
) -> str:
    """The change of two metrics of the first line: those that change most, and by more than the
    seeds differ.
    """
    rows = next(iter(lines.values()))
    changing: list[str] = []
    for name in sorted(names, key=lambda name: _movement(name, rows), reverse=True):
        course = _course(name, option, places, rows)
        if len(changing) < 2 and len(course) > 1 and _stands_out(course):
            share = are_shares(name, [value for _, spread in course for value in spread])
            changing.append(_change(name, course, share=share))
    which = f" ({next(iter(lines))})" if len(lines) > 1 else ""
    ends = f" from {shown(places[0])} to {shown(places[-1])}" if _are_numbers(places) else ""
    changes = "; ".join(changing) or "no change is larger than the spread of the seeds"
    return f"{in_words(option)}{ends}: {changes}{which}"


def _stands_out(course: Sequence[tuple[Value, Spread]]) -> bool:
    """Whether all seeds at one place are above all at another; for numbers, at the two ends."""
    numeric = _are_numbers([place for place, _ in course])
    compared = (course[0], course[-1]) if numeric else course
    spreads = [spread for _, spread in compared]
    return max(low for _, low, _ in spreads) > min(high for _, _, high in spreads)


def _change(name: str, course: Sequence[tuple[Value, Spread]], *, share: bool) -> str:
    """The change from the first place to the last; of categories from the lowest to the highest."""
    if _are_numbers([place for place, _ in course]):
        return change_in_words(name, course[0][1][0], course[-1][1][0], share=share)
    low_at, (low, _, _) = min(course, key=lambda each: each[1][0])
    high_at, (high, _, _) = max(course, key=lambda each: each[1][0])
    return (
        f"{in_words(name)} {in_digits(low, share=share)} with {shown(low_at)}, "
        f"{in_digits(high, share=share)} with {shown(high_at)}"
    )


def _caption(rows: Sequence[Row]) -> str:
    counts = sorted({len(row.measured) for row in rows})
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    if counts[-1] == 1:
        return "One seed."
    return (
        f"{seeds} seeds. The mark is their median, the bar reaches from the lowest to the highest."
    )


def _are_numbers(places: Sequence[Value]) -> bool:
    return all(isinstance(place, int | float) and not isinstance(place, bool) for place in places)


def _sorted(places: dict[Value, None]) -> list[Value]:
    found = list(places)
    if not _are_numbers(found):
        return found
    return sorted(found, key=lambda place: float(place))  # type: ignore[arg-type]


def _as_floats(places: Sequence[Value]) -> list[float]:
    return [float(place) for place in places]  # type: ignore[arg-type]
