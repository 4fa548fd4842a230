"""Answers the query ``sample_infohashes`` (BEP 51) with some info-hashes that have peers here.

Attack: a node that asks often enough, from enough addresses, reads out the whole store. Defence:
one sample is drawn for all askers, and stays the same until the interval is over.
"""

from __future__ import annotations

from random import Random
from typing import Final, Protocol

from ...config import StoreConfig
from ...ids import ID_BYTES, id_to_bytes
from ...wire.messages import InfoHashSamples
from ..contract.times import NEVER
from .peer_store import PeerStore

MAX_INTERVAL_S: Final = 21_600
"""The longest interval that BEP 51 allows."""
MAX_SAMPLES: Final = 32
"""Most info-hashes in an answer: they leave room for a few contacts in 1,024 bytes."""


class InfoHashSampleRule(Protocol):
    def sample(self, now: float) -> InfoHashSamples: ...


class InfoHashSampler:
    """Draws samples; when a new one is drawn is up to the rule that extends this class."""

    def __init__(self, config: StoreConfig, rng: Random, peers: PeerStore, max_bytes: int) -> None:
        """``max_bytes``: that the info-hashes of one answer may take."""
        self._rng = rng
        self._peers = peers
        self._size = max(0, min(MAX_SAMPLES, config.sample_size, max_bytes // ID_BYTES))
        self._interval_s = min(MAX_INTERVAL_S, round(config.sample_interval_s))

    def draw(self, now: float) -> InfoHashSamples:
        held = self._peers.known(now)
        drawn = held if len(held) <= self._size else self._rng.sample(held, self._size)
        return InfoHashSamples(self._interval_s, len(held), b"".join(map(id_to_bytes, drawn)))


class FixedInfoHashSamples(InfoHashSampler):
    """One sample for all askers until the interval is over. A sample with room left is drawn again
    as soon as the store has more info-hashes: otherwise a new store would look empty for an hour.
    """

    def __init__(self, config: StoreConfig, rng: Random, peers: PeerStore, max_bytes: int) -> None:
        super().__init__(config, rng, peers, max_bytes)
        self._drawn = InfoHashSamples(self._interval_s, 0)
        self._until = NEVER

    def sample(self, now: float) -> InfoHashSamples:
        held = self._peers.info_hashes
        is_partial = len(self._drawn.info_hashes) < ID_BYTES * min(held, self._size)
        if now >= self._until or is_partial:
            self._drawn = self.draw(now)
            if now >= self._until:
                self._until = now + self._interval_s
        return InfoHashSamples(self._interval_s, held, self._drawn.info_hashes)
