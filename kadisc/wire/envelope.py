"""The envelope of a message: its transaction ID, if nothing else of the message can be read.

A whole number beyond 64 bits refuses a message, wherever it stands. But a put with such a ``seq``
comes from a client that counts by another rule, not from noise, and BEP 44 wants an error for it,
which needs the transaction ID.
"""

from __future__ import annotations

from typing import Any, Final

TID_BYTES: Final = 4
"""Bytes of the transaction IDs that this node makes."""
MAX_TID_BYTES: Final = 64
"""The longest transaction ID that is read, and echoed: 2 to 4 bytes are usual, 32 have been seen.
"""


ASKER_TOKEN_BYTES: Final = 8
"""Bytes of ``tk``, by which a node that asks proves its endpoint."""
NO_ASKER_TOKEN: Final = bytes(ASKER_TOKEN_BYTES)
"""In place of a token that the asking node does not have yet: room for one in the answer."""
TID_KEY: Final = b"1:t%d:" % TID_BYTES
_ASKER_TOKEN: Final = b"2:tk%d:" % ASKER_TOKEN_BYTES


def asker_token_in(payload: bytes) -> bytes | None:
    """What looks like ``tk`` in a datagram that is not decoded, None if nothing does."""
    at = payload.find(_ASKER_TOKEN)
    if at < 0:
        return None
    token = payload[at + len(_ASKER_TOKEN) : at + len(_ASKER_TOKEN) + ASKER_TOKEN_BYTES]
    return token if len(token) == ASKER_TOKEN_BYTES else None


def tid_near_end(payload: bytes) -> bytes | None:
    """What looks like a transaction ID of this node's in a datagram that is not decoded, None if
    nothing does. Sorted keys put it near the end: at most ``v`` and ``y`` come after it.
    """
    at = payload.rfind(TID_KEY)
    return payload[at + len(TID_KEY) : at + len(TID_KEY) + TID_BYTES] if at >= 0 else None


ANSWER_ENDS: Final = (b"1:y1:re", b"1:y1:ee")
"""How a reply and an error with sorted keys end."""
QUERY_MARK: Final = b"1:y1:q"
"""Every query holds this. One can be made that ends as a reply does, too."""


def tid_of_query(envelope: Any) -> bytes | None:
    """The transaction ID of a query, of which only the bencode is known to be sound; None for
    anything else.
    """
    if type(envelope) is not dict or envelope.get(b"y") != b"q":
        return None
    tid = envelope.get(b"t")
    return tid if type(tid) is bytes and len(tid) <= MAX_TID_BYTES else None
