"""An encoder for invalid bencode too: keys in any order, duplicate keys, and raw bytes that are no
value. The encoder of `wire` refuses all of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Fields: TypeAlias = dict[bytes, Any]


class Raw(bytes):
    """Bytes that go into the datagram without encoding."""


class Pairs(tuple[tuple[bytes, Any], ...]):
    """A dict whose keys keep this order, and may occur twice."""

    __slots__ = ()


def write(value: Any) -> bytes:
    """Bytes, ints, lists, dicts (sorted), `Pairs` (not sorted) and `Raw`."""
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, Pairs):
        return b"d" + b"".join(write(key) + write(inner) for key, inner in value) + b"e"
    if isinstance(value, Mapping):
        return write(Pairs(sorted(value.items())))
    if isinstance(value, Sequence):
        return b"l" + b"".join(write(inner) for inner in value) + b"e"
    raise TypeError(f"{type(value).__name__} cannot be bencoded")


def query(method: bytes, arguments: Any, tid: bytes, *, read_only: bool = True) -> bytes:
    """A query. ``read_only``: marked as in BEP 43, so that the node under test does not put the
    querier into its table.
    """
    marks = {b"ro": 1} if read_only else {}
    return write({b"a": arguments, b"q": method, b"t": tid, b"v": b"KDc\x01", b"y": b"q", **marks})


def reply(body: Fields, tid: bytes, **extra: bytes) -> bytes:
    return write(
        {b"r": body, b"t": tid, b"y": b"r", **{key.encode(): value for key, value in extra.items()}}
    )
