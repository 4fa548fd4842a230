"""A chart of the traffic of the last minute over several lines, with its scale."""

from __future__ import annotations

from collections.abc import Sequence

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
    lines: list[Line] = []
    for row in range(rows):
        below = (rows - 1 - row) * steps
        bars = "".join(
            glyphs.steps[max(0, min(steps, height - below))] * each for height in heights
        )
        scale = _scale(name, row, rows, full)
        lines.append(((right(scale, SCALE_CELLS), "label"), (" ", ""), (bars, "spark")))
    return lines


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
