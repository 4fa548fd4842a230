"""Bencode (BEP 3) decoded and encoded, hardened. Only this module knows which library does the
work.

There are two engines with one grammar. ``bencode2`` (compiled, the ``speed`` extra) is some fifteen
times faster, but refuses dicts whose keys are not sorted, which real clients send, and accepts
nesting a thousand deep. ``bencode.py`` is always installed, but its stock decoder must never see a
datagram: 4.1.0 hangs for ever on the 8 bytes ``d0:0:-5:``, where the negative length moves its
cursor backwards, and it accepts ``i+5e``, ``i5_0e``, ``1 :a`` and duplicate keys. `BoundedDecoder`
replaces each of its parsing steps by a strict one.

Both engines accept:

- a string whose length is digits only, without leading zeros, and which is complete;
- an int that is ``0`` or digits without leading zeros after an optional minus, within signed 64
  bits;
- a dict whose keys are strings, none twice, in any order, because some clients do not sort;
- at most `MAX_DEPTH` nested containers, and nothing after the value (`decode_any_int` takes what
  follows a message, and says how long it is).

Every refusal takes its reason from `BoundedDecoder`, so that the counters do not depend on the
engine. The caller must bound the length of the input: time and memory are linear in it.
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
"""How deep containers may be nested; a KRPC message needs 3, a signed peer record in one 4."""
MIN_INT = -(1 << 63)
"""The least int: signed 64 bits, as with `MAX_INT`."""
MAX_INT = (1 << 63) - 1
"""The greatest int. Signed 64 bits are the widest int of any BEP (the ``seq`` of BEP 44), and the
widest that a database column or a JSON reader holds.
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
    "slow-decode-budget",  # not canonical, and the caller does not allow the slow decoder
)
"""Every ``DecodeError.reason`` of this module."""


class Decode(Protocol):
    """``allow_slow=False`` accepts sorted dicts only, and refuses all else at once as
    ``slow-decode-budget``.

    Unsorted and broken input costs a pass of the slow decoder. A caller with a budget calls with
    ``allow_slow=False`` first, and on that reason `decode_any_int`, if the budget allows it. Both
    engines then accept, refuse and charge alike.
    """

    def __call__(self, data: bytes, *, allow_slow: bool = True) -> Value: ...


class CodecEngine(NamedTuple):
    name: str
    decode: Decode
    encode: Callable[[Value], bytes]


_LENGTHS = {b"%d" % n: n for n in range(1024)}
"""The canonical short lengths: one look-up replaces a check for digits, a check for zeros and a
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
        # The frame dispatches on the byte (b"" at the end of the input). With an entry for each
        # byte, no look-up can fail.
        for byte in range(256):
            self.decode_func.setdefault(bytes((byte,)), self.decode_other)
        self.decode_func[b""] = self.decode_nothing

    def decode(self, value: bytes) -> Value:
        """The one value in the input; raises DecodeError with one of `REASONS`."""
        result, end = self.decode_first(value)
        if end != len(value):
            raise DecodeError("trailing-data")
        return result

    def decode_first(self, data: bytes) -> tuple[Value, int]:
        """The value that the input begins with, and where it ends; raises DecodeError."""
        result: Value
        result, end = self.decode_func[data[:1]](data, 0)
        return result, end

    def decode_nothing(self, x: bytes, f: int, depth: int = 0) -> tuple[Value, int]:
        raise DecodeError("truncated")

    def decode_other(self, x: bytes, f: int, depth: int = 0) -> tuple[Value, int]:
        raise DecodeError("bad-prefix")

    def decode_int(self, x: bytes, f: int, depth: int = 0) -> tuple[int, int]:
        match = _CANONICAL_INT(x, f)
        if match is None:
            raise DecodeError("bad-int")
        digits = match[1]
        if len(digits) <= _MAX_INT_DIGITS + 1 and MIN_INT <= (number := int(digits)) <= MAX_INT:
            return number, match.end()
        if not self.any_int:
            raise DecodeError("int-range")
        return MAX_INT + 1, match.end()

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
            # A truncated key needs no check, because no value follows it. A duplicate key is not
            # greater than the greatest key so far.
            if key > greatest or not entries:
                greatest = key
            elif key in entries:
                raise DecodeError("duplicate-key")
            elif self.sorted_only:
                raise DecodeError("slow-decode-budget")
            entries[key], f = decode_func[x[f : f + 1]](x, f, depth + 1)
        return entries, f + 1


def _long_length(x: bytes, f: int, colon: int) -> int:
    """A length that is not in the table: malformed, or more than a datagram holds. The grammar is
    the same for inputs of any length.
    """
    if colon < 0 or _CANONICAL_LENGTH(x[f:colon]) is None:
        raise DecodeError("bad-length")
    return int(x[f:colon])


class LeanEncoder(BencodeEncoder):  # type: ignore[misc]
    """The encoder of bencode.py, in half the time: nearly all of a message is strings in dicts,
    which are written here without a call for each.
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
    """The engine that is always installed: `BoundedDecoder`."""
    if allow_slow:
        return _bounded(data)
    try:
        return _bounded_sorted(data)
    except DecodeError:
        raise DecodeError("slow-decode-budget") from None


