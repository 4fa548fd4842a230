"""Budgets of proven endpoints: far above those of strangers, and bounded all the same, because a
proof costs two datagrams.

Attack: one host proves thousands of ports, or one operator a whole /16, and takes all of a node's
uplink or processor. Defence: the endpoints of a host, of a subnet and of a netgroup share a budget,
and all proven ones together do. Attack: netgroups that flood take the whole total, because they ask
most often. Defence: a part of the total is a reserve, of which each netgroup has a small share.

Four levels take a microsecond, twice for each query. So an endpoint takes a portion of all levels
at once, and uses it up with one look-up each; and while all proven endpoints together use little,
nothing is counted by address, so that a node at rest keeps no state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

from ...config import LimitsConfig
from ...endpoints import Endpoint
from ..contract.times import NEVER
from .budget import GRANTED, NETGROUP_CELLS, SUBNET_CELLS, TOTAL, Budget, CellHash, Cells, Rate

ENDPOINT: Final = 5
"""What `ProvenBudgetRule.lacking` returns beside the levels of a `Budget`: the endpoint itself has
sent too much.
"""
WINDOW_S: Final = 1.0
"""The window in which what all proven endpoints use is counted together."""
FREE_SHARE: Final = 0.125
"""As long as all use less than this part of what one host may, nothing is counted by address."""
RESERVE: Final = 0.2
"""The part of the total that is a reserve."""
NETGROUP_RESERVE: Final = 1 / 256
"""The part of the total that one netgroup may draw on the reserve."""
QUERY_PORTION: Final = 16.0
BYTES_PORTION: Final = 4096.0
TIME_PORTION_S: Final = 0.001
_NO_PORTIONS: Final[dict[Endpoint, float]] = {}
"""Stays empty: a node at rest keeps no portions."""


class ProvenBudgetRule(Protocol):
    def use_portion(self, endpoint: Endpoint, amount: float) -> bool:
        """Whether the endpoint had so much left of its portion; if so it is used now."""
        ...

    def lacking(self, endpoint: Endpoint, amount: float, now: float, *, lasting: bool) -> int:
        """Takes ``amount`` for a proven endpoint that has no portion left. Returns GRANTED, or the
        level that has too little left. ``lasting``: whether the proof is good for more than this
        datagram; without that the endpoint keeps no portion, which forged ones could use up.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProvenRates:
    """What proven endpoints may use in a second. ``endpoint``: one of them; None: what its host
    may.
    """

    host: float
    subnet: float
    netgroup: float
    total: float
    endpoint: Rate | None = None


@dataclass(frozen=True, slots=True)
class ProvenTerms:
    """What all nodes of a process that have the same limits share of a `ProvenBudget`.
    ``burst_s``: seconds of each rate that may be used at once after a pause. ``most``: of how many
    endpoints a portion is kept. ``free``: what all may use in a window uncounted.
    """

    rates: ProvenRates
    burst_s: float
    portion: float
    most: int
    free: float


CellsOf: TypeAlias = Callable[[Endpoint], Cells]


class ProvenLevels:
    """The cells of a `ProvenBudget`; there are none while a node is at rest."""

    __slots__ = ("_cell_hash", "_cells_of", "_endpoints", "_reserve", "_shared")

    def __init__(self, terms: ProvenTerms, cell_hash: CellHash, cells_of: CellsOf) -> None:
        rates, burst_s = terms.rates, terms.burst_s
        shared = [rates.host, rates.subnet, rates.netgroup, (1.0 - RESERVE) * rates.total]
        host, subnet, netgroup, total = (Rate(per_s, burst_s * per_s) for per_s in shared)
        self._shared = Budget(host=host, subnet=subnet, netgroup=netgroup, total=total)
        in_netgroup, reserve = NETGROUP_RESERVE * rates.total, RESERVE * rates.total
        self._reserve = Budget(
            netgroup=Rate(in_netgroup, burst_s * in_netgroup),
            total=Rate(reserve, burst_s * reserve),
        )
        self._endpoints = Budget(host=rates.endpoint) if rates.endpoint is not None else None
        self._cell_hash = cell_hash
        self._cells_of = cells_of

    def take(self, endpoint: Endpoint, amount: float, now: float) -> int:
        cells = self._cells_of(endpoint)
        if self._endpoints is not None:
            own = self._cell_hash.endpoint_cell(endpoint), SUBNET_CELLS, NETGROUP_CELLS
            if self._endpoints.lacking(own, amount, now):
                return ENDPOINT
        lacking = self._shared.lacking(cells, amount, now)
        if lacking == TOTAL and not self._reserve.lacking(cells, amount, now):
            return GRANTED
        return lacking


