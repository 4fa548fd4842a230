"""Bencode (BEP 3) in and out, hardened. The only module that knows which library does the work.

Two engines, one grammar. ``bencode2`` (compiled, the ``speed`` extra) is some fifteen times faster,
but refuses dicts whose keys are not sorted, which real clients send, and takes nesting a thousand
deep. ``bencode.py`` is always there, but its stock decoder must never see a datagram: 4.1.0 hangs
for ever on the 8 bytes ``d0:0:-5:``, where the negative length moves its cursor backwards, and
takes ``i+5e``, ``i5_0e``, ``1 :a`` and duplicate keys. `BoundedDecoder` replaces each of its
parsing steps by a strict one.

What is accepted, by either engine:

- a string length is digits only, without leading zeros, and the string is all there;
- an int is ``0`` or digits without leading zeros after an optional minus, within signed 64 bits;
- a dict has strings as keys, none twice; any order, because some clients do not sort;
- at most `MAX_DEPTH` containers inside each other; nothing after the value.

Every refusal takes its reason from `BoundedDecoder`, so that what is counted does not depend on the
engine. The length of the input is the caller's to bound: time and memory are linear in it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from bencodepy import BencodeDecoder
from bencodepy.encoder import BencodeEncoder

from ..errors import DecodeError

Value: TypeAlias = "int | bytes | list[Any] | dict[bytes, Any]"

MAX_DEPTH = 10
"""Containers inside each other; a KRPC message needs 3, a signed peer record in one 4."""
MIN_INT, MAX_INT = -(1 << 63), (1 << 63) - 1
"""Signed 64 bits: the widest int of any BEP (the ``seq`` of BEP 44), and the widest that a database
column or a JSON reader holds.
"""

REASONS = (
    "truncated",  # the input ends inside a value
    "bad-prefix",  # no value begins with this byte
    "bad-length",  # a string length that is not canonical
    "bad-int",
    "int-range",
    "bad-key",  # a dict key that is not a string
    "duplicate-key",
    "too-deep",
    "trailing-data",
    "slow-decode-budget",  # not canonical, and the caller had no patience
)
"""Every ``DecodeError.reason`` of this module."""


class Decode(Protocol):
    """``patient=False`` accepts sorted dicts only, and refuses all else at once as
    ``slow-decode-budget``.

    Unsorted and broken input costs a pass of the slow decoder. A caller with a budget asks without
    patience first, and on that reason once more with patience, if the sender's budget allows. Both
    engines then accept, refuse and charge alike.
    """

    def __call__(self, data: bytes, *, allow_slow: bool = True) -> Value: ...


class Engine(NamedTuple):
    name: str
    decode: Decode
    encode: Callable[[Value], bytes]


_LENGTHS = {b"%d" % n: n for n in range(1024)}
"""The canonical short lengths: one look-up instead of a check for digits, one for zeros and a
conversion.
"""

_CANONICAL_LENGTH = re.compile(rb"[1-9][0-9]{0,17}\Z").match
_CANONICAL_INT = re.compile(rb"i(0|-?[1-9][0-9]*)e").match
_MAX_INT_DIGITS = len(str(MAX_INT))


class BoundedDecoder(BencodeDecoder):  # type: ignore[misc]  # bencodepy has no types
    """The strict grammar on bencode.py's frame: each ``decode_*`` maps (input, offset, depth) to
    (value, next offset).

    The offset only ever grows, and the depth is bounded, so that neither a loop nor a
    RecursionError is possible. Stateless between calls.
    """

    def __init__(self, *, sorted_only: bool = False, any_int: bool = False) -> None:
        super().__init__(max_depth=MAX_DEPTH)
        self.sorted_only = sorted_only
        self.any_int = any_int
        # The frame dispatches on the byte (b"" at the end of the input): with an entry for each, no
        # look-up can fail.
        for byte in range(256):
            self.decode_func.setdefault(bytes((byte,)), self.decode_other)
        self.decode_func[b""] = self.decode_nothing

    def decode(self, value: bytes) -> Value:
        """The one value in the input; raises DecodeError with one of `REASONS`."""
        result: Value
        result, end = self.decode_func[value[:1]](value, 0)
        if end != len(value):
            raise DecodeError("trailing-data")
        return result

    def decode_nothing(self, x: bytes, f: int, depth: int = 0) -> tuple[Value, int]:
        raise DecodeError("truncated")

    def decode_other(self, x: bytes, f: int, depth: int = 0) -> tuple[Value, int]:
        raise DecodeError("bad-prefix")

    def decode_int(self, x: bytes, f: int, depth: int = 0) -> tuple[int, int]:
        match = _CANONICAL_INT(x, f)
        if match is None:
            raise DecodeError("bad-int")
        digits = match[1]
        if len(digits) > _MAX_INT_DIGITS + 1 or not MIN_INT <= (number := int(digits)) <= MAX_INT:
            if not self.any_int:
                raise DecodeError("int-range")
            number = 0
        return number, match.end()

    def decode_string(self, x: bytes, f: int, depth: int = 0) -> tuple[bytes, int]:
        colon = x.find(b":", f, f + 20)
        length = _LENGTHS.get(x[f:colon]) if colon > f else None
        if length is None:
            length = _long_length(x, f, colon)
        start = colon + 1
        end = start + length
        if end > len(x):
            raise DecodeError("truncated")
        return x[start:end], end

    def decode_list(self, x: bytes, f: int, depth: int = 0) -> tuple[list[Any], int]:
        if depth >= MAX_DEPTH:
            raise DecodeError("too-deep")
        decode_func = self.decode_func
        items = []
        f += 1
        while (head := x[f : f + 1]) != b"e":
            item, f = decode_func[head](x, f, depth + 1)
            items.append(item)
        return items, f + 1

    def decode_dict(self, x: bytes, f: int, depth: int = 0) -> tuple[dict[bytes, Any], int]:
        if depth >= MAX_DEPTH:
            raise DecodeError("too-deep")
        decode_func = self.decode_func
        entries: dict[bytes, Any] = {}
        greatest = b""
        f += 1
        while (head := x[f : f + 1]) != b"e":
            # The key as in decode_string, without the cost of a call.
            colon = x.find(b":", f, f + 20)
            length = _LENGTHS.get(x[f:colon]) if colon > f else None
            if length is None:
                if not head.isdigit():
                    raise DecodeError("bad-key" if head else "truncated")
                length = _long_length(x, f, colon)
            f = colon + 1 + length
            key = x[colon + 1 : f]
            # A truncated key needs no check, because no value follows it. A duplicate cannot exceed
            # the greatest key so far.
            if key > greatest or not entries:
                greatest = key
            elif key in entries:
                raise DecodeError("duplicate-key")
            elif self.sorted_only:
                raise DecodeError("slow-decode-budget")
            entries[key], f = decode_func[x[f : f + 1]](x, f, depth + 1)
        return entries, f + 1


def _long_length(x: bytes, f: int, colon: int) -> int:
    """A length that is not in the table: wrong, or more than any datagram holds. The grammar is one
    for every input.
    """
    if colon < 0 or _CANONICAL_LENGTH(x[f:colon]) is None:
        raise DecodeError("bad-length")
    return int(x[f:colon])


class LeanEncoder(BencodeEncoder):  # type: ignore[misc]
    """bencode.py's encoder, in half the time: nearly all of a message is strings in dicts, written
    here without a call for each.
    """

    def encode_dict(self, x: dict[bytes, Any], r: deque[bytes]) -> None:
        r.append(b"d")
        for key, value in sorted(x.items()):
            if type(value) is bytes:
                r.append(b"%d:%b%d:%b" % (len(key), key, len(value), value))
            else:
                r.append(b"%d:%b" % (len(key), key))
                self.encode_func[type(value)](value, r)
        r.append(b"e")


_bounded = BoundedDecoder().decode
_bounded_sorted = BoundedDecoder(sorted_only=True).decode


def decode_bounded(data: bytes, *, allow_slow: bool = True) -> Value:
    """The engine that is always there: `BoundedDecoder`."""
    if allow_slow:
        return _bounded(data)
    try:
        return _bounded_sorted(data)
    except DecodeError:
        raise DecodeError("slow-decode-budget") from None


_any_int = BoundedDecoder(any_int=True).decode


def decode_any_int(data: bytes) -> Value:
    """As the patient `decode`, by the same decoder whatever the engine, but an int beyond 64 bits
    is read as 0 instead of refused. Good for finding out who is to be told of that, and for nothing
    else.
    """
    return _any_int(data)


def within_bounds(value: Value) -> bool:
    """Whether a decoded value keeps to `MAX_DEPTH` and the int range. Level by level, because
    recursion is what it guards against.
    """
    level: list[Value] = [value]
    for _ in range(MAX_DEPTH + 1):
        containers: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is int:
                if not MIN_INT <= item <= MAX_INT:  # type: ignore[operator]  # kind says that it is an int
                    return False
            elif kind is not bytes:
                containers.append(item)
        if not containers:
            return True
        level = [
            inner
            for container in containers
            for inner in (container.values() if type(container) is dict else container)
        ]
    return False


_perhaps_long_int = re.compile(rb"i[-0-9][0-9]{%d}" % (_MAX_INT_DIGITS - 1)).search


def find_bencode2() -> Engine | None:
    """The fast engine, where its compiled form is installed; its Python form is no faster than
    bencode.py, and recurses too deep.
    """
    try:
        import bencode2
    except ImportError:
        return None
    if not bencode2.COMPILED:
        return None
    bdecode, refusal = (
        bencode2.bdecode,
        ValueError,
    )  # BencodeDecodeError is one, and thousands of digits raise another

    def decode_fast(data: bytes, *, allow_slow: bool = True) -> Value:
        try:
            value: Value = bdecode(data)
        except refusal:
            return _second_opinion(data, allow_slow)
        # Looking at each value would cost as much as the decoding. But a container ends in an "e":
        # fewer of those than MAX_DEPTH, as in nearly all messages, and it cannot be too deep; and
        # too large an int shows as a run of digits. Two scans of 0.1 us instead.
        if (data.count(b"e") > MAX_DEPTH or _perhaps_long_int(data)) and not within_bounds(value):
            return _second_opinion(data, allow_slow)
        return value

    return Engine("bencode2", decode_fast, bencode2.bencode)


def _second_opinion(data: bytes, allow_slow: bool) -> Value:
    if not allow_slow:
        raise DecodeError("slow-decode-budget")
    return _bounded(data)


BENCODE_PY = Engine("bencode.py", decode_bounded, LeanEncoder().encode)
_fast = find_bencode2()
ENGINES: tuple[Engine, ...] = (BENCODE_PY,) if _fast is None else (_fast, BENCODE_PY)
"""What is installed, the fastest first. Tests and benchmarks name one; everybody else calls
`decode` and `encode`.
"""

ENGINE, decode, encode = ENGINES[0]
