"""What a view is: lines made from a scene for a given room, and rows that keys move in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from ..control.methods.snapshots import PARTS, Part
from .lines import Line
from .row_table import RowTable
from .scene import Room, Scene


def no_lines(scene: Scene) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class View:
    """One view of the node.

    Args:
        key: The key that shows it.
        name: That of ``--view``.
        title: What it shows, in a few words, for the help.
        draw: At most as many lines as the room has, each of any width; the frame cuts them. A view
            with a table calls `row_table.table_lines` with the same table as ``table`` makes.
        table: Its rows, which the cursor moves in; None for a view without.
        extent: For a view without rows: how many lines it can be scrolled.
        begins_at_end: It is scrolled from its end, as a log is.
        why: The endpoint or key that the node is asked about for a row; None if there is never
            anything to ask, and an empty text where there is nothing for this row.
        parts: The parts of a snapshot that it shows; the others are not made.
    """

    key: str
    name: str
    title: str
    draw: Callable[[Scene, Room], list[Line]]
    table: Callable[[Scene], RowTable[Any]] | None = None
    extent: Callable[[Scene], int] = no_lines
    begins_at_end: bool = False
    why: Callable[[str], str] | None = None
    parts: Collection[Part] = PARTS
