"""The limits on traffic that are in force, as rows of a table, each with the counters of what it
turned away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ..config import LimitsConfig

_LEVELS: Final = ("address", "network", "netgroup", "total")


@dataclass(frozen=True, slots=True)
class LimitRow:
    """What sources of one class may cause in a second, sustained. ``what``: ``queries`` (read),
    ``replies`` (bytes sent), ``asked`` (bytes of the node's own queries) or ``time`` (of a
    processor core, from 0 to 1). ``of``: ``unproven`` addresses, which have answered nothing
    lately, or ``proven`` ones. ``endpoint``, ``host``, ``subnet`` (/24, IPv6 /48), ``netgroup``
    (/16, IPv6 /32), ``total``: the levels, None for one without a limit. ``counters``: the names of
    the counters of what was turned away.
    """

    what: Literal["queries", "replies", "asked", "time"]
    of: Literal["unproven", "proven"]
    endpoint: float | None
    host: float | None
    subnet: float | None
    netgroup: float | None
    total: float | None
    counters: tuple[str, ...]

    def turned_away(self, counters: Mapping[str, int]) -> int:
        """How often it was reached so far."""
        return sum(counters.get(name, 0) for name in self.counters)


def limit_rows(limits: LimitsConfig) -> tuple[LimitRow, ...]:
    """All limits by address; those of unproven sources first."""
    return (
        LimitRow(
            "queries",
            "unproven",
            None,
            limits.host_queries_per_s,
            limits.subnet_queries_per_s,
            None,
            limits.total_queries_per_s,
            _names("dropped.limit"),
        ),
        LimitRow(
            "replies",
            "unproven",
            None,
            limits.host_reply_bytes_per_s,
            limits.subnet_reply_bytes_per_s,
            None,
            limits.total_reply_bytes_per_s,
            _names("refused.reply-bytes"),
        ),
        LimitRow(
            "asked",
            "unproven",
            None,
            limits.host_query_bytes_per_s,
            limits.subnet_query_bytes_per_s,
            None,
            limits.total_query_bytes_per_s,
            _names("refused.asked-bytes"),
        ),
        LimitRow(
            "time",
            "unproven",
            None,
            limits.host_time_share,
            limits.subnet_time_share,
            None,
            limits.total_time_share,
            _names("dropped.time"),
        ),
        LimitRow(
            "queries",
            "proven",
            limits.proven_queries_per_s,
            limits.proven_host_queries_per_s,
            limits.proven_subnet_queries_per_s,
            limits.proven_netgroup_queries_per_s,
            limits.proven_total_queries_per_s,
            (*_names("dropped.limit.proven"), "dropped.limit.proven"),
        ),
        LimitRow(
            "replies",
            "proven",
            None,
            limits.proven_host_reply_bytes_per_s,
            limits.proven_subnet_reply_bytes_per_s,
            limits.proven_netgroup_reply_bytes_per_s,
            limits.proven_total_reply_bytes_per_s,
            _names("refused.proven-reply-bytes"),
        ),
        LimitRow(
            "asked",
            "proven",
            None,
            limits.proven_host_query_bytes_per_s,
            limits.proven_subnet_query_bytes_per_s,
            limits.proven_netgroup_query_bytes_per_s,
            limits.proven_total_query_bytes_per_s,
            _names("refused.proven-asked-bytes"),
        ),
        LimitRow(
            "time",
            "proven",
            None,
            limits.proven_host_time_share,
            limits.proven_subnet_time_share,
            limits.proven_netgroup_time_share,
            limits.proven_total_time_share,
            _names("dropped.time.proven"),
        ),
    )


def _names(group: str) -> tuple[str, ...]:
    return tuple(f"{group}.{level}" for level in _LEVELS)
