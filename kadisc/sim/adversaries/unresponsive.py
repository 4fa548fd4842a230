"""An unresponsive node: it sends queries in order to become known, answers pings, and drops
everything else. A place in a table that it takes is of no use to the owner of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import FindNode, Ping, Query, Reply
from .adversary import Adversary


class UnresponsiveNode(Adversary):
    """Queries a random one of ``targets`` every ``interval_s``."""

    def __init__(self, own_id: NodeId, rng: Random, interval_s: float) -> None:
        super().__init__(own_id)
        self._rng = rng
        self._interval_s = interval_s
        self._targets: Sequence[Endpoint] = ()
        self._next_at = 0.0

    def query(self, targets: Sequence[Endpoint], now: float) -> None:
        self._targets = targets
        self._next_at = now + self._rng.random() * self._interval_s

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        return Reply(query.tid, self.own_id, seen_as=source) if isinstance(query, Ping) else None

    def tick(self, now: float) -> None:
        if self._targets and now >= self._next_at:
            self._next_at = now + self._interval_s
            self.send(
                FindNode(self._rng.randbytes(2), self.own_id, self._rng.getrandbits(160)),
                self._rng.choice(self._targets),
            )

    def next_deadline(self) -> float:
        return self._next_at if self._targets else float("inf")
