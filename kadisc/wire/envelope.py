"""The envelope of a message: its transaction ID, if nothing else of the message can be read.

The decoder refuses a whole number beyond 64 bits wherever it stands. But a put with such a ``seq``
comes from a client that counts by another rule, not from noise, and BEP 44 wants an error for it.
So the envelope of such a message is read once more, for the transaction ID of the error.
"""

from __future__ import annotations

from typing import Final

from ..errors import DecodeError
from . import bencode

TID_BYTES: Final = 4
"""Bytes of the transaction IDs that this node makes."""
MAX_TID_BYTES: Final = 64
"""The longest transaction ID that is read, and echoed: 2 to 4 bytes are usual, 32 have been seen.
"""


def tid_of_query(payload: bytes) -> bytes | None:
    """The transaction ID of a query that is sound except for numbers beyond 64 bits; None for
    anything else.
    """
    try:
        envelope = bencode.decode_any_int(payload)
    except DecodeError:
        return None
    if type(envelope) is not dict or envelope.get(b"y") != b"q":
        return None
    tid = envelope.get(b"t")
    return tid if type(tid) is bytes and len(tid) <= MAX_TID_BYTES else None
