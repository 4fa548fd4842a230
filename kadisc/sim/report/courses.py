"""Charts of a metric's distribution and of its course over time. The band reaches from the lowest
to the highest seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any, TypeAlias

from .drawing import INK, MAX_LINES, colours, in_percent, legend, new_figure, png_of, set_limits
from .points import Point, Spread, numbers
from .words import are_shares, in_digits, in_words, unit_of

Lists: TypeAlias = Sequence[tuple[Point, list[list[float | None]]]]
"""Each point with the lists of its seeds, one a seed."""
Drawn: TypeAlias = tuple[str, str, bytes]
"""Title, caption, PNG."""

_MRTT = " mRTT is the median round-trip time of the network."


def distribution(name: str, lists: Lists) -> Drawn:
    """A chart of percentiles: the share of cases (y) with at most that value (x)."""
    chosen = _some(lists)
    figure, (axes,) = new_figure(4.2)
    medians, tails, reach = [], [], 0.0
    for (point, found), colour in zip(chosen, _colours_for(chosen), strict=True):
        course = _spreads(found)
        shares = [index / (len(course) - 1) for index in range(len(course))]
        middle = [each[0] for each in course]
        p50, p99 = middle[len(middle) // 2], middle[-2]
        medians.append(p50)
        tails.append(p99)
        reach = max(reach, p99)
        label = f"{point.label}: p50 {in_digits(p50)}, p99 {in_digits(p99)}"
        axes.fill_betweenx(
            shares,
            [each[1] for each in course],
            [each[2] for each in course],
            color=colour,
            alpha=0.22,
            linewidth=0,
        )
        axes.plot(middle, shares, color=colour, linewidth=1.8, label=label)
    for level in (0.5, 0.99):
        axes.axhline(level, color=INK, linewidth=0.7, linestyle=(0, (2, 3)))
    unit = unit_of(name)
    axes.set_xlim(0.0, 1.25 * reach or 1.0)
    axes.set_ylim(0.0, 1.01)
    axes.set_yticks([0.0, 0.25, 0.5, 0.75, 0.99], ["0", "25 %", "50 %", "75 %", "99 %"])
    axes.set_xlabel(f"{in_words(name)} [{unit}]" if unit else in_words(name))
    axes.set_ylabel(f"share of {_cases(name)}")
    legend(axes, loc="lower right")
    title = f"{in_words(name).capitalize()}: median {_range(medians)}, p99 {_range(tails)} {unit}"
    left_out = _left_out(chosen, lists) + (_MRTT if unit == "mRTT" else "")
    caption = f"{_seeds(chosen)} The slowest per cent may lie beyond the right edge.{left_out}"
    return title.rstrip(), caption, png_of(figure)


def over_time(name: str, lists: Lists) -> Drawn:
    """A chart of a share in each virtual minute."""
    chosen = _some(lists)
    figure, (axes,) = new_figure(3.6)
    every: list[float] = []
    for (point, found), colour in zip(chosen, _colours_for(chosen), strict=True):
        course = [
            (minute + 0.5, each)
            for minute, each in enumerate(_spreads(found, missing=True))
            if each is not None
        ]
        minutes = [minute for minute, _ in course]
        every += [value for _, each in course for value in each]
        low, high = [each[1] for _, each in course], [each[2] for _, each in course]
        axes.fill_between(minutes, low, high, color=colour, alpha=0.22, linewidth=0)
        axes.plot(
            minutes,
            [each[0] for _, each in course],
            color=colour,
            linewidth=1.8,
            marker="o",
            markersize=2.5,
            label=point.label,
        )
    shares = are_shares(name, every)
    set_limits(axes, every, shares=shares)
    if shares:
        in_percent(axes.yaxis)
    axes.set_xlim(left=0.0)
    axes.set_xlabel("virtual minutes since measuring began")
    axes.set_ylabel(in_words(name))
    if len(chosen) > 1:
        legend(axes, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    low_digits = in_digits(min(every), share=shares)
    high_digits = in_digits(max(every), share=shares)
    title = f"{in_words(name).capitalize()}, minute by minute: from {low_digits} to {high_digits}"
    return title, _seeds(chosen) + _left_out(chosen, lists), png_of(figure)


def _spreads(lists: Sequence[Sequence[float | None]], *, missing: bool = False) -> list[Spread]:
    """The spread over the seeds at each place; with ``missing`` None where no seed has a number."""
    found: list[Spread] = []
    for place in range(max(map(len, lists))):
        values = numbers(each[place] for each in lists if place < len(each))
        if values:
            found.append((median(values), min(values), max(values)))
        elif missing:
            found.append(None)  # type: ignore[arg-type]
    return found


def _some(lists: Lists) -> Lists:
    """As many points as can be distinguished, spread over all of them."""
    if len(lists) <= MAX_LINES:
        return lists
    return [lists[round(index * (len(lists) - 1) / (MAX_LINES - 1))] for index in range(MAX_LINES)]


def _left_out(chosen: Lists, lists: Lists) -> str:
    return f" {len(chosen)} of {len(lists)} settings are drawn." if len(chosen) < len(lists) else ""


def _colours_for(lists: Lists) -> list[Any]:
    """A colour for each point; shades if the points are those of a single numeric option."""
    values = [point.values for point, _ in lists]
    numeric = all(
        len(each) == 1 and isinstance(each[0][1], int | float) and not isinstance(each[0][1], bool)
        for each in values
    )
    return colours(len(values), ordered=numeric)


def _seeds(lists: Lists) -> str:
    counts = sorted({len(found) for _, found in lists})
    if counts[-1] == 1:
        return "1 seed."
    seeds = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"{seeds} seeds. The line is the median over the seeds, the band reaches from the lowest "
        "to the highest."
    )


def _range(values: Sequence[float]) -> str:
    low, high = in_digits(min(values)), in_digits(max(values))
    return low if low == high else f"{low} to {high}"


def _cases(name: str) -> str:
    if name in ("neighbours_mrtt", "complete_mrtt"):
        return "new nodes"
    return "nodes" if name.endswith("_per_s") else "lookups"
