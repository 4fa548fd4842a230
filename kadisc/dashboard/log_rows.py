"""The log of the node: its latest events, a row each, none of them folded."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .lines import clean
from .tail import SHOWN, described

KEPT_ROWS: Final = 1000
"""The number of rows that are kept."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """``number``: counts up from 1. ``date``, ``clock``: of the machine of the node. ``level``:
    ``info`` or ``warning``. ``name``: a short word for the kind of the event.
    """

    number: int
    date: str
    clock: str
    level: str
    name: str
    words: str
    style: str


class LogRows:
    def __init__(self) -> None:
        self._rows: deque[LogRow] = deque(maxlen=KEPT_ROWS)
        self._count = 0
        self._shown: tuple[LogRow, ...] = ()

    def add(self, event: Mapping[str, object]) -> None:
        """Takes an event as `subscribe` tells it; others than those of the tail are ignored."""
        kind = str(event.get("event"))
        if kind not in SHOWN:
            return
        self._count += 1
        name, words, style = described(kind, event)
        time = str(event.get("time"))  # ISO 8601, with milliseconds
        level = str(event.get("level"))
        self._rows.append(
            LogRow(
                self._count, clean(time[:10]), clean(time[11:23]), clean(level), name, words, style
            )
        )
        self._shown = ()

    def rows(self) -> tuple[LogRow, ...]:
        """The newest first."""
        if not self._shown:
            self._shown = tuple(reversed(self._rows))
        return self._shown
