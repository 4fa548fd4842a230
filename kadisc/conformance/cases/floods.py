"""What passes the limits of a node. Each case floods it, from an address of its own, so that the
other cases are not held back by what the node thinks of that address afterwards.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import trio

from ...wire.error_codes import PROTOCOL
from .. import datagrams
from ..case import Case
from ..probe import Answered, Asker, ConformanceProbe, Flood, ReceivedQuery
from ..verdict import Failed, Skipped, Warned
from .tokens import PORT, token_for

FLOOD = Flood()
MORE_THAN = 2.0
"""A flood that passes a limit is answered more than this many times as often as one that does not.
"""
MARGIN = 20
"""Answers; a limit that counts by the second differs by some between two floods."""
MAX_WAIT_STEPS = 30
TOKEN_PLACE, PLAIN_TOKEN_PLACE, PLAIN_PLACE, AWAITED_PLACE = -1, -2, -3, -4
"""The source addresses of the floods, counted from the last one: a node may ban each of them."""


def _find_node(asker: Asker) -> Callable[[], bytes]:
    def make() -> bytes:
        arguments = {b"id": asker.node_id, b"target": secrets.token_bytes(20)}
        return datagrams.query(b"find_node", arguments, secrets.token_bytes(4))

    return make


def _ping(asker: Asker, tid: bytes | None = None) -> Callable[[], bytes]:
    """Its answer is so short that a limit of bytes does not hide that there is none of queries."""

    def make() -> bytes:
        return datagrams.query(b"ping", {b"id": asker.node_id}, tid or secrets.token_bytes(4))

    return make


def _needs_sources(probe: ConformanceProbe, number: int) -> None:
    if len(probe.sources) < number:
        raise Skipped(f"needs {number} source addresses (--source), because it floods the node")


def _passes(flooded: Answered, plain: Answered) -> bool:
    return flooded.datagrams > MORE_THAN * plain.datagrams + MARGIN


def _words(flooded: Answered, plain: Answered) -> str:
    return (
        f"{flooded.datagrams} of {FLOOD.datagrams} queries answered ({flooded.size} bytes), "
        f"{plain.datagrams} ({plain.size} bytes) without"
    )


async def token_of_other_port(probe: ConformanceProbe) -> str:
    """Attack: one host gets a token and uses it from every port, also in the name of others behind
    the same address. A node that then holds each port for proven sends to all of them without
    limits: it is an amplifier aimed at that address.
    """
    _needs_sources(probe, 3)
    info_hash = secrets.token_bytes(20)
    owner, other = probe.open(TOKEN_PLACE), probe.open(TOKEN_PLACE)
    unproven = probe.open(PLAIN_TOKEN_PLACE)
    token = await token_for(probe, info_hash, owner)
    answer = await probe.ask(
        "announce_peer", asker=other, info_hash=info_hash, port=PORT, token=token
    )
    if answer is not None and answer.code == PROTOCOL:
        return f"another port's token: error {PROTOCOL}"
    flooded = await probe.flood(_find_node(other), FLOOD, other)
    plain = await probe.flood(_find_node(unproven), FLOOD, unproven)
    said = "no answer" if answer is None else answer.words()
    text = f"a token used from another port: {said}; then {_words(flooded, plain)}"
    if _passes(flooded, plain):
        raise Failed(text)
    raise Warned(f"{text}: no error {PROTOCOL}, but no limit is lifted either")


async def awaited_id(probe: ConformanceProbe) -> str:
    """Attack: a node lets answers to its own queries pass all limits. Whoever it asks knows the
    transaction id, and sends queries that bear it instead of an answer.
    """
    _needs_sources(probe, 5)
    plain_asker = probe.open(PLAIN_PLACE)
    plain = await probe.flood(_ping(plain_asker), FLOOD, plain_asker)
    query = await _awaited(probe)
    flooded = await probe.flood(_ping(query.asker, query.tid), FLOOD, query.asker)
    text = f"queries with the id of the node's own query: {_words(flooded, plain)}"
    if _passes(flooded, plain):
        raise Failed(text)
    return text


async def _awaited(probe: ConformanceProbe) -> ReceivedQuery:
    """A query of the node to an asker that does not answer. Raises Skipped."""
    places = max(1, len(probe.sources) + AWAITED_PLACE)
    askers = []
    for step in range(MAX_WAIT_STEPS):
        asker = probe.open(AWAITED_PLACE - step % places, probe.near(2 + step % 10))
        askers.append(asker)
        await probe.ask("find_node", asker=asker, read_only=False, target=secrets.token_bytes(20))
        await trio.sleep(probe.pace.settle_s / 3)
        for query in reversed(probe.queries):
            if query.asker in askers:
                return query
    raise Skipped("it sent none of the sources a query")


CASES = (
    Case(
        "token-other-port",
        "practice",
        "a token used from another port does not lift the limits for that port",
        token_of_other_port,
        destructive=True,
    ),
    Case(
        "awaited-id",
        "practice",
        "queries that bear the id of the node's own query are limited like all others",
        awaited_id,
        destructive=True,
    ),
)
