"""A chart of the traffic of the last minute over several lines, with its scale."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .figures import byte_rate, number
from .glyphs import Glyphs
from .lines import Line, left, right
from .traffic import KEPT_S, Flow

SCALE_CELLS = 10


def chart_lines(name: str, flow: Flow, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """The rates, ``rows`` lines with the scale at the left and one or more columns for each second,
    the newest at the right, and the axis of time; in ``width`` cells. Empty if it is too narrow.
    """
    room = width - SCALE_CELLS - 1
    if room < KEPT_S or rows < 1:
        return []
    each = room // KEPT_S
    full = max(flow.history)
    steps = len(glyphs.steps) - 1
    heights = [
        0 if not value else max(1, round(value / full * steps * rows)) for value in flow.history
    ]
    bars = _bars(glyphs.steps, rows, each)
    lines = [_rates(name, flow)]
    for row in range(rows):
        drawn = "".join([bars[height][row] for height in heights])
        scale = _scale(row, rows, full)
        lines.append(((right(scale, SCALE_CELLS), "quiet"), (" ", ""), (drawn, "spark")))
    axis = left("60 s ago", each * KEPT_S - 3) + "now"
    return [*lines, ((" " * (SCALE_CELLS + 1), ""), (axis, "quiet"))]


def _rates(name: str, flow: Flow) -> Line:
    rates = f"{byte_rate(flow.bytes_per_s)}  {number(flow.datagrams_per_s)} datagrams/s"
    return (
        (right(name, SCALE_CELLS), "label"),
        (" ", ""),
        (rates, "" if flow.bytes_per_s else "quiet"),
    )


@lru_cache(8)
def _bars(steps: str, rows: int, width: int) -> list[list[str]]:
    """For each height the cells of its bar, from the top."""
    full = len(steps) - 1
    return [
        [steps[max(0, min(full, height - (rows - 1 - row) * full))] * width for row in range(rows)]
        for height in range(full * rows + 1)
    ]


def _scale(row: int, rows: int, full: float) -> str:
    """What the top, the middle and the bottom stand for."""
    if row == 0:
        return byte_rate(full)
    if row == rows - 1:
        return "0"
    return byte_rate(full / 2) if 2 * row == rows else ""


def side_by_side(parts: Sequence[Sequence[Line]], width: int) -> list[Line]:
    """Charts of the same number of lines, each ``width`` cells wide, beside each other."""
    return [
        tuple(span for line in row for span in (*line, *_gap(line, width)))
        for row in zip(*parts, strict=True)
    ]


def _gap(line: Line, width: int) -> Line:
    used = sum(len(text) for text, _ in line)
    return ((" " * max(0, width - used), ""),)
