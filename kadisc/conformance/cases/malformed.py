"""Datagrams that are no valid message. The node may drop each or answer with an error, and must
answer a ping afterwards.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from .. import datagrams
from ..case import Case
from ..datagrams import Pairs, Raw
from ..probe import ConformanceProbe
from ..verdict import Failed, Warned


def _ping(probe: ConformanceProbe, tid: bytes, **extra: Any) -> datagrams.Fields:
    more = {key.encode(): value for key, value in extra.items()}
    return {
        b"a": {b"id": probe.asker.node_id},
        b"q": b"ping",
        b"t": tid,
        b"y": b"q",
        b"ro": 1,
        **more,
    }


async def _survives(probe: ConformanceProbe, what: str, *payloads: bytes) -> str:
    """None of the payloads gets a reply, and a ping afterwards does."""
    before = len(probe.asker.strays)
    for payload in payloads:
        await probe.send(payload)
    await probe.alive(after=what)
    answers = [envelope for _, envelope in probe.asker.strays[before:] if envelope is not None]
    if any(envelope.get(b"y") == b"r" for envelope in answers):
        raise Failed(f"{what} got a reply")
    got = f"{len(answers)} of {len(payloads)} got an error" if answers else "no answer"
    return f"{what}: {got}, alive afterwards"


async def _tolerates(probe: ConformanceProbe, what: str, payload: bytes) -> str:
    """Like `_survives`, but a reply gives a warning only: it does no harm."""
    try:
        return await _survives(probe, what, payload)
    except Failed as failed:
        if "got a reply" in str(failed):
            raise Warned(f"{what}: answered with a reply") from None
        raise


async def truncated(probe: ConformanceProbe) -> str:
    whole = datagrams.write(_ping(probe, b"cut"))
    return await _survives(
        probe,
        "a ping truncated at 4 places",
        *(whole[:end] for end in (1, 12, len(whole) // 2, len(whole) - 1)),
    )


async def garbage(probe: ConformanceProbe) -> str:
    return await _survives(
        probe,
        "random bytes",
        *(secrets.token_bytes(length) for length in (1, 20, 300)),
        b"\0" * 100,
    )


async def empty(probe: ConformanceProbe) -> str:
    return await _survives(probe, "an empty datagram", b"")


async def negative_length(probe: ConformanceProbe) -> str:
    return await _survives(probe, "d0:0:-5:", b"d0:0:-5:", b"d1:t-1:e", b"d1:ad2:id-20:ee")


async def deep_nesting(probe: ConformanceProbe) -> str:
    deep = [Raw(b"l" * depth + b"e" * depth) for depth in (100, 700)]
    # Not closed as well: there a recursive decoder goes deepest.
    return await _survives(
        probe,
        "lists 700 deep",
        *(datagrams.write([inner]) for inner in deep),
        b"d1:a" + b"l" * 1400,
        b"d1:a" * 300,
    )


async def huge_ints(probe: ConformanceProbe) -> str:
    digits = b"9" * 1000
    payloads = [
        b"i" + digits + b"e",
        b"d1:t" + digits + b":ae",
        datagrams.write({b"t": b"hi", b"y": b"q", b"q": b"ping", b"a": Raw(b"i" + digits + b"e")}),
    ]
    return await _survives(probe, "ints and lengths of 1,000 digits", *payloads)


async def no_dict(probe: ConformanceProbe) -> str:
    return await _survives(
        probe,
        "values that are no dict",
        b"le",
        b"i1e",
        b"4:ping",
        datagrams.write([_ping(probe, b"nd")]),
    )


async def wrong_types(probe: ConformanceProbe) -> str:
    bad = [
        _ping(probe, b"w1", a=[]),
        _ping(probe, b"w2", a=7),
        _ping(probe, b"w3", q=7),
        _ping(probe, b"w4", y=[b"q"]),
        _ping(probe, b"w5", a={b"id": 7}),
        _ping(probe, b"w6", a={b"id": [probe.asker.node_id]}),
        {b"t": b"w7", b"y": b"r", b"r": []},
        {b"t": b"w8", b"y": b"e", b"e": {}},
    ]
    return await _survives(probe, "fields of the wrong type", *map(datagrams.write, bad))


async def fields_missing(probe: ConformanceProbe) -> str:
    bad = []
    for missing in (b"y", b"q", b"a"):
        fields = _ping(probe, b"m" + missing)
        del fields[missing]
        bad.append(datagrams.write(fields))
    return await _survives(probe, "no y, no q or no a", *bad, b"de")


async def duplicate_keys(probe: ConformanceProbe) -> str:
    fields = Pairs((*sorted(_ping(probe, b"du").items()), (b"y", b"q")))
    return await _tolerates(probe, "a ping with y twice", datagrams.write(fields))


async def trailing_data(probe: ConformanceProbe) -> str:
    what, ping = "a ping with bytes after its end", datagrams.write(_ping(probe, b"tr"))
    try:
        return await _survives(probe, what, ping + b"garbage")
    except Failed as failed:
        if "got a reply" not in str(failed):
            raise
    return f"{what}: answered with a reply"


async def oversized(probe: ConformanceProbe) -> str:
    return await _tolerates(
        probe, "a ping of 4,000 bytes", datagrams.write(_ping(probe, b"ov", x=b"x" * 3900))
    )


async def unsorted_keys(probe: ConformanceProbe) -> str:
    tid = secrets.token_bytes(4)
    payload = datagrams.write(Pairs(sorted(_ping(probe, tid).items(), reverse=True)))
    answer = await probe.exchange(payload, tid)
    if answer is None or answer.body is None:
        said = "no answer" if answer is None else answer.words()
        raise Failed(f"a ping with unsorted keys: {said}; real clients send these")
    return "a ping with unsorted keys was answered"


async def unknown_fields(probe: ConformanceProbe) -> str:
    tid = secrets.token_bytes(4)
    answer = await probe.exchange(
        datagrams.write(_ping(probe, tid, zz={b"new": [1, 2, b"three"]})), tid
    )
    if answer is None or answer.body is None:
        said = "no answer" if answer is None else answer.words()
        raise Failed(f"a ping with an unknown field: {said}")
    return "a ping with an unknown field was answered"


CRASHING = ("negative-length", "deep-nesting", "huge-ints")
"""Cases at which decoders of real nodes have hung or crashed: such a node does not recover."""
Run = Callable[[ConformanceProbe], Awaitable[str]]
_SURVIVES: tuple[tuple[str, str, Run], ...] = (
    ("empty", "an empty datagram does no harm", empty),
    ("truncated", "a truncated message is no message", truncated),
    ("garbage", "random bytes are no message", garbage),
    ("negative-length", "a negative length neither hangs nor crashes the decoder", negative_length),
    ("deep-nesting", "deeply nested lists or dicts do not crash the decoder", deep_nesting),
    ("huge-ints", "ints and lengths of any size do not crash the decoder", huge_ints),
    ("no-dict", "a message is a dict", no_dict),
    ("wrong-types", "a field of the wrong type does no harm", wrong_types),
    ("fields-missing", "a message without y, q or a does no harm", fields_missing),
    ("duplicate-keys", "a dict with a key twice is not canonical", duplicate_keys),
    ("trailing-data", "bytes after the message do no harm", trailing_data),
    ("oversized", "a datagram larger than any message does no harm", oversized),
)
CASES = (
    Case(
        "unsorted-keys",
        "practice",
        "unsorted keys are accepted: some clients do not sort",
        unsorted_keys,
    ),
    Case("unknown-fields", "BEP 5", "unknown fields are ignored", unknown_fields),
    *(
        Case(name, "practice", proves, run)
        for name, proves, run in _SURVIVES
        if name not in CRASHING
    ),
)
CRASH_CASES = tuple(
    Case(name, "practice", proves, run, destructive=True)
    for name, proves, run in _SURVIVES
    if name in CRASHING
)