_any_int = BoundedDecoder(any_int=True).decode_first


def decode_any_int(data: bytes) -> tuple[Value, bool, int]:
    """One pass of the slow decoder, whatever the engine, for a value that bytes may follow. Returns
    the value; whether an int in it is beyond 64 bits, because a caller that must answer such a
    message has its transaction ID without another pass; and the number of bytes after the value.
    """
    value, end = _any_int(data)
    is_beyond = _perhaps_long_int(data) is not None and not within_bounds(value)
    return value, is_beyond, len(data) - end


def within_bounds(value: Value) -> bool:
    """Whether a decoded value is within `MAX_DEPTH` and the int range. It goes level by level,
    because it guards against deep recursion.
    """
    level: list[Value] = [value]
    for _ in range(MAX_DEPTH + 1):
        containers: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is int:
                if not MIN_INT <= item <= MAX_INT:  # type: ignore[operator]  # it is an int
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


def find_bencode2() -> CodecEngine | None:
    """The fast engine, if its compiled form is installed. Its Python form is no faster than
    bencode.py and recurses too deep.
    """
    try:
        import bencode2
    except ImportError:
        return None
    if not bencode2.COMPILED:
        return None
    bdecode = bencode2.bdecode

    def decode_fast(data: bytes, *, allow_slow: bool = True) -> Value:
        try:
            value: Value = bdecode(data)
        except ValueError:  # a BencodeDecodeError, or an int of thousands of digits
            return _second_opinion(data, allow_slow)
        # A check of each value would cost as much as the decoding; two scans of 0.1 us do instead.
        # Each container ends in an "e": with no more of them than MAX_DEPTH, as in nearly all
        # messages, the value is not too deep. An int out of range is a long run of digits.
        if (data.count(b"e") > MAX_DEPTH or _perhaps_long_int(data)) and not within_bounds(value):
            return _second_opinion(data, allow_slow)
        return value

    return CodecEngine("bencode2", decode_fast, bencode2.bencode)


def _second_opinion(data: bytes, allow_slow: bool) -> Value:
    if not allow_slow:
        raise DecodeError("slow-decode-budget")
    return _bounded(data)


BENCODE_PY = CodecEngine("bencode.py", decode_bounded, LeanEncoder().encode)
_fast = find_bencode2()
ENGINES: tuple[CodecEngine, ...] = (BENCODE_PY,) if _fast is None else (_fast, BENCODE_PY)
"""The installed engines, the fastest first. Tests and benchmarks name one; all other modules call
`decode` and `encode`.
"""

ENGINE, decode, encode = ENGINES[0]
