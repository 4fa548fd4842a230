"""The contacts of an answer, remembered for as long as nothing changes in the table.

Which contacts are closest to a target, and in what order, depends on no more of its leading bits
than it takes to tell those around it apart: some 12 in a full table. So there are a few thousand
answers in all, and whoever is asked tens of thousands of times a second gives the same ones again
and again: a look-up takes a tenth of the time of a search among the buckets. Beside a table that
changes between two queries it would be a waste, so nothing is remembered before the same state of
the table was asked for `WORTHWHILE` answers, and all is forgotten when it changes.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import Final

from ...endpoints import Endpoint
from ...ids import ID_BITS, NodeId, shared_prefix_bits
from ..addressing.policy import AddressPolicy
from ..table.routing_table import RoutingTable

WORTHWHILE: Final = 32
"""To order the whole table for quick searches costs as much as some ten of them."""
MAX_ANSWERS: Final = 4096
"""Of 208 bytes each; beyond that all are forgotten, and those still asked for are soon back."""
REGION_BITS: Final = 8


class AnswerCache:
    """Compact contacts for answers of ``k`` contacts. The result is always that of
    `RoutingTable.closest`.
    """

    __slots__ = (
        "_answers",
        "_asked",
        "_changes",
        "_ids",
        "_k",
        "_packed",
        "_regions",
        "_scopes",
        "_table",
    )

    def __init__(self, table: RoutingTable, k: int, scopes: AddressPolicy) -> None:
        self._table = table
        self._scopes = scopes
        self._k = k
        self._changes = -1
        self._asked = 0
        self._packed: dict[NodeId, bytes] = {}
        self._ids: list[NodeId] = []
        self._regions: dict[int, tuple[int, list[NodeId]]] = {}
        self._answers: dict[tuple[int, int], bytes] = {}

    def __len__(self) -> int:
        """Answers that are remembered."""
        return len(self._answers)

    def closest(self, target: NodeId, source: Endpoint) -> bytes:
        """The k closest that may be handed to ``source``, closest first, in compact form."""
        table = self._table
        if table.changes != self._changes:
            self._changes, self._asked = table.changes, 0
            if self._packed:
                self._forget()
        self._asked += 1
        if self._asked <= WORTHWHILE:
            if self._asked == WORTHWHILE:
                self._look_at_table()
        elif self._ids:
            region = self._regions.get(target >> ID_BITS - REGION_BITS) or self._survey(
                target >> ID_BITS - REGION_BITS
            )
            key = region[0], target >> region[0]
            return self._answers.get(key) or self._remember(key, target, region[1])
        return b"".join(
            [
                entry.pooled.packed
                for entry in table.closest(target, self._k, self._scopes.of(source))
            ]
        )

    def _look_at_table(self) -> None:
        """Left empty where an answer depends on who asks, or takes contacts that are only second
        choice.
        """
        packed = {entry.id: entry.pooled.packed for entry in self._table if entry.returnable}
        if self._table.is_of_one_scope and len(packed) >= self._k:
            self._packed, self._ids = packed, sorted(packed)

    def _forget(self) -> None:
        """At once: of a table that changes often, what was remembered, some 10 kB, would lie idle
        for most of the time.
        """
        self._packed, self._ids, self._regions, self._answers = {}, [], {}, {}

    def _survey(self, region: int) -> tuple[int, list[NodeId]]:
        """How many low bits of a target there do not matter; and who may be closest to one: all in
        the smallest subtree around it that has k.
        """
        ids, near = self._ids, []
        for prefix_bits in range(REGION_BITS, -1, -1):
            width = ID_BITS - prefix_bits
            low = region >> REGION_BITS - prefix_bits << width
            near = ids[bisect_left(ids, low) : bisect_left(ids, low + (1 << width))]
            if len(near) >= self._k:
                break
        alike = max([shared_prefix_bits(one, other) for one, other in pairwise(near)], default=0)
        self._regions[region] = surveyed = ID_BITS - max(alike + 1, REGION_BITS), near
        return surveyed

    def _remember(self, key: tuple[int, int], target: NodeId, near: list[NodeId]) -> bytes:
        if len(self._answers) >= MAX_ANSWERS:
            self._answers = {}
        packed = self._packed
        self._answers[key] = answer = b"".join(
            [packed[node_id] for node_id in sorted(near, key=target.__xor__)[: self._k]]
        )
        return answer
