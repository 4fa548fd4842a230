"""Rows of an SQLite database that may hold anything.

Attack: a file that was torn, edited or planted. A view in the place of a table never ends, or makes
a value of a gigabyte; one bad row hides all others. Defence: only ordinary tables are read, each
row by itself; what SQLite may do for one file is bounded in steps, rows and bytes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ...errors import DecodeError
from .damage import reason_of

MAX_ROWS = 50_000
"""At most so many rows of a table are read: a full address book of ten networks."""

RowT = TypeVar("RowT")
_MAX_STEPS = 20_000_000
"""The instructions of SQLite that one file may take, in all: 20 for each of a million rows."""
_STEPS_AT_ONCE = 10_000
_FIRST_ROWID = -(1 << 63)
_MAX_VALUE_BYTES = 1 << 16
"""No value that kadisc writes has a quarter of that."""


def restrict(database: sqlite3.Connection) -> None:
    """Before anything is read."""
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    database.text_factory = _text
    left = _MAX_STEPS // _STEPS_AT_ONCE

    def count_steps() -> int:
        nonlocal left
        left -= 1
        return int(left < 0)  # not 0: the statement ends with an error

    database.set_progress_handler(count_steps, _STEPS_AT_ONCE)


def _text(raw: bytes) -> str | None:
    """None, which no column accepts, for bytes that are no text."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


class SoundRows:
    """The rows of a database that are sound. ``left_out`` counts the others; what cannot be read at
    all, such as a missing table, counts as one.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self.left_out = 0
        self.trouble: str | None = None
        """The first error of SQLite."""
        self._database = database

    def of(self, table: str, columns: str, read: Callable[..., RowT]) -> Iterator[RowT]:
        """What ``read`` makes of each row; it raises ValueError or DecodeError for one that is not
        sound.
        """
        try:
            self._check_table(table)
        except (sqlite3.Error, OverflowError, ValueError) as error:
            self._lost(error)
            return
        after, left = _FIRST_ROWID, MAX_ROWS
        while left > 0:
            try:
                for rowid, *row in self._select(table, columns, "rowid > ?", after, left):
                    after, left = max(after, int(rowid)), left - 1
                    yield from self._read(read, row)
                return
            except (sqlite3.Error, OverflowError, ValueError) as error:
                # One of the next two rows cannot be read: the module reads one ahead.
                rowid = self._next_rowid(table, after)
                if rowid is None:
                    self._lost(error)
                    return
                after, left = rowid, left - 1
            try:
                for _, *row in self._select(table, columns, "rowid = ?", after, 1):
                    yield from self._read(read, row)
            except (sqlite3.Error, OverflowError, ValueError) as error:
                self._lost(error)

    def _select(
        self, table: str, columns: str, condition: str, rowid: int, limit: int
    ) -> sqlite3.Cursor:
        return self._database.execute(
            f"SELECT rowid, {columns} FROM main.{table} WHERE {condition} ORDER BY rowid LIMIT ?",
            (rowid, limit),
        )

    def _read(self, read: Callable[..., RowT], row: Sequence[object]) -> Iterator[RowT]:
        try:
            yield read(*row)
        except (ValueError, DecodeError):
            self.left_out += 1

    def _lost(self, error: Exception) -> None:
        self.left_out += 1
        self.trouble = self.trouble or reason_of(error)

    def _next_rowid(self, table: str, after: int) -> int | None:
        """None where there is none, or it cannot be read."""
        try:
            [[rowid]] = self._database.execute(
                f"SELECT min(rowid) FROM main.{table} WHERE rowid > ?", (after,)
            )
        except (sqlite3.Error, OverflowError):
            return None
        return rowid if isinstance(rowid, int) and rowid > after else None

    def _check_table(self, table: str) -> None:
        """Only an ordinary table is stored row by row: a view or a virtual table (which has no page
        of its own) is computed, and so is a generated column.
        """
        found = self._database.execute(
            "SELECT type, rootpage FROM main.sqlite_master WHERE name = ?", (table,)
        ).fetchall()
        if len(found) != 1 or found[0][0] != "table" or not found[0][1]:
            raise ValueError(f"it has no table {table}")
        columns = self._database.execute(f"PRAGMA main.table_xinfo({table})").fetchall()
        if any(hidden for *_, hidden in columns):
            raise ValueError(f"the table {table} has computed columns")
