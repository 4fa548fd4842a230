"""How often the log may say the same.

Attack: other nodes cause events, such as alarms of forged IDs near a target or names that do not
resolve, as often as they like, and fill the disk of the log or hide one line among thousands.
Defence: of one event and reason at most `LINES` lines are written in any `WINDOW_S` seconds. Those
left out are counted, and told in one line at the end of the window.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from .log_lines import LogEntry

LINES: Final = 5
WINDOW_S: Final = 60.0
MAX_KINDS: Final = 256
"""Events and reasons that are counted apart. Reasons may be texts of others: beyond so many within
a window, further ones are counted together.
"""
OTHERS: Final = LogEntry("info", "others", "others", "")
"""Stands for those."""


class _Repeated:
    __slots__ = ("latest", "left_out", "times")

    def __init__(self, latest: LogEntry) -> None:
        self.times: deque[float] = deque(maxlen=LINES)
        self.left_out = 0
        self.latest = latest

    def has_room(self, now: float) -> bool:
        return len(self.times) < LINES or now - self.times[0] >= WINDOW_S


class RepeatLimit:
    """Counts entries by their event and reason. Times are in seconds of one clock."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Repeated] = {}

    def allows(self, entry: LogEntry, now: float) -> bool:
        """Whether the entry is written now; otherwise it is counted."""
        repeated = self._of(entry, now)
        if not repeated.left_out and repeated.has_room(now):
            repeated.times.append(now)
            return True
        repeated.left_out += 1
        return False

    def left_out(self, now: float, *, all_of_them: bool = False) -> list[tuple[LogEntry, int]]:
        """How many entries were left out in the windows that have ended, each with one of its kind.
        It is told now, and the next window begins. ``all_of_them``: also in windows that have not
        ended.
        """
        due = []
        for repeated in self._kinds.values():
            if repeated.left_out and (all_of_them or repeated.times[0] + WINDOW_S <= now):
                due.append((repeated.latest, repeated.left_out))
                repeated.left_out = 0
        return due

    def _of(self, entry: LogEntry, now: float) -> _Repeated:
        kind = entry.event, entry.reason
        if kind not in self._kinds and len(self._kinds) >= MAX_KINDS:
            self._forget(now)
            if len(self._kinds) >= MAX_KINDS:
                entry, kind = OTHERS, (OTHERS.event, OTHERS.reason)
        return self._kinds.setdefault(kind, _Repeated(entry))

    def _forget(self, now: float) -> None:
        """Forgets kinds of which nothing was written or left out within the window."""
        for kind, repeated in list(self._kinds.items()):
            if not repeated.left_out and repeated.times[-1] + WINDOW_S <= now:
                del self._kinds[kind]
