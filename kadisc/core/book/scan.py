"""Whom to try when hardly anybody is known any more: after a restart, or when most of the network
went at once.

The book is full of peers, and most of them may be dead. Feelers and anchors ask a handful in some
minutes; whoever knows too few peers goes through all of it, those that were met before those heard
of, at the pace of checks, and again after a pause.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ...endpoints import Endpoint
from .address_book import AddressBook

PAUSE_S: Final = 300.0
"""From one pass through the book to the next."""
FAILED_S: Final = 3600.0
"""Who failed so lately is left out: made-up addresses must not be asked again and again."""


class BookScan:
    def __init__(self, book: AddressBook) -> None:
        self._book = book
        self._waiting: deque[Endpoint] = deque()
        self._begins_at = float("-inf")

    def next(self, now: float) -> Endpoint | None:
        """Bounded by the book: a pass takes as many calls as it has entries."""
        if not self._waiting and now >= self._begins_at:
            self._waiting.extend(self._book.by_lot(now - FAILED_S))
            self._begins_at = now + PAUSE_S if self._waiting else now
        return self._waiting.popleft() if self._waiting else None
