"""A colluder: it answers pings like any node, and answers lookups with other colluders."""

from __future__ import annotations

from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import Query, Reply
from .adversary import Adversary
from .ring import CollusionRing


class Colluder(Adversary):
    def __init__(self, own_id: NodeId, ring: CollusionRing) -> None:
        super().__init__(own_id)
        self._ring = ring

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        return self._ring.answer(self, query, source)