class ProvenBudget:
    """A budget of one kind: queries, bytes or seconds of processor time."""

    __slots__ = (
        "_cell_hash",
        "_cells_of",
        "_in_window",
        "_left",
        "_levels",
        "_terms",
        "_window_ends_at",
    )

    def __init__(
        self, terms: ProvenTerms, cell_hash: CellHash, cells_of: CellsOf | None = None
    ) -> None:
        """``cells_of``: the cells of an endpoint, those of ``cell_hash`` where it is None."""
        self._terms = terms
        self._cell_hash = cell_hash
        self._cells_of: CellsOf = cell_hash.cells if cells_of is None else cells_of
        self._levels: ProvenLevels | None = None
        self._left: dict[Endpoint, float] = _NO_PORTIONS
        self._in_window = 0.0
        self._window_ends_at = NEVER

    def __len__(self) -> int:
        """Endpoints that have a portion."""
        return len(self._left)

    def use_portion(self, endpoint: Endpoint, amount: float) -> bool:
        if not self._left:  # as at nearly all times
            return False
        left = self._left.get(endpoint, 0.0) - amount
        if left < 0.0:
            return False
        self._left[endpoint] = left
        return True

    def lacking(self, endpoint: Endpoint, amount: float, now: float, *, lasting: bool) -> int:
        if now >= self._window_ends_at:
            self._window_ends_at = now + WINDOW_S
            self._in_window = 0.0
        self._in_window += amount
        terms = self._terms
        if self._in_window <= terms.free:
            return GRANTED
        if (levels := self._levels) is None:
            levels = self._levels = ProvenLevels(terms, self._cell_hash, self._cells_of)
        portion = max(terms.portion, amount) if lasting else amount
        lacking = levels.take(endpoint, portion, now)
        if not lacking:
            if portion > amount:
                self._keep(endpoint, portion - amount)
            return GRANTED
        return levels.take(endpoint, amount, now) if amount < portion else lacking

    def _keep(self, endpoint: Endpoint, amount: float) -> None:
        if self._left is _NO_PORTIONS or (
            len(self._left) >= self._terms.most and endpoint not in self._left
        ):
            self._left = {}
        self._left[endpoint] = self._left.get(endpoint, 0.0) + amount


@dataclass(frozen=True, slots=True)
class ProvenBudgets:
    """``asked``: the bytes of queries of this node to them; ``time``: seconds of processor time.
    Replies and queries have separate budgets, so that a flood of one never blocks the other.
    """

    queries: ProvenBudgetRule
    replies: ProvenBudgetRule
    asked: ProvenBudgetRule
    time: ProvenBudgetRule


def proven_terms(rates: ProvenRates, burst_s: float, portion: float, most: int) -> ProvenTerms:
    return ProvenTerms(rates, burst_s, portion, most, FREE_SHARE * rates.host * WINDOW_S)


@lru_cache(maxsize=64)
def _terms_of(limits: LimitsConfig) -> tuple[ProvenTerms, ...]:
    burst_s, most = limits.proven_burst_s, 2 * limits.max_proven_sources
    queries = ProvenRates(
        limits.proven_host_queries_per_s,
        limits.proven_subnet_queries_per_s,
        limits.proven_netgroup_queries_per_s,
        limits.proven_total_queries_per_s,
        Rate(limits.proven_queries_per_s, limits.proven_query_burst),
    )
    replies = ProvenRates(
        limits.proven_host_reply_bytes_per_s,
        limits.proven_subnet_reply_bytes_per_s,
        limits.proven_netgroup_reply_bytes_per_s,
        limits.proven_total_reply_bytes_per_s,
    )
    asked = ProvenRates(
        limits.proven_host_query_bytes_per_s,
        limits.proven_subnet_query_bytes_per_s,
        limits.proven_netgroup_query_bytes_per_s,
        limits.proven_total_query_bytes_per_s,
    )
    time = ProvenRates(
        limits.proven_host_time_share,
        limits.proven_subnet_time_share,
        limits.proven_netgroup_time_share,
        limits.proven_total_time_share,
    )
    return (
        proven_terms(queries, burst_s, QUERY_PORTION, most),
        proven_terms(replies, burst_s, BYTES_PORTION, most),
        proven_terms(asked, burst_s, BYTES_PORTION, most),
        proven_terms(time, burst_s, TIME_PORTION_S, most),
    )


def proven_budgets(limits: LimitsConfig, cell_hash: CellHash) -> ProvenBudgets:
    queries, replies, asked, time = _terms_of(limits)
    return ProvenBudgets(
        ProvenBudget(queries, cell_hash),
        ProvenBudget(replies, cell_hash),
        ProvenBudget(asked, cell_hash, cell_hash.cells_asked),
        ProvenBudget(time, cell_hash),
    )
