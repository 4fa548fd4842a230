"""Shares of the peer store: how many peers of one subnet an info-hash may have, and which peers an
asker receives.

Attacks: one operator announces hundreds of its peers from one /24, and half of every answer are its
own; a node that asks again and again from one subnet learns all peers of an info-hash. Defence: one
subnet has few places at an info-hash, and each asking subnet receives a selection of its own, which
stays the same for an hour (``answer_fixed_s``).
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
"""Size of the key of the hash that selects peers."""


class StoreShareRule(Protocol):
    def refuses(self, from_subnet: int) -> bool: ...

    def select(
        self, peers: list[Endpoint], info_hash: NodeId, asker: Endpoint, count: int, now: float
    ) -> list[Endpoint]: ...


class SubnetShares:
    """The share of a subnet at an info-hash is ``max_per_subnet_in_info_hash`` peers."""

    def __init__(self, config: ServingConfig, rng: Random, scopes: AddressPolicy) -> None:
        self._config = config
        self._rng = rng
        self._scopes = scopes
        self._secret = b""

    def refuses(self, from_subnet: int) -> bool:
        """Whether a subnet with ``from_subnet`` peers at an info-hash has used up its share."""
        return from_subnet >= self._config.max_per_subnet_in_info_hash

    def select(
        self, peers: list[Endpoint], info_hash: NodeId, asker: Endpoint, count: int, now: float
    ) -> list[Endpoint]:
        """Selects ``count`` of more peers by a keyed hash. No state is kept for a selection, and a
        peer that is added or removed changes only its own place in it.
        """
        if not self._secret:  # most nodes never need it
            self._secret = self._rng.randbytes(SECRET_BYTES)
        hour = int(now // self._config.answer_fixed_s).to_bytes(8, "big", signed=True)
        begin = hashlib.blake2b(
            hour + info_hash.to_bytes(20, "big") + self._scopes.share(asker),
            key=self._secret,
            digest_size=8,
        )

        def rank(peer: Endpoint) -> bytes:
            digest = begin.copy()
            digest.update(peer)
            return digest.digest()

        return sorted(peers, key=rank)[:count]
