"""The limits on traffic: which datagrams are read at all, what serving them may cost, and what may
be sent.

Attacks: forged queries make this node send answers to a host that never asked (amplification), keep
it busy, and silence the honest nodes whose addresses they bear; hosts that are what they say ask as
much as a node can answer. Defence: addresses are throttled, never banned, in everything that they
cost: datagrams, bytes and processor time. Those that have proved nothing have small budgets, and
those that have proved that they receive packets large ones (`ProvenSources`, `ProvenBudgets`). An
awaited answer is exempt. Answers and queries of this node have separate budgets, so that a flood of
one kind never blocks the other.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import LimitsConfig
from ...endpoints import Endpoint
from ..contract.counters import Counters
from .budget import Budget, CellHash, Rate
from .proven_budget import ProvenBudgets
from .proven_sources import AWAITED, PROVEN, ProvenSourcesRule

_LEVELS: Final = ("address", "network", "netgroup", "total")
_QUERY_DROPS: Final = ("", *[f"limit.{level}" for level in _LEVELS])
_REPLY_REFUSALS: Final = ("", *[f"reply-bytes.{level}" for level in _LEVELS])
_ASK_REFUSALS: Final = ("", *[f"asked-bytes.{level}" for level in _LEVELS])
_TIME_DROPS: Final = ("", *[f"time.{level}" for level in _LEVELS])
_PROVEN_DROPS: Final = ("", *[f"limit.proven.{level}" for level in _LEVELS], "limit.proven")
_PROVEN_REPLIES: Final = ("", *[f"proven-reply-bytes.{level}" for level in _LEVELS])
_PROVEN_ASKED: Final = ("", *[f"proven-asked-bytes.{level}" for level in _LEVELS])
_PROVEN_TIME: Final = ("", *[f"time.proven.{level}" for level in _LEVELS])
DROP_REASONS: Final = (*_QUERY_DROPS[1:], *_PROVEN_DROPS[1:], *_TIME_DROPS[1:], *_PROVEN_TIME[1:])
"""Reasons not to read a datagram, or not to serve it."""


class TrafficRule(Protocol):
    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None: ...

    def exempts(self, source: Endpoint) -> bool: ...

    def charge(self, cost_s: float, source: Endpoint, now: float) -> str | None: ...

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool: ...

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool: ...

    def proved(self, endpoint: Endpoint, now: float) -> None: ...


class TrafficLimits:
    """Limits what unproven addresses cost, by host, by subnet and in total, and what proven ones
    cost (`proven_budget.py`).
    """

    def __init__(
        self,
        limits: LimitsConfig,
        proven_sources: ProvenSourcesRule,
        proven: ProvenBudgets,
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
        burst_s = limits.time_burst_s
        host, subnet, total = (
            Rate(share, burst_s * share)
            for share in (limits.host_time_share, limits.subnet_time_share, limits.total_time_share)
        )
        self.time = Budget(host=host, subnet=subnet, total=total)
        self.proven_sources = proven_sources
        self._proven_queries = proven.queries
        self._proven_replies = proven.replies
        self._proven_asked = proven.asked
        self._proven_time = proven.time
        self._cell_hash = cell_hash
        self._counters = counters
        # The source of the datagram that is being read, if that is an awaited answer.
        self._awaited: Endpoint | None = None
        # The source of the last query from a proven endpoint: an answer goes there.
        self._proven_source: Endpoint | None = None
        # The source of the datagram that is being read, if it has proved nothing.
        self._unproven_source: Endpoint | None = None

    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None:
        """Why a datagram must not be read. None: it may be read, and has been counted."""
        self._awaited = self._unproven_source = None
        if self._proven_queries.use_portion(source, 1.0):
            return None
        source_class = self.proven_sources.classify(payload, source, now)
        if source_class is AWAITED:
            self._awaited = source
            return None
        if source_class is PROVEN:
            self._proven_source = source
            lasting = source != self.proven_sources.shown_by
            lacking = self._proven_queries.lacking(source, 1.0, now, lasting=lasting)
            return _PROVEN_DROPS[lacking] if lacking else None
        self._proven_source = None
        self._unproven_source = source
        lacking = self.queries.lacking(self._cell_hash.cells(source), 1.0, now)
        return _QUERY_DROPS[lacking] if lacking else None

    def exempts(self, source: Endpoint) -> bool:
        """Whether the datagram that `drop_reason` just let pass is an awaited answer, for which
        nothing is charged.
        """
        return source == self._awaited

    def charge(self, cost_s: float, source: Endpoint, now: float) -> str | None:
        """Why the datagram that `drop_reason` just let pass must not be served, which takes
        ``cost_s`` seconds of processor time. None: it may be, and the time has been taken from the
        budget; or it is an awaited answer, which is exempt.
        """
        if source == self._awaited:
            return None
        if self._proven_time.use_portion(source, cost_s):
            return None
        if self._is_proven(source, now):
            lasting = source != self.proven_sources.shown_by
            lacking = self._proven_time.lacking(source, cost_s, now, lasting=lasting)
            return _PROVEN_TIME[lacking] if lacking else None
        lacking = self.time.lacking(self._cell_hash.cells(source), cost_s, now)
        return _TIME_DROPS[lacking] if lacking else None

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool:
        """Whether an answer of ``size`` bytes may be sent; if so its cost has been taken from the
        budget, if not the refusal has been counted.
        """
        if self._proven_replies.use_portion(destination, size):
            return True
        if self._is_proven(destination, now):
            reasons, lasting = _PROVEN_REPLIES, destination != self.proven_sources.shown_by
            lacking = self._proven_replies.lacking(destination, size, now, lasting=lasting)
        else:
            cells = self._cell_hash.cells(destination)
            lacking, reasons = self.replies.lacking(cells, size, now), _REPLY_REFUSALS
        return not lacking or self._refuses(reasons[lacking])

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool:
        """Whether a query of ``size`` bytes may be sent, as with `may_reply`."""
        if self._proven_asked.use_portion(destination, size):
            return True
        if self.proven_sources.is_proven(destination, now):
            reasons, lasting = _PROVEN_ASKED, destination != self.proven_sources.shown_by
            lacking = self._proven_asked.lacking(destination, size, now, lasting=lasting)
        else:
            cells = self._cell_hash.cells(destination)
            lacking, reasons = self.asked.lacking(cells, size, now), _ASK_REFUSALS
        return not lacking or self._refuses(reasons[lacking])

    def proved(self, endpoint: Endpoint, now: float) -> None:
        """The endpoint has proved that it receives packets."""
        self._unproven_source = None
        self.proven_sources.proved(endpoint, now)

    def _is_proven(self, endpoint: Endpoint, now: float) -> bool:
        """As `ProvenSourcesRule`; of the source of the datagram that is being read it is known."""
        if endpoint == self._proven_source:
            return True
        return endpoint != self._unproven_source and self.proven_sources.is_proven(endpoint, now)

    def _refuses(self, reason: str) -> bool:
        """Counts that something must not be sent. Returns whether it is sent all the same."""
        self._counters.refuse(reason)
        return False


class LiftedLimits(TrafficLimits):
    """For labs and benchmarks (``--unlimited``): everything is counted against the budgets, and
    nothing is refused. What `TrafficLimits` would refuse is counted as lifted.
    """

    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None:
        if super().drop_reason(payload, source, now) is not None:
            self._counters.refuse("limit-lifted")
        return None

    def charge(self, cost_s: float, source: Endpoint, now: float) -> str | None:
        if super().charge(cost_s, source, now) is not None:
            self._counters.refuse("time-lifted")
        return None

    def _refuses(self, reason: str) -> bool:
        self._counters.refuse("bytes-lifted")
        return True
