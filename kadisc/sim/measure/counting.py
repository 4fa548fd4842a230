"""What a node has sent, by its own counters."""

from __future__ import annotations

from typing import NamedTuple

from ...core.core import Core


class SentTraffic(NamedTuple):
    """``bytes`` are UDP payload. ``replies`` are answers of all kinds, error answers too.
    ``checks`` are those queries that only ask whether somebody is there.
    """

    queries: int
    replies: int
    bytes: int
    checks: int = 0


def traffic_of(node: Core) -> SentTraffic:
    """Since it was started."""
    counters = node.counters
    queries = sum(counters.queries_sent.values())
    return SentTraffic(queries, counters.sent - queries, counters.sent_bytes, counters.checks_sent)


def sent_since(before: SentTraffic, after: SentTraffic) -> SentTraffic:
    return SentTraffic(*(b - a for a, b in zip(before, after, strict=True)))
