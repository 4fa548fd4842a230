"""A greedy asker: it proves its endpoint by one announce, and then asks one node as fast as it can.

Attack: a proof costs two datagrams. Where a proven endpoint, or all those of one host, have no
budget, one host takes all of a node's uplink.
"""

from __future__ import annotations

from random import Random

from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import AnnouncePeer, FindNode, GetPeers, Query, Reply
from .adversary import Adversary


class GreedyAsker(Adversary):
    """``per_s`` questions a second, for ``lasting_s``."""

    def __init__(self, own_id: NodeId, rng: Random, per_s: float, lasting_s: float) -> None:
        super().__init__(own_id)
        self._rng = rng
        self._pause_s = 1.0 / per_s
        self._lasting_s = lasting_s
        self._info_hash = rng.getrandbits(160)
        self._victim: Endpoint | None = None
        self._next_at = 0.0
        self._ends_at = 0.0

    def ask(self, victim: Endpoint, begins_at: float) -> None:
        self._victim = victim
        self._next_at = begins_at
        self._ends_at = begins_at + self._lasting_s
        self.send(GetPeers(self._rng.randbytes(4), self.own_id, self._info_hash), victim)

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        return Reply(query.tid, self.own_id, seen_as=source)

    def answered(self, reply: Reply, source: Endpoint, now: float) -> None:
        if reply.token is not None:
            tid = self._rng.randbytes(4)
            self.send(AnnouncePeer(tid, self.own_id, self._info_hash, 7, reply.token), source)

    def tick(self, now: float) -> None:
        if self._victim is None or now < self._next_at:
            return
        self._next_at = max(self._next_at + self._pause_s, now)
        if now >= self._ends_at:
            self._victim = None
            return
        target = self._rng.getrandbits(160)
        self.send(FindNode(self._rng.randbytes(4), self.own_id, target), self._victim)

    def next_deadline(self) -> float:
        return self._next_at if self._victim is not None else float("inf")
