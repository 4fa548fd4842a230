"""Joining yields to the lookups of the application.

A program that opens a node and looks for peers at once competes with the lookup of the own ID and
with those that fill buckets: these are 42 of 50 queries until the first peer, and they use up the
pace for new addresses that the lookup for peers needs. So while a lookup of the application has
found nothing, the lookups for the table wait. Those of the network's info-hashes come before them
until they end: what they find is verified at once, and each answer for the table takes processor
time from that. The nodes that answer meanwhile are candidates for the table, and only a moment is
lost.

A node must join promptly all the same: lookups for the table yield for a bounded time after the
first of them, and never again. They do not wait at all while the application has no lookup.
"""

from __future__ import annotations

from math import inf

from ..contract.events import OperationId
from ..contract.queries import SendQuery


class JoinYield:
    __slots__ = ("_for_s", "_free_at", "_searches", "_until", "waiting")

    def __init__(self, for_s: float) -> None:
        """``for_s``: seconds after the first query for the table."""
        self._for_s = for_s
        self._until = inf
        self._free_at = inf
        self._searches: dict[OperationId, bool] = {}  # -> whether it is served when it ends
        self.waiting: list[SendQuery] = []
        """Queries that wait; changed here alone. It is read after every datagram."""

    def __len__(self) -> int:
        """Queries that wait."""
        return len(self.waiting)

    def searching(self, operation: OperationId, now: float, *, to_its_end: bool) -> None:
        """The application waits for the results of this operation: for the first, or for all."""
        if now < self._until:
            self._searches[operation] = to_its_end

    def served(self, operation: OperationId, now: float, *, ended: bool) -> None:
        """The operation has found something, or has ended."""
        to_its_end = self._searches.get(operation)
        if to_its_end is not None and (ended or not to_its_end):
            del self._searches[operation]
            if not self._searches:
                self._free_at = now

    def applies(self, now: float) -> bool:
        """Whether a lookup for the table has begun and must wait now."""
        return bool(self._searches) and now < self._until < inf

    def must_wait(self, command: SendQuery, now: float) -> bool:
        """Whether the query was put off, because it serves the table and a lookup of the
        application is under way.
        """
        if not command.background:
            return False
        if self._until == inf:
            self._until = now + self._for_s
        # The very first query goes out: it tells whether a node is alive that both lookups query.
        elif self.applies(now):
            self.waiting.append(command)
            return True
        return False

    def freed(self, now: float) -> list[SendQuery]:
        """The queries that need not wait any longer."""
        if not self.waiting or self.applies(now):
            return []
        freed, self.waiting = self.waiting, []
        return freed

    def drop(self, owner: object) -> None:
        if self.waiting:
            self.waiting = [command for command in self.waiting if command.owner is not owner]

    def clear(self) -> None:
        self.waiting.clear()

    def next_deadline(self) -> float:
        if not self.waiting:
            return inf
        return self._until if self._searches else min(self._free_at, self._until)
