"""The envelope of answers: transaction ids, bencode, version, and the querier's address."""

from __future__ import annotations

import secrets

from ...endpoints import Scope, format_endpoint, scope_of
from ...wire.compact import endpoint_from
from .. import datagrams
from ..case import Case
from ..probe import ConformanceProbe
from ..verdict import Failed, Warned


async def _echoes(probe: ConformanceProbe, lengths: tuple[int, ...]) -> str:
    for length in lengths:
        tid = secrets.token_bytes(length)
        answer = await probe.ask("ping", tid=tid)
        if answer is None:
            others = [
                envelope.get(b"t") for _, envelope in probe.asker.strays if envelope is not None
            ]
            instead = f"; what came back had t = {others[-1]!r}" if others else ""
            raise Failed(f"a t of {length} bytes ({tid.hex()}) was not echoed{instead}")
    return f"echoed t of {', '.join(map(str, lengths))} bytes"


async def tid_short(probe: ConformanceProbe) -> str:
    return await _echoes(probe, (1, 2, 4))


async def tid_long(probe: ConformanceProbe) -> str:
    return await _echoes(probe, (16, 32))


async def tids_at_once(probe: ConformanceProbe) -> str:
    """Each query gets one answer, with its own transaction id."""
    tids = [secrets.token_bytes(2) for _ in range(3)]
    before = len(probe.asker.strays)
    for tid in tids:
        if await probe.ask("ping", tid=tid) is None:
            raise Failed(f"no answer for t = {tid.hex()}")
    await probe.alive(after="3 pings")
    strays = [
        envelope
        for _, envelope in probe.asker.strays[before:]
        if envelope is not None and envelope.get(b"t") in tids
    ]
    if strays:
        raise Failed(f"{len(strays)} answers more than queries")
    return "3 queries, 3 answers"


async def envelope(probe: ConformanceProbe) -> str:
    answer = await probe.ask("ping")
    if answer is None:
        raise Failed("no answer to ping")
    if answer.envelope.get(b"y") != b"r" or answer.body is None:
        raise Failed(f"a ping was answered with {answer.words()}")
    return "t, y = r and a dict r"


async def bencode_sorted(probe: ConformanceProbe) -> str:
    target = secrets.token_bytes(20)
    for _, answer in (
        await probe.reply("ping"),
        await probe.reply("find_node", target=target),
        await probe.reply("get_peers", info_hash=target),
    ):
        if datagrams.write(answer.envelope) != answer.raw:
            raise Failed(f"a reply with keys that are not sorted: {answer.raw[:60]!r}...")
    return "ping, find_node and get_peers answered with sorted keys"


async def version(probe: ConformanceProbe) -> str:
    _, answer = await probe.reply("ping")
    told = answer.envelope.get(b"v")
    if told is None:
        raise Warned("no v: the client is unknown")
    if type(told) is not bytes or len(told) != 4:
        raise Failed(f"v = {told!r} is not 4 bytes")
    return f"v = {told!r}"


async def own_address(probe: ConformanceProbe) -> str:
    _, answer = await probe.reply("ping")
    told = answer.envelope.get(b"ip")
    if told is None:
        raise Warned("no ip: a querier does not learn its own address")
    seen = endpoint_from(told)
    if seen is None:
        raise Failed(f"ip = {told!r} is not 6 or 18 bytes")
    here = probe.asker.endpoint
    behind_nat = scope_of(here) is Scope.PRIVATE and scope_of(probe.target) is Scope.PUBLIC
    if seen != here and not behind_nat:
        raise Failed(f"ip = {format_endpoint(seen)}, queried from {format_endpoint(here)}")
    return f"ip = {format_endpoint(seen)}"


CASES = (
    Case("envelope", "BEP 5", "a ping is answered with t, y = r and a dict r", envelope),
    Case(
        "tid-short",
        "BEP 5",
        "transaction ids of 1, 2 and 4 bytes are echoed byte for byte",
        tid_short,
    ),
    Case(
        "tid-long",
        "BEP 5",
        "transaction ids of 16 and 32 bytes are echoed: BEP 5 calls them short, and has no limit",
        tid_long,
    ),
    Case(
        "tids-at-once",
        "BEP 5",
        "each query gets one answer, with its own transaction id",
        tids_at_once,
    ),
    Case(
        "bencode-sorted",
        "BEP 3",
        "answers are canonical bencode: the keys of dicts are sorted",
        bencode_sorted,
    ),
    Case("version", "BEP 5", "v names the client in 4 bytes", version),
    Case(
        "own-address",
        "BEP 42",
        "ip is the endpoint that the query came from, in 6 or 18 bytes",
        own_address,
    ),
)
