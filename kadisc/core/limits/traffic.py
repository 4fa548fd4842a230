"""The limits on traffic: which datagrams are read at all, and what may be sent to addresses that
have proved nothing.

Attacks: forged queries make this node send answers to a host that never asked (amplification), keep
it busy, and silence the honest nodes whose addresses they bear. Defence: unproven addresses are
throttled, never banned, in everything that they cost. Proven endpoints and awaited answers are
exempt (`ProvenSources`). Answers and queries of this node have separate budgets, so that a flood of
one kind never blocks the other.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import LimitsConfig
from ...endpoints import Endpoint
from ..contract.counters import Counters
from .budget import Budget, CellHash, Rate
from .proven_sources import ProvenSourcesRule, SourceClass

_LEVELS: Final = ("address", "network", "netgroup", "total")
_QUERY_DROPS: Final = ("", *[f"limit.{level}" for level in _LEVELS])
_REPLY_REFUSALS: Final = ("", *[f"reply-bytes.{level}" for level in _LEVELS])
_ASK_REFUSALS: Final = ("", *[f"asked-bytes.{level}" for level in _LEVELS])
PROVEN_DROP: Final = "limit.proven"
DROP_REASONS: Final = (*_QUERY_DROPS[1:], PROVEN_DROP)
"""Reasons not to read a datagram."""


class TrafficRule(Protocol):
    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None: ...

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool: ...

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool: ...

    def proved(self, endpoint: Endpoint, now: float) -> None: ...


class TrafficLimits:
    """Limits what unproven addresses cost, by host, by subnet and in total."""

    def __init__(
        self,
        limits: LimitsConfig,
        proven_sources: ProvenSourcesRule,
        cell_hash: CellHash,
        counters: Counters,
    ) -> None:
        self.queries = Budget(
            host=Rate(limits.host_queries_per_s, limits.host_query_burst),
            subnet=Rate(limits.subnet_queries_per_s, limits.subnet_query_burst),
            total=Rate(limits.total_queries_per_s, limits.total_query_burst),
        )
        self.replies = Budget(
            host=Rate(limits.host_reply_bytes_per_s, limits.host_reply_burst_bytes),
            subnet=Rate(limits.subnet_reply_bytes_per_s, limits.subnet_reply_burst_bytes),
            total=Rate(limits.total_reply_bytes_per_s, limits.total_reply_burst_bytes),
        )
        self.asked = Budget(
            host=Rate(limits.host_query_bytes_per_s, limits.host_query_burst_bytes),
            subnet=Rate(limits.subnet_query_bytes_per_s, limits.subnet_query_burst_bytes),
            total=Rate(limits.total_query_bytes_per_s, limits.total_query_burst_bytes),
        )
        self.proven_sources = proven_sources
        self._cell_hash = cell_hash
        self._counters = counters

    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None:
        """Why a datagram must not be read. None: it may be read, and has been counted."""
        source_class = self.proven_sources.classify(payload, source, now)
        if source_class is SourceClass.PROVEN:
            return None
        if source_class is SourceClass.OVER_LIMIT:
            return PROVEN_DROP
        lacking = self.queries.lacking(self._cell_hash.cells(source), 1.0, now)
        return _QUERY_DROPS[lacking] if lacking else None

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool:
        """Whether an answer of ``size`` bytes may be sent; if so its cost has been taken from the
        budget, if not the refusal has been counted.
        """
        return self._may_send(self.replies, _REPLY_REFUSALS, size, destination, now)

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool:
        """Whether a query of ``size`` bytes may be sent, as with `may_reply`."""
        return self._may_send(self.asked, _ASK_REFUSALS, size, destination, now)

    def proved(self, endpoint: Endpoint, now: float) -> None:
        """The endpoint has proved that it receives packets."""
        self.proven_sources.proved(endpoint, now)

    def _may_send(
        self,
        budget: Budget,
        refusals: tuple[str, ...],
        size: int,
        destination: Endpoint,
        now: float,
    ) -> bool:
        if self.proven_sources.is_proven(destination, now):
            return True
        if lacking := budget.lacking(self._cell_hash.cells(destination), size, now):
            self._counters.refuse(refusals[lacking])
            return False
        return True


class LiftedLimits(TrafficLimits):
    """For labs and benchmarks (``--unlimited``): everything is counted against the budgets, and
    nothing is refused. What `TrafficLimits` would refuse is counted as lifted.
    """

    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None:
        if super().drop_reason(payload, source, now) is not None:
            self._counters.refuse("limit-lifted")
        return None

    def _may_send(
        self,
        budget: Budget,
        refusals: tuple[str, ...],
        size: int,
        destination: Endpoint,
        now: float,
    ) -> bool:
        if not self.proven_sources.is_proven(destination, now) and budget.lacking(
            self._cell_hash.cells(destination), size, now
        ):
            self._counters.refuse("bytes-lifted")
        return True
