"""Items (BEP 44): values of at most 1,000 bytes that any node may store on the DHT for a while.

An immutable item is found by the hash of its value. A mutable item belongs to an Ed25519 key: it is
found by the hash of key and salt, each version has a higher sequence, and the signature of its
owner is over salt, sequence and value.

A value is kept as its bencode, which must be canonical: hash and signature are over those bytes,
and every node that encodes the value again must get the same. This module reads an item and refuses
malformed ones; its signature is checked by `verify_item` in `core/contract/identity.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import DecodeError
from ..ids import NodeId
from . import bencode, error_codes
from .bencode import MAX_INT

MAX_VALUE_BYTES: Final = 1000
"""The longest value, as bencode."""
MAX_SALT_BYTES: Final = 64
"""The longest salt of a mutable item."""
KEY_BYTES: Final = 32
"""Bytes of an Ed25519 public key."""
SIGNATURE_BYTES: Final = 64
"""Bytes of an Ed25519 signature."""
MAX_VALUE_DEPTH: Final = bencode.MAX_DEPTH - 2
"""How deep containers may be nested in a value: a message puts two around it."""

COMPLAINTS: Final[dict[str, str]] = {
    "bad-value": "v must be there",
    "value-not-canonical": "v must be canonical bencode: the keys of a dict sorted",
    "value-too-big": f"v must be at most {MAX_VALUE_BYTES} bytes as bencode",
    "bad-key-or-signature": (
        f"k must be {KEY_BYTES} bytes and sig {SIGNATURE_BYTES}, or there is neither"
    ),
    "bad-sequence": "seq and cas must be whole numbers of at least 0",
    "bad-salt": "salt must be a string",
    "salt-too-big": f"salt must be at most {MAX_SALT_BYTES} bytes",
}
"""Reasons to refuse an item, with the text that a querier is sent."""
CODES: Final = {
    "value-too-big": error_codes.VALUE_TOO_BIG,
    "salt-too-big": error_codes.SALT_TOO_BIG,
}
"""Error codes by reason; every other reason is a protocol error."""


@dataclass(frozen=True, slots=True)
class Item:
    """``value``: canonical bencode. ``key``: the public key of its owner; None for an immutable
    item, whose other fields mean nothing.
    """

    value: bytes
    key: bytes | None = None
    salt: bytes = b""
    sequence: int = 0
    signature: bytes = field(default=b"", repr=False)

    @property
    def content(self) -> bencode.Value:
        """The value decoded: bytes, a whole number, a list or a dict."""
        return bencode.decode(self.value)

    @property
    def target(self) -> NodeId:
        """The key under which it is stored on the DHT."""
        if self.key is None:
            return target_of_value(self.value)
        return target_of_key(self.key, self.salt)

    @property
    def signed(self) -> bytes:
        """The bytes that the signature of a mutable item is over."""
        salt = b"4:salt%d:%b" % (len(self.salt), self.salt) if self.salt else b""
        return b"%b3:seqi%de1:v%b" % (salt, self.sequence, self.value)

    def fields(self) -> dict[bytes, Any]:
        """The fields of a message, except for the salt, which the querier knows."""
        fields: dict[bytes, Any] = {b"v": self.content}
        if self.key is not None:
            fields |= {b"k": self.key, b"seq": self.sequence, b"sig": self.signature}
        return fields


def target_of_value(value: bytes) -> NodeId:
    return int.from_bytes(hashlib.sha1(value).digest(), "big")


def target_of_key(key: bytes, salt: bytes = b"") -> NodeId:
    return int.from_bytes(hashlib.sha1(key + salt).digest(), "big")


def item_from(fields: Mapping[bytes, Any], salt: bytes) -> Item:
    """The item in a message's fields; raises DecodeError."""
    if b"v" not in fields:
        raise DecodeError("bad-value")
    value = fields[b"v"]
    if not is_canonical(value):
        raise DecodeError("value-not-canonical")
    raw = bencode.encode(value)
    if len(raw) > MAX_VALUE_BYTES:
        raise DecodeError("value-too-big")
    key, signature = fields.get(b"k"), fields.get(b"sig")
    if key is None and signature is None:
        return Item(raw)
    if (
        type(key) is not bytes
        or type(signature) is not bytes
        or (len(key), len(signature)) != (KEY_BYTES, SIGNATURE_BYTES)
    ):
        raise DecodeError("bad-key-or-signature")
    return Item(raw, key, salt, whole_number(fields.get(b"seq")), signature)


def whole_number(raw: Any) -> int:
    if type(raw) is not int or not 0 <= raw <= MAX_INT:
        raise DecodeError("bad-sequence")
    return raw


def is_canonical(value: Any) -> bool:
    """Whether the bencode of a decoded value was canonical. The decoders refuse all other
    deviations and bound the depth; they let keys pass in any order, and a dict keeps that order.
    """
    if type(value) is dict:
        keys = list(value)
        return keys == sorted(keys) and all(map(is_canonical, value.values()))
    return type(value) is not list or all(map(is_canonical, value))


def depth_of(value: Any) -> int:
    """How deep containers are nested."""
    if type(value) is dict:
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if type(value) is list else 0
