"""Joining gives way to what the application asks.

A program that opens a node and looks for peers at once has the lookup of the own ID and the walks
through the buckets beside its search: 42 of 50 queries until the first peer, and they take the
tokens for new addresses that the search needs. So while a search of the application has found
nothing, the table's walks wait. What the search meets on its way are candidates for the table, and
nothing is lost but a moment.

A node must join promptly all the same: the walks give way for a bounded time after the first of
them, then never again. A node for which nobody asks does not wait at all.
"""

from __future__ import annotations

from math import inf

from ..contract.events import OperationId
from ..contract.queries import SendQuery


class JoinYield:
    __slots__ = ("_for_s", "_free_at", "_searches", "_until", "_waiting")

    def __init__(self, for_s: float) -> None:
        """``for_s``: seconds after the first query of a walk."""
        self._for_s = for_s
        self._until = inf
        self._free_at = inf
        self._searches: dict[OperationId, None] = {}
        self._waiting: list[SendQuery] = []

    def __len__(self) -> int:
        """Queries that wait."""
        return len(self._waiting)

    def searching(self, operation: OperationId, now: float) -> None:
        """The application waits for what this one finds."""
        if now < self._until:
            self._searches[operation] = None

    def served(self, operation: OperationId, now: float) -> None:
        """It has found something, or is over."""
        if operation in self._searches:
            del self._searches[operation]
            if not self._searches:
                self._free_at = now

    def applies(self, now: float) -> bool:
        """Whether a walk has begun, and must wait now."""
        return bool(self._searches) and now < self._until < inf

    def must_wait(self, command: SendQuery, now: float) -> bool:
        """Whether the ask has been put off, because it is for the table and a search is under way."""
        if not command.background:
            return False
        if self._until == inf:
            self._until = now + self._for_s
        # The first query of all goes out: whoever is asked by both the walk and the search is known
        # to be there by the first answer.
        elif self.applies(now):
            self._waiting.append(command)
            return True
        return False

    def freed(self, now: float) -> list[SendQuery]:
        """Those that need not wait any more."""
        if not self._waiting or self.applies(now):
            return []
        freed, self._waiting = self._waiting, []
        return freed

    def drop(self, owner: object) -> None:
        if self._waiting:
            self._waiting = [command for command in self._waiting if command.owner is not owner]

    def clear(self) -> None:
        self._waiting.clear()

    def next_deadline(self) -> float:
        if not self._waiting:
            return inf
        return self._until if self._searches else min(self._free_at, self._until)
