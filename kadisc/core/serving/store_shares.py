"""Whose peers are stored under an info-hash, and which of them an asker is given.

The attacks: one operator announces hundreds of peers of his from one /24, and half of every answer
is his; and whoever asks again and again, from one place, learns all who are there. So one network
has few places under an info-hash, and each asker's network is given a choice of its own, that stays
the same for an hour.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import Final, Protocol

from ...config import ServingConfig
from ...endpoints import Endpoint
from ...ids import NodeId
from ..addressing.policy import AddressPolicy

SECRET_BYTES: Final = 32


class ShareOfStore(Protocol):
    def refuses(self, of_its_network: int) -> bool: ...

    def choose(
        self, peers: list[Endpoint], info_hash: NodeId, asker: Endpoint, count: int, now: float
    ) -> list[Endpoint]: ...


class SmallShares:
    def __init__(self, config: ServingConfig, rng: Random, scopes: AddressPolicy) -> None:
        self._config = config
        self._rng = rng
        self._scopes = scopes
        self._secret = b""

    def refuses(self, of_its_network: int) -> bool:
        """Whether a network has its share, with so many peers under an info-hash."""
        return of_its_network >= self._config.max_per_subnet_in_info_hash

    def choose(
        self, peers: list[Endpoint], info_hash: NodeId, asker: Endpoint, count: int, now: float
    ) -> list[Endpoint]:
        """``count`` of more than that, by a keyed hash: nothing is stored, and who comes or goes
        changes only his own place.
        """
        if not self._secret:  # most nodes never need it
            self._secret = self._rng.randbytes(SECRET_BYTES)
        hour = int(now // self._config.answer_fixed_s).to_bytes(8, "big", signed=True)
        begin = hashlib.blake2b(
            hour + info_hash.to_bytes(20, "big") + self._scopes.subnet(asker),
            key=self._secret,
            digest_size=8,
        )

        def rank(peer: Endpoint) -> bytes:
            digest = begin.copy()
            digest.update(peer)
            return digest.digest()

        return sorted(peers, key=rank)[:count]


class AnyStoreShare:
    """What it is measured against: who comes first is stored, and any of them is given."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def refuses(self, of_its_network: int) -> bool:
        return False

    def choose(
        self, peers: list[Endpoint], info_hash: NodeId, asker: Endpoint, count: int, now: float
    ) -> list[Endpoint]:
        return self._rng.sample(peers, count)
