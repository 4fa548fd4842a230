"""Parts of views that are put together: beside each other, bars, pairs of a name and a value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from .glyphs import Glyphs
from .lines import Line, fit, left, line_cells

NAME_CELLS: Final = 12
_NO_LINE: Final[Line] = ()


def beside(lines: Sequence[Line], others: Sequence[Line], width: int, more: str) -> list[Line]:
    """``lines`` in the first ``width`` cells, and ``others`` right of them."""
    found = []
    for one, other in zip_longest(lines, others, fillvalue=_NO_LINE):
        used = line_cells(one)
        if used >= width:
            one = fit(one, width - 1, more)
            used = line_cells(one)
        found.append((*one, (" " * (width - used), ""), *other) if other else one)
    return found


def bar(share: float, width: int, glyphs: Glyphs, style: str = "good") -> Line:
    """A bar of ``width`` cells, of which a ``share`` from 0 to 1 is full; some of it, if any."""
    size = max(1 if share > 0 else 0, min(width, round(share * width)))
    spans = ((glyphs.ok * size, style), (glyphs.vacant * (width - size), "quiet"))
    return tuple(span for span in spans if span[0])


def named(name: str, *spans: tuple[str, str]) -> Line:
    """A name at the left, and what stands for it."""
    return ((f" {left(name, NAME_CELLS)} ", "label"), *spans)


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` characters, cut at spaces where there are some."""
    lines: list[str] = []
    rest = text
    while len(rest) > width > 0:
        at = rest.rfind(" ", width // 2, width + 1)
        at = at if at > 0 else width
        lines.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*lines, rest]
