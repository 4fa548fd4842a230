"""The latest events of a node as lines of text, for those who look at it later."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..core.contract.events import ContactAdded, ContactRemoved
from ..endpoints import format_endpoint
from ..ids import format_id
from ..text import printable
from .describe import NOTABLE, Notable, level_of, words_for
from .log_stamp import INFO

KEPT: Final = 500
"""The number of events that are kept."""
LOGGED: Final = (*NOTABLE, ContactAdded, ContactRemoved)
Logged = Notable | ContactAdded | ContactRemoved


@dataclass(frozen=True, slots=True)
class LogLine:
    """``number``: counts up from 1, in the order of the events. ``at``: seconds since 1970.
    ``level``: ``info`` or ``warning``. ``name``: a short word for the kind of the event. ``words``:
    what happened, printable and on one line.
    """

    number: int
    at: float
    level: str
    name: str
    words: str


class EventLog:
    """For `Dispatch.tap`. Events are put into words only when they are looked at. ``wall_s``:
    seconds since 1970.
    """

    def __init__(self, wall_s: Callable[[], float] = time.time) -> None:
        self._wall_s = wall_s
        self._kept: deque[tuple[int, float, Logged]] = deque(maxlen=KEPT)
        self.count = 0
        """The number of the last one."""

    def note(self, event: object) -> None:
        """Takes an event; those that nobody reads are ignored."""
        if isinstance(event, LOGGED):
            self.count += 1
            self._kept.append((self.count, self._wall_s(), event))

    def lines(self, after: int = 0) -> tuple[LogLine, ...]:
        """Those with higher numbers that are kept, the oldest first."""
        return tuple(
            log_line(number, at, event) for number, at, event in self._kept if number > after
        )


def log_line(number: int, at: float, event: Logged) -> LogLine:
    match event:
        case ContactAdded(contact, bucket):
            where = f"{format_id(contact.id)} at {format_endpoint(contact.endpoint)}"
            return LogLine(number, at, INFO, "contact", f"{where}, bucket {bucket}")
        case ContactRemoved(contact, bucket, reason):
            where = f"{format_id(contact.id)} at {format_endpoint(contact.endpoint)}"
            return LogLine(number, at, INFO, "removed", f"{where}, bucket {bucket}: {reason}")
    name, words = words_for(event)
    return LogLine(number, at, level_of(event), name, printable(words))
