"""Serving without fixed samples, without a signature budget and without store shares."""

from __future__ import annotations

from random import Random

from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import InfoHashSamples
from ..serving.info_hash_samples import InfoHashSampler


class FreshInfoHashSamples(InfoHashSampler):
    """Every answer draws a new sample."""

    def sample(self, now: float) -> InfoHashSamples:
        return self.draw(now)


class NoSignatureBudget:
    """No budget: every signature is checked."""

    __slots__ = ()

    def may_check(self, source: Endpoint, now: float) -> bool:
        return True


class NoStoreShares:
    """No shares: peers are stored first come, first served, and an asker receives a random
    selection of them.
    """

    __slots__ = ("_rng",)

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def refuses(self, from_subnet: int) -> bool:
        return False

    def select(
        self, peers: list[Endpoint], info_hash: NodeId, asker: Endpoint, count: int, now: float
    ) -> list[Endpoint]:
        return self._rng.sample(peers, count)
