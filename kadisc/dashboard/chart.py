"""A chart of the traffic of the last minute over several lines, with its scale."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .figures import byte_rate
from .glyphs import Glyphs
from .lines import Line, left, right
from .traffic import KEPT_S, Flow

SCALE_CELLS = 10


def chart_lines(name: str, flow: Flow, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """``rows`` lines of ``width`` cells: the scale at the left, then a column for each second or
    half of one, the newest at the right.
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
    lines: list[Line] = []
    for row in range(rows):
        drawn = "".join([bars[height][row] for height in heights])
        scale = _scale(name, row, rows, full)
        lines.append(((right(scale, SCALE_CELLS), "label"), (" ", ""), (drawn, "spark")))
    return lines


@lru_cache(8)
def _bars(steps: str, rows: int, width: int) -> list[list[str]]:
    """For each height the cells of its bar, from the top."""
    full = len(steps) - 1
    return [
        [steps[max(0, min(full, height - (rows - 1 - row) * full))] * width for row in range(rows)]
        for height in range(full * rows + 1)
    ]


def _scale(name: str, row: int, rows: int, full: float) -> str:
    """The name and the peak at the top, zero at the bottom."""
    if row == 0:
        return byte_rate(full)
    if row == rows - 1:
        return "0"
    return name if row == rows // 2 else ""


def time_line(width: int) -> Line:
    """The axis of time below charts."""
    room = width - SCALE_CELLS - 1
    cells = room // KEPT_S * KEPT_S
    return ((" " * (SCALE_CELLS + 1), ""), (left("60 s ago", cells - 3) + "now", "quiet"))


def side_by_side(parts: Sequence[Sequence[Line]], width: int) -> list[Line]:
    """Charts of the same number of lines, each ``width`` cells wide, beside each other."""
    return [
        tuple(span for line in row for span in (*line, *_gap(line, width)))
        for row in zip(*parts, strict=True)
    ]


def _gap(line: Line, width: int) -> Line:
    used = sum(len(text) for text, _ in line)
    return ((" " * max(0, width - used), ""),)
