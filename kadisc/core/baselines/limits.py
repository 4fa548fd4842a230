"""What the defences of the room `limits` are compared with: no limits on traffic at all, limits
without an exemption for proven sources, proven sources without a limit, and slow decoding with a
budget for each subnet alone.
"""

from __future__ import annotations

from ...config import ServingConfig
from ...endpoints import Endpoint
from ...wire.messages import Query
from ..limits.budget import GRANTED, Budget, CellHash, Rate
from ..limits.contacted import ContactedHosts
from ..limits.proven_sources import SourceClass


class NoProvenSources:
    """In place of `ProvenSources`: every source is limited by its address."""

    __slots__ = ("shown_by",)

    def __init__(self) -> None:
        self.shown_by: Endpoint | None = None

    def classify(self, payload: bytes, source: Endpoint, now: float) -> SourceClass:
        return SourceClass.UNPROVEN

    def is_proven(self, endpoint: Endpoint, now: float) -> bool:
        return False

    def proved(self, endpoint: Endpoint, now: float) -> None:
        pass


class UnrenewedContacts(ContactedHosts):
    """In place of `ContactedHosts`: only what this node sends is noted."""

    __slots__ = ()

    def received_from(self, endpoint: Endpoint, now: float) -> None:
        pass


class NoProbeLane:
    """In place of `ProbeLane`: the ping of a witness is limited as any query."""

    __slots__ = ()

    def expect(self, nonce: bytes) -> None:
        pass

    def forget(self, nonce: bytes) -> None:
        pass

    def admits(self, payload: bytes) -> bool:
        return False

    def answers(self, nonce: bytes) -> bool:
        return False


class NoProvenBudget:
    """In place of `ProvenBudget`: proven endpoints may use as much as they like."""

    __slots__ = ()

    def use_portion(self, endpoint: Endpoint, amount: float) -> bool:
        return False

    def lacking(self, endpoint: Endpoint, amount: float, now: float, *, lasting: bool) -> int:
        return GRANTED


class NoLimits:
    """In place of `TrafficLimits`: every datagram is read, and every query is answered."""

    __slots__ = ()

    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None:
        return None

    def exempts(self, source: Endpoint) -> bool:
        return True

    def charge(self, cost_s: float, source: Endpoint, now: float) -> str | None:
        return None

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool:
        return True

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool:
        return True

    def proved(self, endpoint: Endpoint, now: float) -> None:
        pass


class SubnetSlowDecodes:
    """In place of `SlowDecodes`: each subnet has a budget, and all together have none."""

    __slots__ = ("_cell_hash", "_passes")

    def __init__(self, config: ServingConfig, cell_hash: CellHash) -> None:
        self._passes = Budget(subnet=Rate(config.slow_decodes_per_s, config.slow_decode_burst))
        self._cell_hash = cell_hash

    def may_decode(self, size: int, source: Endpoint, now: float, *, awaited: bool) -> bool:
        return not self._passes.lacking(self._cell_hash.cells(source), 1.0, now)


class NoAskerTokens:
    """In place of `AskerTokens`: who asks can prove nothing by a query."""

    __slots__ = ()

    def proves(self, payload: bytes, source: Endpoint, now: float) -> bool:
        return False

    def renewed(self, shown: bytes, source: Endpoint, now: float) -> bytes | None:
        return None


class NoCosts:
    """In place of `Costs`: a datagram is a datagram, whatever it takes."""

    __slots__ = ()

    def decoding_s(self, payload: bytes) -> float:
        return 0.0

    def slow_decoding_s(self, payload: bytes) -> float:
        return 0.0

    def answering_s(self, query: Query, stored_peers: int) -> float:
        return 0.0
