"""A cache of the contacts in answers, valid as long as the routing table does not change.

Which contacts are closest to a target, and in which order, depends only on as many leading bits of
the target as tell the contacts around it apart: some 12 in a full table. So there are a few
thousand different answers in all, and a node that answers tens of thousands of queries a second
repeats them: reading one from the cache takes a tenth of the time of a search among the buckets.
With a table that changes between two queries a cache is a waste. So it is built only after
`UNCACHED_ANSWERS` answers from one state of the table, and is emptied when the table changes.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import Final

from ...endpoints import PUBLIC, Endpoint
from ...ids import ID_BITS, NodeId, shared_prefix_bits
from ..addressing.policy import AddressPolicy
from ..table.routing_table import RoutingTable

UNCACHED_ANSWERS: Final = 32
"""Answers from one state of the table before the cache is built: to sort the whole table costs as
much as some ten searches in it."""
MAX_ANSWERS: Final = 4096
"""Most answers in the cache, of 208 bytes each. A full cache is emptied; answers that are still in
demand soon return."""
REGION_BITS: Final = 8
"""The ID space is indexed in regions that share so many leading bits."""


class AnswerCache:
    """Compact contacts for answers of ``k`` contacts. The result always equals that of
    `RoutingTable.closest`.
    """

    __slots__ = (
        "_answers",
        "_asked",
        "_changes",
        "_for_all",
        "_ids",
        "_packed",
        "_regions",
        "_scopes",
        "_table",
        "k",
    )

    def __init__(self, table: RoutingTable, k: int, scopes: AddressPolicy) -> None:
        self._table = table
        self._scopes = scopes
        self.k = k
        self._changes = -1
        self._asked = 0
        self._for_all = True
        self._packed: dict[NodeId, bytes] = {}
        self._ids: list[NodeId] = []
        self._regions: dict[int, tuple[int, list[NodeId]]] = {}
        self._answers: dict[tuple[int, int], bytes] = {}

    def __len__(self) -> int:
        """The number of answers in the cache."""
        return len(self._answers)

    def closest(self, target: NodeId, source: Endpoint) -> bytes:
        """The k closest contacts that may be sent to ``source``, closest first, in compact form."""
        table = self._table
        if table.changes != self._changes:
            self._changes = table.changes
            self._asked = 0
            if self._packed:
                self._clear()
        self._asked += 1
        if self._asked <= UNCACHED_ANSWERS:
            if self._asked == UNCACHED_ANSWERS:
                self._index_table()
        elif self._ids and (self._for_all or self._scopes.of(source) is PUBLIC):
            prefix = target >> ID_BITS - REGION_BITS
            region = self._regions.get(prefix) or self._index_region(prefix)
            key = region[0], target >> region[0]
            return self._answers.get(key) or self._add(key, target, region[1])
        scope = None if table.is_of_one_scope else self._scopes.of(source)
        entries = table.closest(target, self.k, scope)
        return b"".join([entry.pooled.packed for entry in entries])

    def _index_table(self) -> None:
        """The index stays empty if an answer needs contacts that are not returnable. Where answers
        depend on the asker, it is for those with public addresses.
        """
        self._for_all = self._table.is_of_one_scope
        packed = {
            entry.id: entry.pooled.packed
            for entry in self._table
            if entry.returnable
            and (self._for_all or self._scopes.of(entry.contact.endpoint) is PUBLIC)
        }
        if len(packed) >= self.k:
            self._packed = packed
            self._ids = sorted(packed)

    def _clear(self) -> None:
        """Frees the memory at once: with a table that changes often, the cache, some 10 kB, would
        be unused for most of the time.
        """
        self._packed = {}
        self._ids = []
        self._regions = {}
        self._answers = {}

    def _index_region(self, region: int) -> tuple[int, list[NodeId]]:
        """The number of low bits of a target in this region that do not matter, and the contacts
        that may be closest to such a target: all in the smallest subtree around it that has k.
        """
        ids = self._ids
        near: list[NodeId] = []
        for prefix_bits in range(REGION_BITS, -1, -1):
            width = ID_BITS - prefix_bits
            low = region >> REGION_BITS - prefix_bits << width
            near = ids[bisect_left(ids, low) : bisect_left(ids, low + (1 << width))]
            if len(near) >= self.k:
                break
        alike = max([shared_prefix_bits(one, other) for one, other in pairwise(near)], default=0)
        self._regions[region] = surveyed = ID_BITS - max(alike + 1, REGION_BITS), near
        return surveyed

    def _add(self, key: tuple[int, int], target: NodeId, near: list[NodeId]) -> bytes:
        if len(self._answers) >= MAX_ANSWERS:
            self._answers = {}
        packed = self._packed
        self._answers[key] = answer = b"".join(
            [packed[node_id] for node_id in sorted(near, key=target.__xor__)[: self.k]]
        )
        return answer
