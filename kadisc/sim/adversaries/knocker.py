"""A knocker: it asks every witness of the peer network, as fast as it likes, to ping an endpoint of
its choice.

Attack: always the same endpoint, and the witnesses flood it together; or always another one, and
witnesses have spent what they may ping when honest helpers ask them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from ...config import CLIENT_VERSION
from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import Gossip, Knock, Query, Reply
from ..model.members import TAG
from .adversary import Adversary
from .flooder import PAD_BYTES, TOKEN_FRESH_S


class Knocker(Adversary):
    """``target``: the endpoint to name next. ``interval_s``: between two knocks at one witness."""

    def __init__(
        self,
        own_id: NodeId,
        witnesses: Sequence[Endpoint],
        target: Callable[[], Endpoint],
        interval_s: float,
        rng: Random,
    ) -> None:
        super().__init__(own_id)
        self._witnesses = witnesses
        self._target = target
        self._pause_s = interval_s / max(1, len(witnesses))
        self._rng = rng
        self._turn = rng.randrange(max(1, len(witnesses)))
        self._tokens: dict[Endpoint, tuple[bytes, float]] = {}
        self._next_at = 0.0

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        return Reply(query.tid, self.own_id, seen_as=source, version=CLIENT_VERSION)

    def answered(self, reply: Reply, source: Endpoint, now: float) -> None:
        if reply.token is not None:
            self._tokens[source] = reply.token, now + TOKEN_FRESH_S

    def tick(self, now: float) -> None:
        if now < self._next_at or not self._witnesses:
            return
        self._next_at = now + self._pause_s * self._rng.uniform(0.9, 1.1)
        self._turn = (self._turn + 1) % len(self._witnesses)
        witness = self._witnesses[self._turn]
        token, until = self._tokens.get(witness, (b"", now))
        tid = self._rng.randbytes(4)
        if now < until:
            nonce = self._rng.randbytes(8)
            self.send(
                Knock(tid, self.own_id, nonce, TAG, self._target(), token, version=CLIENT_VERSION),
                witness,
            )
        else:
            self.send(
                Gossip(tid, self.own_id, TAG, 0, version=CLIENT_VERSION, pad=PAD_BYTES), witness
            )

    def next_deadline(self) -> float:
        return self._next_at if self._witnesses else float("inf")
