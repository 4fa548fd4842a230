"""Filling what joining leaves empty: a walk through each bucket that holds too few, several at a
time, until it holds enough.

A newcomer knows one contact, and what it names is close to the newcomer. The far buckets, in which
most of the network is, would wait for the end of the lookup of the own ID; so they are walked
through as soon as the first contact has answered, and the others when the neighbourhood is known.
After a restart there are contacts from the last run for all of them, and nothing needs to wait.
"""

from __future__ import annotations

from random import Random
from typing import Final

from ...ids import NodeId, random_id_in_bucket
from ..contract.queries import RefreshLookup
from .routing_table import RoutingTable

AT_A_TIME: Final = 10
FEW: Final = 4
"""A bucket with fewer entries than this is walked through."""
EARLY: Final = 3
"""The buckets up to this one are walked through before the own neighbourhood is known."""
TRIES: Final = 2
"""Walks through one bucket: it may well hold all there are."""
WELL_FILLED: Final = 0.75
"""A wide bucket with so many of its places taken finds the rest of its entries by itself."""
PAUSE_S: Final = 0.05
"""Between the end of one walk and the start of the next: one that ended at once must not make a
loop.
"""


class BucketFill:
    """Decides on walks; `started` and `finished` tell it which are under way."""

    __slots__ = ("_deepest", "_rng", "_running", "_table", "_tries", "deadline")

    def __init__(self, table: RoutingTable, rng: Random) -> None:
        self._table = table
        self._rng = rng
        self._deepest = -1
        self._tries: dict[int, int] = {}
        self._running: set[int] = set()
        self.deadline = float("inf")
        """When to ask what is ``due``."""

    def begin(self, deepest: int, now: float) -> None:
        """The lookup of the own ID is under way, and there is somebody to ask in the buckets up to
        ``deepest``.
        """
        if deepest > self._deepest:
            self._deepest = deepest
            self.deadline = now

    def joined(self, now: float) -> None:
        """The lookup of the own ID is done."""
        self._deepest = max(
            (bucket.index for bucket in self._table.buckets() if bucket.entries), default=-1
        )
        self.deadline = now

    def has_enough(self, bucket: int) -> bool:
        return self._table.count(bucket) >= FEW

    def worth_asking(self, node_id: NodeId) -> NodeId:
        """What to ask somebody for who is asked anyway, to see whether it is there: while its
        bucket is a wide one and far from full, for others that would be in there, so that each
        check brings the candidates for the next ones; otherwise for our own neighbourhood.
        """
        own_id, index = self._table.own_id, self._table.bucket_index(node_id)
        if self._table.is_wide(index) and self._table.count(
            index
        ) < WELL_FILLED * self._table.capacity(index):
            return random_id_in_bucket(own_id, index, self._rng)
        return own_id

    def started(self, bucket: int) -> None:
        self._running.add(bucket)
        self._tries[bucket] = self._tries.get(bucket, 0) + 1

    def finished(self, bucket: int, now: float) -> None:
        self._running.discard(bucket)
        self.deadline = min(self.deadline, now + PAUSE_S)

    def due(self, now: float) -> list[RefreshLookup]:
        if now < self.deadline:
            return []
        self.deadline = float("inf")  # the end of a walk says when to look again
        poor = [
            index
            for index in range(self._deepest, -1, -1)
            if not self.has_enough(index) and self._tries.get(index, 0) < TRIES
        ]
        free = AT_A_TIME - len(self._running)
        return [self._walk(index) for index in poor if index not in self._running][:free]

    def _walk(self, index: int) -> RefreshLookup:
        return RefreshLookup(
            self._table.family,
            random_id_in_bucket(self._table.own_id, index, self._rng),
            k=FEW,
            fills=index,
        )
