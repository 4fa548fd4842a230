"""The nonces of PCP mappings, which outlive a run: a router renews and deletes a mapping only for
the nonce that made it (RFC 6887, section 11.3), also after a crash of the node.
"""

from __future__ import annotations

from random import Random

from ..state.saved_nonces import MAX_NONCES, SavedNonce
from .pcp import NONCE_BYTES


class Nonces:
    """One nonce for each gateway, protocol and internal port; the least recently used of more than
    `MAX_NONCES` is forgotten.
    """

    def __init__(self, rng: Random, saved: tuple[SavedNonce, ...] = ()) -> None:
        self._rng = rng
        self._of: dict[tuple[str, str, int], bytes] = {}
        for row in saved[-MAX_NONCES:]:
            self._of[row.gateway, row.protocol, row.port] = row.nonce

    def get(self, gateway: str, protocol: str, port: int) -> bytes:
        """The nonce of a mapping, made at first use."""
        key = gateway, protocol, port
        nonce = self._of.pop(key, None) or self._rng.randbytes(NONCE_BYTES)
        self._of[key] = nonce
        while len(self._of) > MAX_NONCES:
            del self._of[next(iter(self._of))]
        return nonce

    def rows(self) -> tuple[SavedNonce, ...]:
        """For the next run, the least recently used first."""
        return tuple(SavedNonce(*key, nonce) for key, nonce in self._of.items())
