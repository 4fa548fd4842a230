"""``why``: where a peer of the network came from, and why it is trusted or not."""

from __future__ import annotations

import msgspec
import trio

from ...core.book.entry import Provenance
from ...endpoints import format_endpoint, parse_endpoint
from ...errors import KadiscError, UsageError
from ..call import Call, Method
from ..units import milliseconds

KEY_DIGITS = 64


class WhyParams(msgspec.Struct, forbid_unknown_fields=True):
    """``peer``: its key (64 hex digits), or its HOST:PORT."""

    peer: str


class Why(msgspec.Struct):
    """``table``: ``tried`` for one that proved itself, ``new`` for one that was only heard of;
    ``verified_in_this_run``: or in an earlier one. ``source``: who told us first: a HOST:PORT, or a
    word such as ``tag0`` (the DHT). Ages in seconds; null where that did not happen.
    """

    peer: str
    key: str | None
    table: str
    verified_in_this_run: bool
    source: str
    first_seen_s_ago: float
    heard_s_ago: float
    heard_times: int
    first_verified_s_ago: float | None
    verified_s_ago: float | None
    failures: int
    rtt_ms: float | None
    sequence: int | None
    verdict: str | None
    held_back_s: float
    asn: int | None
    """The number of its autonomous system, where the node has a map that knows it."""


async def _why(params: WhyParams, call: Call) -> Why:
    await trio.lowlevel.checkpoint()
    provenance = call.node.why(peer_from(params.peer))
    if provenance is None:
        raise KadiscError(
            f"no peer of the network {call.node.own_network.name} is known as {params.peer}"
        )
    return _document(provenance, call.node.own_network.asn(provenance.endpoint))


def peer_from(text: str) -> bytes:
    """A key or an endpoint. Raises UsageError."""
    try:
        if len(text) == KEY_DIGITS and ":" not in text:
            return bytes.fromhex(text)
        return parse_endpoint(text)
    except ValueError:
        raise UsageError(
            f"a peer is a key of {KEY_DIGITS} hex digits or a numeric HOST:PORT: {text!r} is neither"
        ) from None


def _document(provenance: Provenance, asn: int | None) -> Why:
    source = provenance.source
    return Why(
        format_endpoint(provenance.endpoint),
        provenance.key.hex() if provenance.key is not None else None,
        "tried" if provenance.tried else "new",
        provenance.verified_in_run,
        source if isinstance(source, str) else format_endpoint(source),
        round(provenance.first_seen_s_ago, 1),
        round(provenance.reported_s_ago, 1),
        provenance.times_reported,
        _rounded(provenance.first_verified_s_ago),
        _rounded(provenance.verified_s_ago),
        provenance.failures,
        milliseconds(provenance.rtt_s),
        provenance.sequence,
        provenance.verdict,
        round(provenance.held_back_s, 1),
        asn,
    )


def _rounded(age_s: float | None) -> float | None:
    return None if age_s is None else round(age_s, 1)


WHY = Method("why", WhyParams, Why, _why)
