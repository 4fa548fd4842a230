"""The latest events of a node, for those who look at it later.

Attack: nodes come and go so fast that what an operator wants to read is pushed out by contacts that
were added and removed. Defence: the few events of the first kind have places of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from heapq import merge
from typing import Any, Final

from .event_document import event_document
from .event_names import EVENTS, NOTABLE
from .log_stamp import time_text_at

KEPT_OF_EACH: Final = 250
"""The number of events that are kept of those that an operator wants to read, and of finer ones."""
KEPT: Final = 2 * KEPT_OF_EACH
_NOTABLE: Final = frozenset(NOTABLE)
_FINE: Final = frozenset(EVENTS.values()) - _NOTABLE


class EventLog:
    """For `Dispatch.tap`. Events are put into words only when they are looked at. ``wall_s``:
    seconds since 1970.
    """

    def __init__(self, wall_s: Callable[[], float]) -> None:
        self._wall_s = wall_s
        self._count = 0
        self._notable: deque[tuple[int, float, Any]] = deque(maxlen=KEPT_OF_EACH)
        self._fine: deque[tuple[int, float, Any]] = deque(maxlen=KEPT_OF_EACH)

    def note(self, event: object) -> None:
        """Takes an event; those without a name in `EVENTS` are ignored."""
        kind = type(event)
        if kind in _NOTABLE:
            kept = self._notable
        elif kind in _FINE:
            kept = self._fine
        else:
            return
        self._count += 1
        kept.append((self._count, self._wall_s(), event))

    def documents(self, most: int, types: Collection[type]) -> list[dict[str, object]]:
        """The latest events of these types, at most so many, the oldest first, as `event_document`
        makes them.
        """
        found = [
            (at, event)
            for _, at, event in merge(self._notable, self._fine, key=lambda each: each[0])
            if type(event) in types
        ]
        return [
            event_document(event) | {"time": time_text_at(at)}
            for at, event in found[max(0, len(found) - most) :]
        ]
