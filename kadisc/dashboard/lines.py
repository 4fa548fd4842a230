"""Lines of text with the names of their styles, measured in terminal cells, without colours and
escape sequences.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TypeAlias

from rich.cells import cell_len, set_cell_size

from ..text import printable

Span: TypeAlias = tuple[str, str]
"""A text and the name of a style: one of the keys of `paint.STYLES`, or "" for plain text."""

Line: TypeAlias = tuple[Span, ...]


def cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def line_cells(line: Line) -> int:
    return cells("".join([text for text, _ in line]))  # in one go: it runs for every line


def plain(line: Line) -> str:
    return "".join([text for text, _ in line])


def clean(text: str) -> str:
    """The text as `printable` makes it, with ``?`` for characters that have no width too, because
    lines are laid out by cells.
    """
    text = printable(text)
    if text.isascii():
        return text
    return "".join("?" if unicodedata.category(c).startswith("M") else c for c in text)


def fit(line: Line, width: int, more: str = "") -> Line:
    """Cut to at most ``width`` cells; ``more``, one cell wide, ends a line that was cut."""
    if line_cells(line) <= width:
        return line
    room = width - len(more)
    kept: list[Span] = []
    for text, style in line:
        if room <= 0:
            break
        size = cells(text)
        kept.append((text if size <= room else set_cell_size(text, room), style))
        room -= size
    return (*kept, (more, kept[-1][1] if kept else "")) if more and width > 0 else tuple(kept)


def spread(left: Line, right: Line, width: int) -> Line:
    """``left`` at the left edge and ``right`` at the right edge; without ``right`` if there is no
    room for both.
    """
    gap = width - line_cells(left) - line_cells(right)
    if gap < 2:
        return (*left, (" " * max(0, width - line_cells(left)), ""))
    return (*left, (" " * gap, ""), *right)


def joined(parts: Iterable[Line], separator: str = "  ") -> Line:
    """The parts that are not empty, with the separator between them."""
    spans: list[Span] = []
    for part in parts:
        if part:
            if spans:
                spans.append((separator, ""))
            spans += part
    return tuple(spans)


def right(text: str, width: int) -> str:
    return " " * (width - cells(text)) + text


def left(text: str, width: int) -> str:
    return text + " " * (width - cells(text))
