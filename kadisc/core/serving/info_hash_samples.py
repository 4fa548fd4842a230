"""``sample_infohashes`` (BEP 51): some of the info-hashes that peers are stored for here.

The attack: whoever asks often enough, from enough addresses, would have the whole store read out.
So one sample is drawn, for everybody, and stays until its time is over.
"""

from __future__ import annotations

from math import inf
from random import Random
from typing import Final, Protocol

from ...config import StoreConfig
from ...ids import ID_BYTES, id_to_bytes
from ...wire.messages import InfoHashSamples
from .peer_store import PeerStore

MAX_INTERVAL_S: Final = 21_600
"""BEP 51."""
MAX_SAMPLES: Final = 32
"""They leave room for a few contacts in 1,024 bytes."""


class InfoHashSampleRule(Protocol):
    def sample(self, now: float) -> InfoHashSamples: ...


class FreshInfoHashSamples:
    """What the fixed ones are measured against: drawn anew for each who asks."""

    def __init__(self, config: StoreConfig, rng: Random, peers: PeerStore) -> None:
        self._rng = rng
        self._peers = peers
        self._size = min(MAX_SAMPLES, config.sample_size)
        self._interval_s = min(MAX_INTERVAL_S, round(config.sample_interval_s))

    def sample(self, now: float) -> InfoHashSamples:
        held = self._peers.known(now)
        drawn = held if len(held) <= self._size else self._rng.sample(held, self._size)
        return InfoHashSamples(self._interval_s, len(held), b"".join(map(id_to_bytes, drawn)))


class FixedInfoHashSamples(FreshInfoHashSamples):
    """A sample that has room left is drawn again when there is more to be had: a young store would
    look empty for an hour.
    """

    def __init__(self, config: StoreConfig, rng: Random, peers: PeerStore) -> None:
        super().__init__(config, rng, peers)
        self._drawn = InfoHashSamples(self._interval_s, 0)
        self._until = -inf

    def sample(self, now: float) -> InfoHashSamples:
        held = self._peers.info_hashes
        is_partial = len(self._drawn.info_hashes) < ID_BYTES * min(held, self._size)
        if now >= self._until or is_partial:
            self._drawn = super().sample(now)
            if now >= self._until:
                self._until = now + self._interval_s
        return InfoHashSamples(self._interval_s, held, self._drawn.info_hashes)
