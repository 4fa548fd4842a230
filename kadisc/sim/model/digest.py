"""One number for a whole run: two runs with the same digest are the same run."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from struct import Struct
from typing import Final

from ...core.contract.events import Event
from ...endpoints import Endpoint

_TIME: Final = Struct(">d").pack
BATCH: Final = 4096
"""Pieces that are hashed at once; one long update is much faster than many short ones."""


class Digest:
    """Hashes time, source, destination and payload of every delivery, and every event with its time
    and host.
    """

    __slots__ = ("_hash", "_pieces")

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self._pieces: list[bytes] = []

    def delivery(self, now: float, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        pieces = self._pieces
        pieces += (_TIME(now), source, destination, payload)
        if len(pieces) >= BATCH:
            self._hash_pieces()

    def events(self, now: float, where: Endpoint, events: Iterable[Event]) -> None:
        # The repr of frozen structs of ints, floats, bytes and enums is the same in every process.
        self._pieces += (_TIME(now), where, *[repr(event).encode() for event in events])

    def absorb(self, other: Digest) -> None:
        """Adds the digest of another world of the same run."""
        self._pieces.append(other.hexdigest().encode())

    def hexdigest(self) -> str:
        self._hash_pieces()
        return self._hash.hexdigest()

    def _hash_pieces(self) -> None:
        self._hash.update(b"".join(self._pieces))
        self._pieces.clear()
