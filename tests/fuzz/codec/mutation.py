"""Random changes of inputs: of bytes, of bencode and of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from kadisc.conformance.datagrams import Pairs, write
from kadisc.errors import DecodeError
from kadisc.wire import bencode

Change = Callable[[bytearray, Random], None]

NUMBERS = (
    *(-1, 0, 1, 2, 15, 16, 17, 127, 128, 255, 256, 1000, 1023, 1024, 32_767, 65_535, 65_536),
    *((1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63),
    *(-(1 << 63), -(1 << 63) - 1, (1 << 64) - 1, 1 << 64, 10**30),
)
"""Numbers at which readers change their mind."""
_DIGITS = re.compile(rb"[0-9]+")


# --- bytes ----------------------------------------------------------------------------------------


def _flip(data: bytearray, rng: Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(data: bytearray, rng: Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _insert(data: bytearray, rng: Random) -> None:
    at = rng.randint(0, len(data))
    data[at:at] = rng.randbytes(rng.randint(1, 8))


def _remove(data: bytearray, rng: Random) -> None:
    start = rng.randint(0, len(data))
    del data[start : start + rng.randint(1, 16)]


def _repeat(data: bytearray, rng: Random) -> None:
    start = rng.randint(0, len(data))
    data[start:start] = data[start : start + rng.randint(1, 64)] * rng.choice((1, 1, 2, 30))


def _move(data: bytearray, rng: Random) -> None:
    start = rng.randint(0, len(data))
    part = data[start : start + rng.randint(1, 32)]
    del data[start : start + len(part)]
    at = rng.randint(0, len(data))
    data[at:at] = part


def _cut(data: bytearray, rng: Random) -> None:
    del data[rng.randint(0, len(data)) :]


def _number(data: bytearray, rng: Random) -> None:
    found = list(_DIGITS.finditer(data))
    if found:
        match = rng.choice(found)
        data[match.start() : match.end()] = b"%d" % rng.choice(NUMBERS)


_CHANGES: Sequence[Change] = (_flip, _set, _insert, _remove, _repeat, _move, _cut, _number)


class Mutator:
    """``tokens``: byte strings to put in; ``structure``: how the structure of an input changes."""

    def __init__(
        self,
        rng: Random,
        tokens: Sequence[bytes],
        structure: Callable[[bytes, Random], bytes] | None,
        max_bytes: int,
    ) -> None:
        self._rng = rng
        self._tokens = tokens
        self._structure = structure
        self._max_bytes = max_bytes

    def mutated(self, data: bytes, other: bytes) -> bytes:
        """Another input, made of one input and a part of another one."""
        rng = self._rng
        if self._structure is not None and rng.random() < 0.6:
            data = self._structure(data, rng)
            if rng.random() < 0.7:
                return data[: self._max_bytes]
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 2, 4, 8))):
            kind = rng.random()
            if kind < 0.15 and self._tokens:
                at = rng.randint(0, len(changed))
                end = at + rng.choice((0, 0, 1, 4))
                changed[at:end] = rng.choice(self._tokens)
            elif kind < 0.25 and other:
                start = rng.randrange(len(other))
                at = rng.randint(0, len(changed))
                changed[at : at + rng.choice((0, 0, 16))] = other[
                    start : start + rng.randint(1, 64)
                ]
            else:
                rng.choice(_CHANGES)(changed, rng)
        return bytes(changed[: self._max_bytes])


# --- trees ----------------------------------------------------------------------------------------


def _places(tree: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Each container with each key or index in it."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    for key in keys:
        found.append((tree, key))
        if isinstance(tree[key], dict | list):
            _places(tree[key], found)
    return found


def _change_tree(tree: Any, rng: Random, leaf: Callable[[Any, Random], Any]) -> None:
    """Changes one place of a tree of dicts and lists."""
    places = _places(tree, [])
    if not places:
        return
    container, key = rng.choice(places)
    other_container, other_key = rng.choice(places)
    other = other_container[other_key]
    kind = rng.randrange(8)
    if kind == 0:
        del container[key]
    elif kind == 1:
        container[key] = other if not isinstance(other, dict | list) else rng.choice(([], {}))
    elif kind == 2 and isinstance(container, list):
        container.insert(key, leaf(container[key], rng))
    elif kind == 2:
        names = [each for other_tree, each in places if isinstance(other_tree, dict)]
        container[rng.choice(names)] = leaf(container[key], rng)
    elif kind == 3:
        depth = rng.choice((1, 2, 7, 8, 9, 12))
        value = container[key]
        for _ in range(depth):
            value = [value]
        container[key] = value
    else:
        container[key] = leaf(container[key], rng)


# --- bencode --------------------------------------------------------------------------------------

_SIZES = (0, 1, 3, 4, 6, 8, 16, 18, 19, 20, 21, 26, 32, 38, 52, 64, 65, 129, 260)


def _bencode_leaf(value: Any, rng: Random) -> Any:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.randbytes(rng.choice(_SIZES))
    if kind == 2:
        return rng.choice(([], {}, [b""], {b"": b""}, [0, b"x"]))
    if isinstance(value, bytes) and kind == 3:
        return value[: rng.choice(_SIZES)]
    if isinstance(value, bytes) and kind == 4:
        return (value * 2)[: rng.choice(_SIZES)]
    if isinstance(value, int):
        return value + rng.choice((-1, 1))
    if isinstance(value, bytes):
        return bytes(value[:-1]) + rng.randbytes(1)
    return value


def _disordered(value: Any, rng: Random) -> Any:
    """The value with dicts whose keys are not sorted, or stand there twice."""
    if isinstance(value, dict):
        pairs = [(key, _disordered(inner, rng)) for key, inner in sorted(value.items())]
        if rng.random() < 0.5:
            rng.shuffle(pairs)
        if pairs and rng.random() < 0.1:
            pairs.append(rng.choice(pairs))
        return Pairs(pairs)
    if isinstance(value, list):
        return [_disordered(inner, rng) for inner in value]
    return value


def mutate_bencode(data: bytes, rng: Random) -> bytes:
    """Changes the first value in the input, if there is one."""
    try:
        tree, _, _ = bencode.decode_any_int(data)
    except DecodeError:
        return data
    if not isinstance(tree, dict | list):
        return data
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _change_tree(tree, rng, _bencode_leaf)
    kind = rng.random()
    if kind < 0.1:
        return write(_disordered(tree, rng))
    if kind < 0.13:
        return write(tree) + rng.randbytes(rng.randint(1, 4))
    return write(tree)


def bencoded(value: Any) -> bytes:
    """Any value, also one that no engine would write."""
    return write(value)


# --- JSON -----------------------------------------------------------------------------------------

_TEXTS = (
    *("", "0", "x" * 70, "x" * 300, "\x1b[2J", "\u202e", "\ud800", "\U0001f600", "a\nb", "NaN"),
    *("1.2.3.4:6881", "[2001:db8::1]:6881", "[::ffff:1.2.3.4]:1", "1.2.3.4:0", "0x", "0xabcd"),
    *("00" * 20, "ff" * 32, "zz" * 32, "00" * 33, "g", "null", "../../etc/passwd", "%s%n", "tried"),
)
_FLOATS = (0.0, -0.0, -1.0, 0.5, 1e-320, 1e18, 1e19, 1e308, float("inf"), float("-inf"))


def _json_leaf(value: Any, rng: Random) -> Any:
    kind = rng.randrange(7)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice(_FLOATS + (float("nan"),))
    if kind == 2:
        return rng.choice((None, True, False, [], {}, [None], {"": None}))
    if kind == 3 or not isinstance(value, str):
        return rng.choice(_TEXTS)
    if kind == 4:
        return value + value
    at = rng.randint(0, len(value))
    return value[:at] + rng.choice(_TEXTS) + value[at + rng.choice((0, 1)) :]


def mutate_json(data: bytes, rng: Random) -> bytes:
    """Changes a JSON document, if the input is one."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return data
    if not isinstance(tree, dict | list):
        return data
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _change_tree(tree, rng, _json_leaf)
    return json.dumps(tree, ensure_ascii=rng.random() < 0.9).encode("utf-8", "surrogatepass")


def mutate_json_lines(data: bytes, rng: Random) -> bytes:
    """Changes one line of several, each a JSON document; or drops, repeats or moves lines."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    kind = rng.random()
    if kind < 0.75:
        lines[at] = mutate_json(lines[at], rng)
    elif kind < 0.85:
        lines.insert(rng.randint(0, len(lines)), lines[at])
    elif kind < 0.95:
        del lines[at]
    else:
        rng.shuffle(lines)
    return b"\n".join(lines)
