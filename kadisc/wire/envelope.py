"""What is around every message, where that is all that can be read of it.

A whole number beyond 64 bits is in no message: the decoder refuses it, wherever it stands. But a
put with a ``seq`` like that comes from a client that counts by another rule, not from noise, and
BEP 44 wants an error for it. So the envelope is looked at once more, for whom to tell.
"""

from __future__ import annotations

from typing import Final

from ..errors import DecodeError
from . import bencode

MAX_TID_BYTES: Final = 64
TID_BYTES: Final = 4
"""Of the transaction IDs that this node makes."""
"""We echo it: 2 to 4 bytes are usual, 32 have been seen."""


def tid_of_query(payload: bytes) -> bytes | None:
    """The transaction id of a query that is sound but for numbers beyond 64 bits; None for anything
    else.
    """
    try:
        envelope = bencode.decode_any_int(payload)
    except DecodeError:
        return None
    if type(envelope) is not dict or envelope.get(b"y") != b"q":
        return None
    tid = envelope.get(b"t")
    return tid if type(tid) is bytes and len(tid) <= MAX_TID_BYTES else None
