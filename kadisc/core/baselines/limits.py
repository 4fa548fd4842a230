"""What the defences of the room `limits` are compared with: no limits on traffic at all, and limits
without an exemption for proven sources.
"""

from __future__ import annotations

from ...endpoints import Endpoint
from ..limits.proven_sources import SourceClass


class NoProvenSources:
    """In place of `ProvenSources`: every source is limited by its address."""

    __slots__ = ()

    def classify(self, payload: bytes, source: Endpoint, now: float) -> SourceClass:
        return SourceClass.UNPROVEN

    def is_proven(self, endpoint: Endpoint, now: float) -> bool:
        return False

    def proved(self, endpoint: Endpoint, now: float) -> None:
        pass


class NoLimits:
    """In place of `TrafficLimits`: every datagram is read, and every query is answered."""

    __slots__ = ()

    def drop_reason(self, payload: bytes, source: Endpoint, now: float) -> str | None:
        return None

    def may_reply(self, size: int, destination: Endpoint, now: float) -> bool:
        return True

    def may_ask(self, size: int, destination: Endpoint, now: float) -> bool:
        return True

    def proved(self, endpoint: Endpoint, now: float) -> None:
        pass
