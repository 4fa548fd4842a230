"""A scan of the whole address book, for a node that knows hardly any peers: after a restart, or
when most of the network disappeared at once.

The book is full of peers, and most of them may be dead. Feelers and anchors ask a handful in some
minutes. A node that knows too few peers scans all entries, verified ones before unverified ones,
at the pace of checks, and again after a pause.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ...endpoints import Endpoint
from ..contract.times import NEVER
from .address_book import AddressBook

PAUSE_S: Final = 300.0
"""The time from the start of one scan of the book to that of the next."""
FAILED_S: Final = 3600.0
"""Peers that failed within this time are left out: forged addresses must not be asked again and
again.
"""


class BookScan:
    def __init__(self, book: AddressBook) -> None:
        self._book = book
        self._waiting: deque[Endpoint] = deque()
        self._begins_at = NEVER

    def next(self, now: float) -> Endpoint | None:
        """The next peer to ask, if there is one. A scan takes as many calls as the book has
        entries.
        """
        if not self._waiting and now >= self._begins_at:
            self._waiting.extend(self._book.shuffled(now - FAILED_S))
            self._begins_at = now + PAUSE_S if self._waiting else now
        return self._waiting.popleft() if self._waiting else None
