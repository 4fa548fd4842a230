"""Tokens by which nodes that ask this one prove their endpoint, without any state here.

Attack: forged queries in the name of a node, sent to the nodes that it knows, use up what those
read from its address. Most of them do not know it: routing tables are not symmetric, so that only
few hold it for proven. It loses its contacts, and its lookups fail. Defence: a query that has room
for a token (``tk``) gets one back, a MAC of the endpoint that asked. It went to that endpoint, so a
later query that shows it was sent by who receives there, and passes with the proven ones.

The reply grows by no more than the query did, so that a forged query gains nothing. Two bits of a
token tell which secret made it: one MAC verifies it, and none is needed to see that it is current.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b
from typing import Final, Protocol

from ...endpoints import Endpoint
from ...wire.envelope import ASKER_TOKEN_BYTES, NO_ASKER_TOKEN, asker_token_in
from ..contract.times import NEVER

ROTATION_S: Final = 1800.0
"""A token is valid for one to two times so many seconds: the longest time between two checks of a
contact, 15 minutes and some, is less.
"""
GENERATION_BITS: Final = 0b11


class AskerTokenRule(Protocol):
    def proves(self, payload: bytes, source: Endpoint, now: float) -> bool:
        """Whether a datagram, not decoded yet, shows a token that was sent to its source."""
        ...

    def renewed(self, shown: bytes, source: Endpoint, now: float) -> bytes | None:
        """The token for the answer to a query that showed this one; None if that one is current."""
        ...


class AskerTokens:
    __slots__ = ("_current", "_previous", "_refused", "_rotate_at", "_rotations", "_secret")

    def __init__(self, secret: bytes) -> None:
        """``secret``: at most 64 bytes, known to this node alone."""
        self._secret = secret
        # Hashes keyed with the secrets, before any message: a copy takes half the time of a new
        # one. None until a token is asked for.
        self._current: blake2b | None = None
        self._previous: blake2b | None = None
        self._rotations = 0
        self._rotate_at = NEVER
        self._refused: Endpoint | None = None

    def proves(self, payload: bytes, source: Endpoint, now: float) -> bool:
        token = asker_token_in(payload)
        if token is None or token == NO_ASKER_TOKEN:
            return False
        self._rotate(now)
        generation = token[-1] & GENERATION_BITS
        keyed = None
        if generation == self._rotations & GENERATION_BITS:
            keyed = self._current
        elif generation == self._rotations - 1 & GENERATION_BITS:
            keyed = self._previous
        if keyed is not None and hmac.compare_digest(token, _mac(keyed, source, generation)):
            return True
        self._refused = source
        return False

    def renewed(self, shown: bytes, source: Endpoint, now: float) -> bytes | None:
        self._rotate(now)
        if (
            shown != NO_ASKER_TOKEN
            and shown[-1] & GENERATION_BITS == self._rotations & GENERATION_BITS
            and source != self._refused
        ):
            return None
        self._refused = None
        assert self._current is not None
        return _mac(self._current, source, self._rotations & GENERATION_BITS)

    def _rotate(self, now: float) -> None:
        if now < self._rotate_at:
            return
        # After a long pause the previous secret would be too old as well.
        self._previous = self._current if now < self._rotate_at + ROTATION_S else None
        self._rotations += 1
        secret = blake2b(b"%d" % self._rotations, key=self._secret).digest()
        self._current = blake2b(key=secret, digest_size=ASKER_TOKEN_BYTES)
        self._rotate_at = now + ROTATION_S


def _mac(keyed: blake2b, endpoint: Endpoint, generation: int) -> bytes:
    mac = keyed.copy()
    mac.update(endpoint)
    digest = mac.digest()
    last = digest[-1] & ~GENERATION_BITS | generation
    return digest[:-1] + bytes((last,))
