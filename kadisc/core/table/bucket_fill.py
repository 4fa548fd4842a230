"""Fills the buckets that joining leaves empty: a lookup inside each bucket that holds too few
entries, several at a time, until it holds enough.

A new node knows one contact, and the contacts that this one reports are close to the new node. The
far buckets, to which most of the network belongs, would wait for the end of the lookup of the own
ID; so they are filled as soon as the first contact has answered, and the others when the
neighbourhood is known. After a restart there are saved contacts for all of them, and none waits.
"""

from __future__ import annotations

from random import Random
from typing import Final

from ...ids import NodeId, random_id_in_bucket
from ..contract.queries import RefreshLookup
from ..contract.times import FOREVER
from .routing_table import RoutingTable

AT_A_TIME: Final = 10
"""How many lookups that fill buckets run at once."""
FEW: Final = 4
"""A bucket with fewer entries than this is filled."""
EARLY: Final = 3
"""The buckets up to this one are filled before the own neighbourhood is known."""
SMALL_DHT: Final = 64
"""A DHT of fewer contacts is a small one."""
TRIES: Final = 2
"""How many lookups one bucket gets: it may hold all the nodes there are."""
WELL_FILLED: Final = 0.75
"""A wide bucket of which this share is taken finds the rest of its entries without lookups."""
PAUSE_S: Final = 0.05
"""The pause between the end of one lookup and the start of the next, so that lookups which end at
once make no loop.
"""


class BucketFill:
    """Decides on lookups; `started` and `finished` tell which buckets are being filled."""

    __slots__ = ("_deepest", "_has_joined", "_rng", "_running", "_table", "_tries", "deadline")

    def __init__(self, table: RoutingTable, rng: Random) -> None:
        self._table = table
        self._rng = rng
        self._deepest = -1
        self._has_joined = False
        self._tries: dict[int, int] = {}
        self._running: set[int] = set()
        self.deadline = FOREVER
        """When to call ``due``."""

    def begin(self, deepest: int, now: float) -> None:
        """The lookup of the own ID is under way, and there are contacts to query for the buckets up
        to ``deepest``.
        """
        if deepest > self._deepest:
            self._deepest = deepest
            self.deadline = now

    def joined(self, now: float) -> None:
        """The lookup of the own ID is done. In a small DHT a later one meets all nodes that there
        are, and lookups inside the buckets that stay poor would find the same ones.
        """
        if self._has_joined and len(self._table) < SMALL_DHT:
            return
        self._has_joined = True
        self._deepest = max(
            (bucket.index for bucket in self._table.buckets() if bucket.entries), default=-1
        )
        self.deadline = now

    def settled(self) -> None:
        """The node has been up for long: the buckets that are poor now had their lookups."""
        self._tries = {
            bucket.index: TRIES
            for bucket in self._table.buckets()
            if not self.has_enough(bucket.index)
        }

    def has_enough(self, bucket: int) -> bool:
        return self._table.count(bucket) >= FEW

    def worth_asking(self, node_id: NodeId) -> NodeId:
        """The target of the find_node query that checks a contact. While its bucket is wide and far
        from full, a random ID of that bucket, so that each check brings candidates for the next
        ones; otherwise the own ID.
        """
        table = self._table
        index = table.bucket_index(node_id)
        if table.is_wide_and_below(WELL_FILLED, index):
            return random_id_in_bucket(table.own_id, index, self._rng)
        return table.own_id

    def started(self, bucket: int) -> None:
        self._running.add(bucket)
        self._tries[bucket] = self._tries.get(bucket, 0) + 1

    def finished(self, bucket: int, now: float) -> None:
        self._running.discard(bucket)
        self.deadline = min(self.deadline, now + PAUSE_S)

    def due(self, now: float) -> list[RefreshLookup]:
        if now < self.deadline:
            return []
        self.deadline = FOREVER  # the end of a lookup sets it again
        poor = [
            index
            for index in range(self._deepest, -1, -1)
            if not self.has_enough(index) and self._tries.get(index, 0) < TRIES
        ]
        free = AT_A_TIME - len(self._running)
        return [self._lookup_in(index) for index in poor if index not in self._running][:free]

    def _lookup_in(self, index: int) -> RefreshLookup:
        return RefreshLookup(
            self._table.family,
            random_id_in_bucket(self._table.own_id, index, self._rng),
            k=FEW,
            fills=index,
        )
