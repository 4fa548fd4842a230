"""The log: the events of the node, the newest first. A text that is longer than a line goes on in
the next ones.
"""

from __future__ import annotations

from typing import Final

from ..lines import Line, cells, left
from ..log_rows import LogRow
from ..masking import masked_text
from ..panels import wrapped
from ..row_table import CURSOR, RowColumn, RowTable, cursor_place, shown_rows, title_of
from ..scene import Room, Scene
from ..view import View

_NAME_CELLS: Final = 11
_CLOCK_CELLS: Final = 12
_DATE_FROM: Final = 120
"""The width from which the date is shown too."""
_TEXT_MIN: Final = 20

_COLUMNS: Final = (
    RowColumn[LogRow](
        "time",
        lambda it: f"{it.date} {it.clock}",
        23,
        value=lambda it: it.number,
        largest_first=True,
    ),
    RowColumn[LogRow]("level", lambda it: it.level, 7),
    RowColumn[LogRow]("event", lambda it: it.name, 11),
    RowColumn[LogRow]("text", lambda it: it.words, 40),
)


def log_table(scene: Scene) -> RowTable[LogRow]:
    return RowTable(
        "events",
        _COLUMNS,
        scene.log,
        key=lambda it: f"event {it.number}",
        sort="time",
        empty="no events yet",
    )


def _draw(scene: Scene, room: Room) -> list[Line]:
    if room.height <= 0:
        return []
    table, state = log_table(scene), scene.state.table
    rows = shown_rows(table, state)
    lines = [title_of(table, rows, state, room)]
    if not rows:
        said = "no events match the filter" if table.rows else table.empty
        return [*lines, ((f"   {said}", "quiet"),)][: room.height]
    space = room.height - 1
    chosen = cursor_place(table, rows, state)
    # The rows before the chosen one take half of the room at most, from the top if there are few.
    first, used = chosen, 0
    while first > 0 and used < space // 2:
        first -= 1
        used += len(_texts(rows[first], room, scene))
    for place, row in enumerate(rows[first:], first):
        if len(lines) >= room.height:
            break
        lines += _row_lines(row, room, scene, is_chosen=place == chosen)
    return lines[: room.height]


def _stamp(row: LogRow, room: Room) -> str:
    return f"{row.date} {row.clock}" if room.width >= _DATE_FROM else row.clock


def _texts(row: LogRow, room: Room, scene: Scene) -> list[str]:
    words = masked_text(row.words) if scene.state.masked else row.words
    warning = "warning: " if row.level == "warning" else ""
    used = 3 + len(_stamp(row, room)) + _NAME_CELLS
    return wrapped(f"{warning}{words}", max(_TEXT_MIN, room.width - used - 2))


def _row_lines(row: LogRow, room: Room, scene: Scene, *, is_chosen: bool) -> list[Line]:
    first, *others = _texts(row, room, scene)
    stamp, name = _stamp(row, room), left(row.name, _NAME_CELLS)
    indent = " " * (len(stamp) + 3 + _NAME_CELLS)
    if is_chosen:
        texts = [f"{room.glyphs.cursor} {stamp} {name}{first}", *(indent + each for each in others)]
        width = room.width - 1
        return [((left(text, max(cells(text), width)), CURSOR),) for text in texts]
    return [
        ((f"  {stamp} ", "quiet"), (name, row.style), (first, "")),
        *(((indent, ""), (each, "")) for each in others),
    ]


LOG = View(
    "8",
    "log",
    "the events of the node, the newest first",
    _draw,
    table=log_table,
    parts=frozenset(),
)
