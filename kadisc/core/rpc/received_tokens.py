"""The tokens by which this node proves its endpoint to nodes that it asks (`limits/asker_tokens.py`
has the other side, and the attack).

They are in 512 cells, 4.6 kB in all, and not in a field of each contact. A cell that is overwritten
costs nothing but the proof to one contact, until its next answer: so a tag of one byte is enough to
tell whose token it is, and a token that is sent to another node is merely not accepted.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, Protocol

from ...endpoints import Endpoint
from ...wire.envelope import ASKER_TOKEN_BYTES, NO_ASKER_TOKEN

CELLS: Final = 512
WAYS: Final = 4
"""An endpoint may have its token in so many cells: of 300 contacts, 5 % find all of them taken."""
HASH_BITS: Final = 160
PLACE_BITS: Final = 15
"""Seven bits for the set of cells, eight for the tag."""
_SHIFT: Final = HASH_BITS - PLACE_BITS
_MASK: Final = (1 << PLACE_BITS) - 1


class ReceivedTokenRule(Protocol):
    def token_for(self, endpoint: Endpoint, is_ping: bool) -> bytes | None:
        """What a query to that endpoint shows: the token that it gave, or room for one; None if it
        is not known to give any. A ping has room in any case: it asks who is there.
        """
        ...

    def keep(self, endpoint: Endpoint, token: bytes) -> None:
        """An answer came from a contact that gives tokens, with one or (zeros) without."""
        ...


class ReceivedTokens:
    __slots__ = ("_cells", "_multiplier", "_tags", "_turn")

    def __init__(self, secret: bytes) -> None:
        """``secret``: at most 64 bytes, known to this node alone."""
        # Multiply-shift hashing (Dietzfelbinger et al. 1997) with a secret factor: no node can aim
        # at the cells of another endpoint.
        digest = blake2b(key=secret, digest_size=HASH_BITS // 8).digest()
        self._multiplier = int.from_bytes(digest, "big") | 1
        self._cells = bytearray()  # made for the first token
        self._tags = bytearray()
        self._turn = 0

    def token_for(self, endpoint: Endpoint, is_ping: bool) -> bytes | None:
        otherwise = NO_ASKER_TOKEN if is_ping else None
        if not self._tags:
            return otherwise
        first, tag = self._place(endpoint)
        at = self._tags.find(tag, first, first + WAYS)
        if at < 0:
            return otherwise
        return bytes(self._cells[at * ASKER_TOKEN_BYTES : (at + 1) * ASKER_TOKEN_BYTES])

    def keep(self, endpoint: Endpoint, token: bytes) -> None:
        if not self._tags:
            self._cells = bytearray(CELLS * ASKER_TOKEN_BYTES)
            self._tags = bytearray(CELLS)
        first, tag = self._place(endpoint)
        at = self._tags.find(tag, first, first + WAYS)
        if at < 0:
            at = self._tags.find(0, first, first + WAYS)
        if at < 0:
            at = first + self._turn % WAYS
            self._turn += 1
        self._tags[at] = tag
        self._cells[at * ASKER_TOKEN_BYTES : (at + 1) * ASKER_TOKEN_BYTES] = token

    def _place(self, endpoint: Endpoint) -> tuple[int, int]:
        """The first cell of the set of an endpoint, and its tag, which is not 0."""
        place = int.from_bytes(endpoint, "big") * self._multiplier >> _SHIFT & _MASK
        return (place >> 8) * WAYS, place & 0xFF or 1
