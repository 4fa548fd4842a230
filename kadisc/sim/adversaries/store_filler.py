"""A store filler: it announces itself under info-hashes that it makes up, at every node, until
nobody else finds room.

Attack: a node stores few info-hashes, and an info-hash costs nothing. Eight addresses in one /16
that renew what they stored keep all others out, where the first to come is the first to be served.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import AnnouncePeer, GetPeers, Query, Reply
from .adversary import Adversary

MAX_ASKED: Final = 4096
"""Questions whose tokens are waited for."""


class StoreFiller(Adversary):
    """Announces ``per_s`` info-hashes a second, at one target after the other, ``each`` at each."""

    def __init__(self, own_id: NodeId, rng: Random, per_s: float, each: int) -> None:
        super().__init__(own_id)
        self._rng = rng
        self._pause_s = 1.0 / per_s
        self._each = each
        self._targets: Sequence[Endpoint] = ()
        self._asked: dict[bytes, NodeId] = {}
        self._turn = 0
        self._next_at = 0.0

    def fill(self, targets: Sequence[Endpoint], now: float) -> None:
        self._targets = targets
        self._next_at = now + self._rng.random() * self._pause_s

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        return Reply(query.tid, self.own_id, seen_as=source)

    def answered(self, reply: Reply, source: Endpoint, now: float) -> None:
        info_hash = self._asked.pop(reply.tid, None)
        if info_hash is not None and reply.token is not None:
            tid, port = self._rng.randbytes(4), self._rng.randrange(1, 1 << 16)
            self.send(AnnouncePeer(tid, self.own_id, info_hash, port, reply.token), source)

    def tick(self, now: float) -> None:
        if not self._targets or now < self._next_at:
            return
        self._next_at = now + self._pause_s
        if self._turn == self._each * len(self._targets):
            self._targets = ()
            return
        target = self._targets[self._turn % len(self._targets)]
        self._turn += 1
        tid, info_hash = self._rng.randbytes(4), self._rng.getrandbits(160)
        if len(self._asked) < MAX_ASKED:
            self._asked[tid] = info_hash
            self.send(GetPeers(tid, self.own_id, info_hash), target)

    def next_deadline(self) -> float:
        return self._next_at if self._targets else float("inf")
