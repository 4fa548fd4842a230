"""Both engines of bencode give the same value or the same reason for a hundred thousand damaged
messages (fewer in the default run).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from kadisc.endpoints import Endpoint
from kadisc.errors import DecodeError
from kadisc.wire import bencode, decoding, krpc
from kadisc.wire.bencode import CodecEngine
from kadisc.wire.items import Item
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    InfoHashSamples,
    Message,
    Ping,
    Put,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)

# --- Sound messages of every kind -----------------------------------------------------------------


def sound_messages(rng: random.Random) -> list[Message]:
    tid = rng.randbytes(4)
    version = rng.choice((None, b"KD\0\1"))
    sender = rng.getrandbits(160)
    target = rng.getrandbits(160)
    want = rng.choice((None, frozenset((b"n4",)), frozenset((b"n4", b"n6"))))
    seen_as = rng.choice((None, Endpoint(rng.randbytes(6)), Endpoint(rng.randbytes(18))))
    values = [Endpoint(rng.randbytes(6)) for _ in range(rng.randrange(30))]
    value = rng.choice((b"12:Hello World!", b"d1:ai1e1:bl1:xee", b"i-7e"))
    mutable = Item(value, rng.randbytes(32), b"salt", 5, rng.randbytes(64))
    return [
        Ping(tid, sender, version=version, read_only=True),
        FindNode(tid, sender, target, want, version=version),
        GetPeers(tid, sender, target, want, version=version),
        AnnouncePeer(tid, sender, target, 6881, rng.randbytes(8), True, version=version),
        UnknownQuery(tid, sender, b"vote", target, want, version=version),
        SampleInfohashes(tid, sender, target, want, version=version),
        Get(tid, sender, target, rng.choice((None, 7)), want, version=version),
        Put(
            tid,
            sender,
            rng.randbytes(8),
            rng.choice((Item(value), mutable)),
            rng.choice((None, 7)),
            version=version,
        ),
        Reply(
            tid,
            sender,
            rng.randbytes(3 * 26),
            token=rng.randbytes(8),
            held=mutable.fields(),
            version=version,
        ),
        Reply(
            tid,
            sender,
            rng.randbytes(3 * 26),
            samples=InfoHashSamples(3600, 2, rng.randbytes(40)),
            version=version,
        ),
        Reply(tid, sender, seen_as=seen_as, version=version),
        Reply(
            tid,
            sender,
            rng.randbytes(8 * 26),
            rng.randbytes(2 * 38),
            seen_as=seen_as,
            version=version,
        ),
        Reply(tid, sender, None, None, values, rng.randbytes(8), version=version),
        Error(tid, 203, "bad", version, seen_as),
    ]


# --- Damage ---------------------------------------------------------------------------------------

Damage: TypeAlias = Callable[[random.Random, bytes, bytes], bytes]
"""Makes a damaged message from one message and another one."""

SNIPPETS = [
    b"d0:0:-5:", b"d0:0:e", b"0:", b"1:x", b"01:x", b"1 :x", b"+1:x", b"-1:x", b"1_0:abcdefghij",
    b"999999999999999999:", b"18446744073709551617:", b"i0e", b"i-1e", b"i-0e", b"i05e", b"i+5e",
    b"i5_0e", b"i e", b"ie", b"i-e", b"i9223372036854775807e", b"i9223372036854775808e",
    b"i-9223372036854775808e", b"i-9223372036854775809e", b"i99999999999999999999999e", b"le",
    b"de", b"d1:bi1e1:ai2ee", b"d1:ai1e1:ai2ee", b"d1:bi0e1:ai0e1:bi0ee", b"d1:ai1e2:aai2ee",
    b"l" * 9 + b"e" * 9, b"l" * 10 + b"e" * 10, b"d1:a" * 8 + b"1:b" + b"e" * 8, b"d1:a" * 12,
    b"e", b"d", b"l", b"i", b":", b"\0", b"\xff", b"1:i1:i", b"eeeeeeeeeeee",
    b"li1ei2ei3ei4ei5ei6ei7ei8ei9ei0ee",
]  # fmt: skip


def flip_bit(rng: random.Random, data: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]


def set_byte(rng: random.Random, data: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes((rng.choice(b"dlie:-+0159 _\0\xff"),)) + data[at + 1 :]


def truncate(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def cut_out(rng: random.Random, data: bytes, other: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randint(1, 12) :]


def repeat_a_piece(rng: random.Random, data: bytes, other: bytes) -> bytes:
    start = rng.randrange(len(data))
    end = start + rng.randint(1, 40)
    return data[:end] + data[start:end] + data[end:]


def splice(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def insert_snippet(rng: random.Random, data: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(SNIPPETS) + data[at:]


def append(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data + rng.choice((b"\n", b"e", b"de", b"0:", other))


def edit_length(rng: random.Random, data: bytes, other: bytes) -> bytes:
    lengths = list(re.finditer(rb"\d+:", data))
    if not lengths:
        return data
    found = rng.choice(lengths)
    number = int(found[0][:-1])
    new = rng.choice(
        (
            b"%d" % (number + 1),
            b"%d" % max(number - 1, 0),
            b"0%d" % number,
            b"-%d" % number,
            b"%d " % number,
            b"",
            b"9" * 19,
        )
    )
    return data[: found.start()] + new + data[found.end() - 1 :]


# These keep the bencode sound, and change the content.


def nested(rng: random.Random, depth: int) -> bytes:
    inner = rng.choice(SNIPPETS)
    for _ in range(depth):
        inner = rng.choice((b"l%be", b"d1:a%be", b"d1:ai1e1:b%be", b"l1:x%b1:ye")) % inner
    return inner


def extra_entry(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """One more entry at the end of the top dict: sorted, unsorted or a duplicate, and deep or
    not.
    """
    key = rng.choice((b"1:z", b"2:yy", b"1:a", b"1:t", b"0:"))
    return data[:-1] + key + nested(rng, rng.choice((0, 0, 1, 3, 7, 8, 9, 10, 12))) + b"e"


def shuffled(rng: random.Random, value: Any) -> bytes:
    """Bencoded with keys in any order, as some clients do."""
    if isinstance(value, dict):
        keys = rng.sample(sorted(value), len(value))
        return (
            b"d" + b"".join(shuffled(rng, key) + shuffled(rng, value[key]) for key in keys) + b"e"
        )
    if isinstance(value, list):
        return b"l" + b"".join(shuffled(rng, item) for item in value) + b"e"
    return b"i%de" % value if isinstance(value, int) else b"%d:%b" % (len(value), value)


def reorder(rng: random.Random, data: bytes, other: bytes) -> bytes:
    try:
        return shuffled(rng, bencode.BENCODE_PY.decode(data))
    except DecodeError:
        return data


OTHER_VALUES: tuple[Any, ...] = (
    *(0, 1, -1, b"", b"q", b"r", b"e", bytes(20), bytes(26)),
    *([], [1], [b"n4"], {}, {b"id": bytes(20)}),
)


def swap_field(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A field of the message gets another type or value."""
    try:
        value = bencode.BENCODE_PY.decode(data)
    except DecodeError:
        return data
    if not isinstance(value, dict) or not value:
        return data
    inside = [inner for inner in value.values() if isinstance(inner, dict) and inner]
    fields = rng.choice([value, *inside])
    fields[rng.choice(sorted(fields))] = rng.choice(OTHER_VALUES)
    return bencode.BENCODE_PY.encode(value)


