"""KRPC (BEP 5, 44, 51): datagrams to typed messages and back. The two directions are in
`decoding.py` and `encoding.py`.
"""

from __future__ import annotations

from ..errors import DecodeError
from . import bencode, error_codes, usual
from .decoding import message_from
from .encoding import fields_of
from .envelope import tid_of_query
from .messages import FindNode, Message, Reply


def decode(payload: bytes, *, allow_slow: bool = True) -> Message:
    """The message in a datagram, whose length the caller has bounded.

    Raises DecodeError alone. If the datagram is recognisably a query, the error holds what to
    answer: its ``tid``, a ``code`` (203, 205 or 207) and a ``text``. ``allow_slow=False`` refuses
    everything that needs the slow decoder, as ``slow-decode-budget`` (see `bencode.Decode`); what
    was refused so, `decode_slowly` can read.
    """
    is_reply = payload.endswith(usual.REPLY_END)
    usually = usual.read_reply(payload) if is_reply else usual.read_query(payload)
    if usually is not None:
        return usually
    try:
        envelope = bencode.decode(payload, allow_slow=False)
    except DecodeError:
        if allow_slow:
            return decode_slowly(payload)[0]
        raise
    return message_from(envelope)


def decode_slowly(payload: bytes) -> tuple[Message, int]:
    """As `decode`, in one pass of the slow decoder and no other pass: for datagrams that need it,
    because their keys are not sorted or bytes follow the message, or that are broken, so that only
    it finds the reason. Returns the number of bytes after the message too: they are ignored, as
    aria2, Transmission and others do.
    """
    envelope, is_beyond, ignored = bencode.decode_any_int(payload)
    if not is_beyond:
        return message_from(envelope), ignored
    # BEP 44 wants an error for a put whose `seq` is too large.
    if (tid := tid_of_query(envelope)) is None:
        raise DecodeError("int-range")
    text = "whole numbers must fit into 64 bits, signed"
    raise DecodeError("int-range", tid, error_codes.PROTOCOL, text)


def encode(message: Message) -> bytes:
    """The datagram for a message; keys sorted, fields that are None or False left out."""
    payload = None
    if type(message) is Reply:
        payload = usual.write_reply(message)
    elif type(message) is FindNode:
        payload = usual.write_find_node(message)
    if payload is not None:
        return payload
    return bencode.encode(fields_of(message))
