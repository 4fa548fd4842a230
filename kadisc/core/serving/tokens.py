"""Tokens: the proof that a node receives at the address from which it sends (BEP 5)."""

from __future__ import annotations

import hmac
from hashlib import blake2b
from random import Random
from typing import Final

from ...endpoints import Endpoint
from ...ids import NodeId, id_to_bytes

TOKEN_BYTES: Final = 8
"""Size of a token."""


class TokenIssuer:
    """Makes tokens and verifies them.

    A token is 8 bytes of a MAC of purpose || endpoint || key: keyed BLAKE2b, which takes a third of
    the time of an HMAC. The secret changes every ``rotation_s``, and tokens of the previous secret
    are still accepted, so a token is valid for one to two rotations. A token is bound to the key:
    one for an info-hash is invalid for another.

    Attack: the token proves all ports of an address, so that one host has the budgets of 65,535
    proven endpoints, and a host that shares an address with others, behind a NAT, proves theirs.
    Defence: a token proves the address and the port that received it, and nothing else (decision
    0022).
    """

    __slots__ = ("_current", "_keyed", "_previous", "_rng", "_rotate_at", "_rotation_s")

    def __init__(self, rng: Random, rotation_s: float, now: float) -> None:
        self._rng = rng
        self._rotation_s = rotation_s
        self._current = self._secret()
        self._previous = self._secret()
        self._rotate_at = now + rotation_s
        # A hash keyed with the current secret, before any message: a copy of it takes half the time
        # of a new one.
        self._keyed: blake2b | None = None

    def make(
        self,
        purpose: bytes,
        endpoint: Endpoint,
        key: NodeId,
        now: float,
    ) -> bytes:
        self._rotate(now)
        if self._keyed is None:
            self._keyed = blake2b(key=self._current, digest_size=TOKEN_BYTES)
        mac = self._keyed.copy()
        mac.update(purpose + endpoint + id_to_bytes(key))
        return mac.digest()

    def accepts(
        self,
        token: bytes,
        purpose: bytes,
        endpoint: Endpoint,
        key: NodeId,
        now: float,
    ) -> bool:
        self._rotate(now)
        return any(
            hmac.compare_digest(token, self._sign(secret, purpose, endpoint, key))
            for secret in (self._current, self._previous)
        )

    def derive(self, purpose: bytes) -> bytes:
        """A secret of 16 bytes for another purpose, drawn from no more randomness than the tokens
        are; it changes with each rotation.
        """
        return hmac.digest(self._current, purpose, "sha256")[:16]

    def _sign(self, secret: bytes, purpose: bytes, endpoint: Endpoint, key: NodeId) -> bytes:
        return blake2b(
            purpose + endpoint + id_to_bytes(key), key=secret, digest_size=TOKEN_BYTES
        ).digest()

    def _rotate(self, now: float) -> None:
        if now < self._rotate_at:
            return
        if now < self._rotate_at + self._rotation_s:
            self._previous = self._current
        else:  # after a long pause the previous secret would be too old as well
            self._previous = self._secret()
        self._current = self._secret()
        self._keyed = None
        self._rotate_at = now + self._rotation_s

    def _secret(self) -> bytes:
        return self._rng.getrandbits(160).to_bytes(20, "big")
