"""What a node has sent, by the counters of its core."""

from __future__ import annotations

from typing import NamedTuple

from ...core.core import Core


class SentTraffic(NamedTuple):
    """``bytes`` are UDP payload. ``replies`` are answers of all kinds, errors included. ``checks``
    are those of the queries that check a table entry.
    """

    queries: int
    replies: int
    bytes: int
    checks: int = 0


def traffic_of(node: Core) -> SentTraffic:
    """What the node has sent since its start."""
    counters = node.counters
    queries = sum(counters.queries_sent.values())
    return SentTraffic(queries, counters.sent - queries, counters.sent_bytes, counters.checks_sent)


def sent_since(before: SentTraffic, after: SentTraffic) -> SentTraffic:
    return SentTraffic(*(b - a for a, b in zip(before, after, strict=True)))