BREAKING: tuple[Damage, ...] = (
    flip_bit,
    set_byte,
    truncate,
    cut_out,
    repeat_a_piece,
    splice,
    insert_snippet,
    append,
    edit_length,
)
TWISTING: tuple[Damage, ...] = (extra_entry, reorder, swap_field)


def damaged(rng: random.Random, pool: list[bytes]) -> bytes:
    data = rng.choice(pool)
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        if data:
            data = rng.choice(rng.choice((BREAKING, TWISTING)))(rng, data, rng.choice(pool))
    return data


# --- The engines side by side ---------------------------------------------------------------------


def outcome(engine: CodecEngine, data: bytes, *, allow_slow: bool) -> tuple[str, Any]:
    try:
        return "value", engine.decode(data, allow_slow=allow_slow)
    except DecodeError as error:
        return "refused", error.reason


def verdict(data: bytes) -> str:
    try:
        return type(krpc.decode(data)).__name__
    except DecodeError as error:
        assert error.reason in decoding.DROP_REASONS
        return error.reason


@pytest.mark.skipif(
    len(bencode.ENGINES) < 2, reason="bencode2 is not installed: there is only one engine"
)
@pytest.mark.parametrize("messages", [20_000, pytest.param(100_000, marks=pytest.mark.real)])
def test_both_engines_give_the_same_results(messages: int) -> None:
    rng = random.Random(2024)
    pool = [krpc.encode(message) for _ in range(30) for message in sound_messages(rng)]
    first, second = bencode.ENGINES
    decoded = unsorted = 0
    verdicts: Counter[str] = Counter()
    for number in range(messages):
        data = damaged(rng, pool)
        result = outcome(first, data, allow_slow=True)
        assert result == outcome(second, data, allow_slow=True), data
        without_slow = outcome(first, data, allow_slow=False)
        assert without_slow == outcome(second, data, allow_slow=False), data
        if result[0] == "value":
            decoded += 1
            unsorted += without_slow != result
        if number % 5 == 0:
            verdicts[verdict(data)] += 1
    # The damage covers all outcomes: neither values nor refusals are rare, and every reason and
    # kind of message occurs.
    assert messages / 4 < decoded < messages / 2
    assert unsorted > messages / 50
    expected = {
        *bencode.REASONS,
        "bad-tid",
        "bad-type",
        "bad-method",
        "bad-arguments",
        "bad-id",
        "bad-reply",
        "bad-nodes",
        "bad-error",
    }
    expected |= {"Ping", "FindNode", "GetPeers", "AnnouncePeer", "UnknownQuery", "Reply", "Error"}
    # Bytes after a message are ignored; only bencode alone refuses them.
    assert expected - {"slow-decode-budget", "trailing-data"} <= set(verdicts)
