"""What a node has sent, by its own counters."""

from __future__ import annotations

from typing import NamedTuple

from ...core.core import Core


class Traffic(NamedTuple):
    """``bytes`` are UDP payload. ``replies`` are answers of all kinds, error answers too.
    ``checks`` are those queries that only ask whether somebody is there.
    """

    queries: int
    replies: int
    bytes: int
    checks: int = 0


def traffic_of(node: Core) -> Traffic:
    """Since it was started."""
    counters = node.counters
    queries = sum(counters.queries_sent.values())
    return Traffic(queries, counters.sent - queries, counters.sent_bytes, counters.checks_sent)


def sent_since(before: Traffic, after: Traffic) -> Traffic:
    return Traffic(*(b - a for a, b in zip(before, after, strict=True)))
