"""Tables on stdout, as plain text: nothing in a cell is markup.

In a terminal that is too narrow, cells are shortened where a reader can do without the rest, such
as an ID that still tells nodes apart. An endpoint is never shortened: without its port it is
useless, and looks as if it were whole. Such a line is longer than the terminal is wide.
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from ..control.methods.find import FindDocument
from ..ids import NodeId, parse_id, shared_prefix_bits
from ..observe.describe import count
from ..text import one_line
from .output import show, wants_color

_GAP = "  "


class TableColumn(NamedTuple):
    """``least``: to how many characters its cells may be shortened; None: never."""

    name: str
    is_right: bool = False
    least: int | None = None


def print_table(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]]) -> None:
    """Prints rows of texts, which may be those of others, below the names of the columns. Columns
    are shortened from the left.
    """
    names = [column.name for column in columns]
    lines = [names, *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(_width_of(line[index]) for line in lines) for index in range(len(columns))]
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - terminal_width()
    for index, column in enumerate(columns):
        if column.least is not None and excess > 0:
            cut = min(excess, max(0, widths[index] - column.least))
            widths[index] -= cut
            excess -= cut
    for number, line in enumerate(lines):
        cells = [
            _fitted(cell, width, is_right=column.is_right)
            for cell, width, column in zip(line, widths, columns, strict=True)
        ]
        _print(_GAP.join(cells).rstrip(), bold=number == 0)


def print_nodes(found: FindDocument) -> None:
    """Prints the closest nodes."""
    columns = (
        TableColumn("distance", is_right=True),
        TableColumn("node", least=9),
        TableColumn("endpoint"),
        TableColumn("rtt", is_right=True),
        TableColumn("client", least=6),
    )
    target = parse_id(found.target)
    rows = [
        (
            _distance(parse_id(node.id), target),
            node.id,
            node.endpoint,
            "-" if node.rtt_ms is None else f"{node.rtt_ms:.1f} ms",
            node.client or "-",
        )
        for node in (*found.nodes, *found.region)
    ]
    show(f"closest to {found.target}")
    print_table(columns, rows)
    show(
        f"{count(len(found.nodes), 'node')} in {found.elapsed_s:.2f} s, "
        f"{count(found.queries, 'datagram')} sent, {count(found.hops, 'hop')}"
    )
    if found.suspicious:
        further = count(len(found.region), "further node")
        show(
            "suspicious: more nodes are near this ID than a network of this size has there, so some"
            f" of them are probably forged; the last {further} are from the region around it"
        )


def _distance(node_id: NodeId, target: NodeId) -> str:
    """As a power of two, because each further query halves it."""
    return "0" if node_id == target else f"2^{159 - shared_prefix_bits(node_id, target)}"


def terminal_width() -> int:
    """The width that lines should fit into. Without a terminal, and without COLUMNS, nothing is
    shortened: a program reads it.
    """
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        return sys.maxsize
    return shutil.get_terminal_size().columns


def _fitted(text: str, width: int, *, is_right: bool) -> str:
    if _width_of(text) > width:
        mark = _mark()
        while _width_of(text) > width - len(mark):
            text = text[:-1]
        text += mark
    blank = " " * (width - _width_of(text))
    return blank + text if is_right else text + blank


def _mark() -> str:
    """What stands for the rest of a shortened text."""
    try:
        "…".encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return ".."
    return "…"


def _width_of(text: str) -> int:
    """The number of columns on a terminal: wide characters have two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _print(line: str, *, bold: bool) -> None:
    if bold and wants_color(sys.stdout):
        print(f"\x1b[1m{line}\x1b[0m", flush=True)
    else:
        show(line)
