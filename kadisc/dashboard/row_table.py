"""A table of rows in a view: its columns, order, filter and cursor.

The width decides which columns are shown, and columns that may grow take what is left, so that IDs
and names are whole where there is room. Only the rows that are shown are made into text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar

from .lines import Line, Span, cells, clean, fit, left, plain, right
from .masking import masked_text
from .scene import Room, Scene, TableState

T = TypeVar("T")

CURSOR = "cursor"
"""The style of the chosen row."""


@dataclass(frozen=True)
class RowColumn(Generic[T]):
    """One column.

    Args:
        title: Its head; also its name for sorting.
        text: What it shows of a row.
        width: Its cells at least.
        grows_to: Its cells at most, if there is room and its texts need them.
        is_number: Whether it is aligned to the right.
        rank: Where the width is short, columns of the lowest rank are shown.
        value: What it is sorted by, None for unknown, which comes last; by default its text.
        style: The style of its text.
        largest_first: Whether its usual order is the largest first.
    """

    title: str
    text: Callable[[T], str]
    width: int
    grows_to: int = 0
    is_number: bool = False
    rank: int = 0
    value: Callable[[T], Any] | None = None
    style: Callable[[T], str] | None = None
    largest_first: bool = False


@dataclass(frozen=True)
class RowTable(Generic[T]):
    """A table.

    Args:
        title: What the rows are, in the plural: ``contacts``.
        columns: In the order in which they are shown.
        rows: In any order.
        key: What identifies a row from frame to frame.
        sort: The title of the column that rows are sorted by unless the user chooses another;
            empty for the order in which they are given.
        empty: What is said where there are no rows.
        notes: What else the line with the title tells.
    """

    title: str
    columns: Sequence[RowColumn[T]]
    rows: Sequence[T]
    key: Callable[[T], str]
    sort: str = ""
    empty: str = "none"
    notes: str = ""


# --- rows: filter, order, cursor ------------------------------------------------------------------


def shown_rows(table: RowTable[T], state: TableState) -> list[T]:
    """The rows that pass the filter, in order."""
    words = state.filter.lower().split()
    rows = list(table.rows)
    if words:
        rows = [row for row in rows if _passes(table, row, words)]
    column = _sorted_by(table, state)
    if column is None:
        return rows[::-1] if state.reverse else rows
    value = column.value or column.text
    known: list[tuple[Any, T]] = []
    unknown: list[T] = []
    for row in rows:
        if (it := value(row)) is None:
            unknown.append(row)
        else:
            known.append((it, row))
    known.sort(key=itemgetter(0), reverse=column.largest_first != state.reverse)
    return [row for _, row in known] + unknown


def _passes(table: RowTable[T], row: T, words: Sequence[str]) -> bool:
    text = " ".join(column.text(row) for column in table.columns).lower()
    return all(word in text for word in words)


def _sorted_by(table: RowTable[T], state: TableState) -> RowColumn[T] | None:
    wanted = state.sort or table.sort
    return next((column for column in table.columns if column.title == wanted), None)


def cursor_place(table: RowTable[T], rows: Sequence[T], state: TableState) -> int:
    """Which of the rows is chosen. If it is gone, the one at its place is."""
    for place, row in enumerate(rows):
        if table.key(row) == state.cursor:
            return place
    return max(0, min(state.place, len(rows) - 1))


# --- widths ---------------------------------------------------------------------------------------


def column_widths(table: RowTable[T], width: int) -> list[tuple[RowColumn[T], int]]:
    """The columns that fit, with their cells. All rows decide on them, so that they stay where
    they are while the user scrolls.
    """
    ranked = sorted(range(len(table.columns)), key=lambda place: table.columns[place].rank)
    sizes: dict[int, int] = {}
    room = width
    for place in ranked:
        size = table.columns[place].width + 1
        if sizes and size > room:
            break
        sizes[place] = size - 1
        room -= size
    for place in ranked:
        column = table.columns[place]
        if place not in sizes or column.grows_to <= column.width or room <= 0:
            continue
        needed = cells(max(map(column.text, table.rows), key=len, default=""))
        more = max(0, min(room, min(column.grows_to, needed) - column.width))
        sizes[place] += more
        room -= more
    return [(table.columns[place], sizes[place]) for place in sorted(sizes)]


# --- lines ----------------------------------------------------------------------------------------


def table_lines(table: RowTable[T], scene: Scene, room: Room) -> list[Line]:
    """A line with title, number and order of the rows, the heads, and the rows around the cursor,
    in at most as many lines as there is room for.
    """
    if room.height <= 0:
        return []
    state, glyphs = scene.state.table, room.glyphs
    rows = shown_rows(table, state)
    lines = [title_of(table, rows, state, room)]
    if not rows:
        said = f"no {table.title} match the filter" if table.rows else table.empty
        return [*lines, ((f"   {said}", "quiet"),)][: room.height]
    widths = column_widths(table, room.width - 2)
    lines.append(_heads(table, widths, state, room))
    space = room.height - len(lines)
    chosen = cursor_place(table, rows, state)
    first = max(0, min(chosen - space // 2, len(rows) - space))
    for place, row in enumerate(rows[first : first + max(0, space)], first):
        line = _row_line(widths, row, scene.state.masked, glyphs.more)
        if place == chosen:
            lines.append(_chosen(line, room))
        else:
            lines.append(((" ", ""), *line))
    return lines[: room.height]


def section_line(title: str, notes: str, room: Room) -> Line:
    """The title of a part of a view, with a rule to the right edge."""
    spans: list[Span] = [(f" {title} ", "section")]
    if notes:
        spans.append((f"{notes} ", "quiet"))
    used = sum(cells(text) for text, _ in spans)
    spans.append((room.glyphs.rule * max(0, room.width - used - 1), "quiet"))
    return tuple(spans)


def title_of(table: RowTable[T], rows: Sequence[T], state: TableState, room: Room) -> Line:
    """The line above a table: what its rows are, how many, and in which order."""
    return section_line(table.title, _notes(table, rows, state), room)


def _notes(table: RowTable[T], rows: Sequence[T], state: TableState) -> str:
    number = f"{len(rows)} of {len(table.rows)}" if state.filter else str(len(rows))
    parts = [number]
    column = _sorted_by(table, state)
    if column is not None:
        parts.append(f"by {column.title}{', reversed' if state.reverse else ''}")
    elif state.reverse:
        parts.append("reversed")
    if state.filter:
        parts.append(f"with {clean(state.filter)!r}")
    if table.notes:
        parts.append(table.notes)
    return ", ".join(parts)


def _heads(
    table: RowTable[T],
    widths: Sequence[tuple[RowColumn[T], int]],
    state: TableState,
    room: Room,
) -> Line:
    by = _sorted_by(table, state)
    spans: list[Span] = [(" ", "")]
    for column, size in widths:
        is_by = column is by
        title = column.title[:size]
        text = right(title, size) if column.is_number else left(title, size)
        spans += [(" ", ""), (text, "sorted" if is_by else "label")]
    return tuple(spans)


def _row_line(
    widths: Sequence[tuple[RowColumn[T], int]], row: T, masked: bool, more: str
) -> list[Span]:
    texts = [column.text(row) for column, _ in widths]
    whole = "".join(texts)
    # Nearly always a character is a cell; then nothing needs to be measured.
    in_cells = masked or not (whole.isascii() and whole.isprintable())
    spans: list[Span] = []
    for text, (column, size) in zip(texts, widths, strict=True):
        if in_cells:
            text = _fitted(text, size, masked, more)
        elif len(text) > size:
            text = text[: size - 1] + more
        padding = " " * (size - (cells(text) if in_cells else len(text)))
        style = "" if column.style is None else column.style(row)
        spans.append((f" {padding}{text}" if column.is_number else f" {text}{padding}", style))
    return spans


def _fitted(text: str, size: int, masked: bool, more: str) -> str:
    text = clean(text)
    return plain(fit(((masked_text(text) if masked else text, ""),), size, more))


def _chosen(line: Sequence[Span], room: Room) -> Line:
    text = room.glyphs.cursor + "".join(text for text, _ in line)
    return ((left(text, max(cells(text), room.width - 1)), CURSOR),)
