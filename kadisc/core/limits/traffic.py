"""The limits on traffic: which datagrams are read at all, and what may be sent to addresses that
have proved nothing.

The attacks: forged queries make us send answers to somebody who never asked (amplification), keep
us busy, and silence honest nodes whose names they bear. So unproven addresses are throttled, never
banned, and in everything that they cost; what is proven or awaited goes by another way
(`ProvenSources`); answers and queries of our own have budgets apart, so that a flood of the one
never holds up the other.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import LimitsConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..contract.counters import Counters
from .budget import Budget, CellHash, Rate
from .proven_sources import Lane, ProvenSourcesRule

_QUERY_DROPS: Final = ("", "limit.address", "limit.network", "limit.total")
_REPLY_REFUSALS: Final = ("", "reply-bytes.address", "reply-bytes.network", "reply-bytes.total")
_ASK_REFUSALS: Final = ("", "asked-bytes.address", "asked-bytes.network", "asked-bytes.total")
PROVEN_DROP: Final = "limit.proven"
DROP_REASONS: Final = (*_QUERY_DROPS[1:], PROVEN_DROP)
"""Why a datagram was not read."""


class TrafficRule(Protocol):
    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None: ...

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool: ...

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool: ...

    def proved(self, endpoint: Endpoint, now: float) -> None: ...


class TrafficLimits:
    def __init__(
        self,
        limits: LimitsConfig,
        secret: bytes,
        lanes: ProvenSourcesRule,
        scopes: AddressPolicy,
        counters: Counters,
    ) -> None:
        """``secret``: 16 bytes that nobody else knows."""
        self.queries = Budget(
            Rate(limits.host_queries_per_s, limits.host_query_burst),
            Rate(limits.subnet_queries_per_s, limits.subnet_query_burst),
            Rate(limits.total_queries_per_s, limits.total_query_burst),
        )
        self.replies = Budget(
            Rate(limits.host_reply_bytes_per_s, limits.host_reply_burst_bytes),
            Rate(limits.subnet_reply_bytes_per_s, limits.subnet_reply_burst_bytes),
            Rate(limits.total_reply_bytes_per_s, limits.total_reply_burst_bytes),
        )
        self.asked = Budget(
            Rate(limits.host_query_bytes_per_s, limits.host_query_burst_bytes),
            Rate(limits.subnet_query_bytes_per_s, limits.subnet_query_burst_bytes),
            Rate(limits.total_query_bytes_per_s, limits.total_query_burst_bytes),
        )
        self.lanes = lanes
        self._cells_of = CellHash(secret, limits.cell_bits, scopes).cells
        self._counters = counters
        self._last: Endpoint | None = None
        self._last_cells = (0, 0)

    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None:
        """None: it may be read, and what that costs has been noted."""
        lane = self.lanes.lane(payload, source, now)
        if lane is Lane.FAST:
            return None
        if lane is Lane.FULL:
            return PROVEN_DROP
        address, network = self._cells(source)
        lacking = self.queries.lacking(address, network, 1.0, now)
        return _QUERY_DROPS[lacking] if lacking else None

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool:
        """Whether an answer of so many bytes may go there; if so it has been noted, if not it has
        been counted.
        """
        return self._may_send(self.replies, _REPLY_REFUSALS, size, destination, now)

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool:
        """The same for a query of our own."""
        return self._may_send(self.asked, _ASK_REFUSALS, size, destination, now)

    def proved(self, endpoint: Endpoint, now: float) -> None:
        self.lanes.proved(endpoint, now)

    def _may_send(
        self,
        budget: Budget,
        refusals: tuple[str, ...],
        size: int,
        destination: Endpoint,
        now: float,
    ) -> bool:
        if self.lanes.is_proven(destination, now):
            return True
        address, network = self._cells(destination)
        if lacking := budget.lacking(address, network, size, now):
            self._counters.refuse(refusals[lacking])
            return False
        return True

    def _cells(self, endpoint: Endpoint) -> tuple[int, int]:
        if endpoint != self._last:  # an answer goes where the query came from just now
            self._last, self._last_cells = endpoint, self._cells_of(endpoint)
        return self._last_cells


class LiftedLimits(TrafficLimits):
    """For labs and benchmarks (``--unlimited``): all is accounted for, and nothing is held back.
    What would have been is counted as lifted.
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
        if not self.lanes.is_proven(destination, now):
            address, network = self._cells(destination)
            if budget.lacking(address, network, size, now):
                self._counters.refuse("bytes-lifted")
        return True


class NoLimits:
    """What they are measured against: everybody is read and answered."""

    __slots__ = ()

    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None:
        return None

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool:
        return True

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool:
        return True

    def proved(self, endpoint: Endpoint, now: float) -> None:
        pass
