"""What a node has sent, by the counters of its core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ...core.core import Core
from .statistics import rounded, share


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


class QueryCounts(NamedTuple):
    """Queries that a node has sent since its start, by purpose and by method, and how many of them
    were sent for the second time.
    """

    purposes: Counter[str]
    methods: Counter[str]
    retransmissions: int


def queries_of(node: Core) -> QueryCounts:
    counters = node.counters
    return QueryCounts(
        Counter(counters.queries_for), Counter(counters.queries_sent), counters.retransmissions
    )


def queries_since(before: QueryCounts, after: QueryCounts) -> QueryCounts:
    return QueryCounts(
        after.purposes - before.purposes,
        after.methods - before.methods,
        after.retransmissions - before.retransmissions,
    )


def table_of(name: str, counts: Sequence[Counter[str]], seconds: float) -> list[dict[str, object]]:
    """The rows of a table, the most frequent kind first: queries a second of the mean node, and the
    share of all.
    """
    total = sum(counts, Counter[str]())
    return [
        {
            name: kind,
            "per_s": rounded(count / max(1, len(counts)) / seconds, 4),
            "share": share(count, total.total(), 3),
        }
        for kind, count in total.most_common()
    ]
