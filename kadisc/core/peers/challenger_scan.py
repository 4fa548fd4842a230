"""A search of the whole address book for peers that would win a slot that was reseeded lately.

A full book has 5,000 entries, most of them never verified, and an attacker can fill it by naming
addresses. To rank all of them at once takes 0.1 s, in which no datagram is read. So a search takes
a slice of the book at a time.
"""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint
from ..book.address_book import AddressBook
from ..contract.times import FOREVER
from .view import ViewRule

SLICE: Final = 128
"""Entries that are ranked at once: some 3 ms."""
PAUSE_S: Final = 0.05
"""Between two slices."""


class ChallengerScan:
    """At most one search at a time; a new one replaces one that is not over."""

    def __init__(self, view: ViewRule, book: AddressBook) -> None:
        self._view = view
        self._book = book
        self._challenge = view.challenge()
        self._waiting: list[Endpoint] = []
        self.deadline = FOREVER
        """When the next slice is due."""

    def begin(self, now: float) -> None:
        self._challenge = self._view.challenge()
        self._waiting = [entry.endpoint for entry in self._book.entries()]
        self._waiting.reverse()
        self.deadline = now

    def step(self, now: float) -> list[Endpoint]:
        """Ranks a slice. After the last one it returns the peers that are worth a check."""
        waiting = self._waiting
        self._challenge.offer(waiting[: -SLICE - 1 : -1])
        del waiting[-SLICE:]
        if waiting:
            self.deadline = now + PAUSE_S
            return []
        self.deadline = FOREVER
        return self._challenge.winners()
