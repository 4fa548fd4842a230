"""The log of a program that runs for long: which entries are written, how often, and how.

An entry passes the level, then the limit on repetitions (`repeat_limit.py`), is made a line
(`log_lines.py`) and written (`log_stream.py`). `keep` is the task that tells of entries that were
left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import trio

from ..observe.event_kinds import kind_words
from .log_lines import LEVELS, LINE_OF, LogEntry
from .log_stream import LogStream
from .repeat_limit import RepeatLimit

_LOOK_S: Final = 1.0
"""How often the task looks whether a window has ended: lines are left out at any moment."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Log:
    """Writes to stdout.

    Args:
        form: ``text``, ``json`` or ``journal``.
        level: The least level that is written.
        addresses: How addresses are written: ``full``, ``network`` or ``none``.
        warn: Is told in words that the log cannot be written.
        colored: Whether text is coloured.
        now: Seconds of a clock that does not go back, for the limit.
    """

    def __init__(
        self,
        form: str,
        warn: Callable[[str], None],
        *,
        level: str = "info",
        addresses: str = "full",
        colored: bool = False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.form = form
        self.addresses = addresses
        self._level = level
        self._colored = colored
        self._now = now
        self._limit = RepeatLimit()
        self._stream = LogStream(self._lost_line, warn)
        self._level_changed = trio.Event()

    @property
    def level(self) -> str:
        """The least level that is written. It may be changed at any time."""
        return self._level

    @level.setter
    def level(self, level: str) -> None:
        if level != self._level:
            self._level = level
            self._level_changed.set()
            self._level_changed = trio.Event()

    def set_level(self, level: str) -> None:
        self.level = level

    async def level_changed(self) -> None:
        """Waits until the level is another one."""
        await self._level_changed.wait()

    def writes(self, level: str) -> bool:
        """Whether entries of a level are written."""
        return LEVELS.index(level) >= LEVELS.index(self._level)

    def tell(self, entry: LogEntry, *, unlimited: bool = False) -> None:
        """Writes the entry, unless its level is too low, or the same was said too often.
        ``unlimited``: for what the program itself causes, once.
        """
        if self.writes(entry.level) and (unlimited or self._limit.allows(entry, self._now())):
            self._write(entry)

    def tell_left_out(self, *, all_of_them: bool = False) -> None:
        """Tells how many entries were left out in the windows that have ended."""
        for entry, lines in self._limit.left_out(self._now(), all_of_them=all_of_them):
            words = f"{lines} more in the last minute: {kind_words(entry.event, entry.reason)}"
            fields = {"of": entry.event, "reason": entry.reason or None, "lines": lines}
            self._write(LogEntry(entry.level, "lines_omitted", entry.name, words, fields))

    async def keep(self) -> None:
        """A task: tells of what was left out, when its window has ended."""
        while True:
            await trio.sleep(_LOOK_S)
            self.tell_left_out()

    def _write(self, entry: LogEntry) -> None:
        self._stream.write(self._line(entry))

    def _line(self, entry: LogEntry) -> str:
        options = {"colored": True} if self._colored and self.form == "text" else {}
        return LINE_OF[self.form](entry, _utc_now(), addresses=self.addresses, **options)

    def _lost_line(self, lost: int) -> str:
        lines = "1 line" if lost == 1 else f"{lost} lines"
        words = f"{lines} before this could not be written"
        return self._line(LogEntry("warning", "lines_lost", "log", words, {"lines": lost}))
