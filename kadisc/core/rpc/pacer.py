"""The pace of queries to new addresses.

A query to an address without earlier traffic makes a mapping in the router before this node. Cheap
routers hold a few thousand mappings, and some 100 small packets a second to new addresses fill
them: the whole household loses its connection. Such queries therefore come out of a token bucket,
and the rest wait. A second query to the same address soon after costs nothing: it has its mapping.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import QueryConfig
from ...endpoints import Endpoint
from ..contract.times import FOREVER, NEVER

MAPPING_S: Final = 20.0
"""Every router keeps a mapping for so long after the last datagram; the shortest times are 30 s."""
MAX_MAPPINGS: Final = 64
"""How many addresses are remembered."""


class PacingRule(Protocol):
    def admit(self, endpoint: Endpoint, now: float) -> bool: ...

    def has_mapping(self, endpoint: Endpoint, now: float) -> bool: ...

    def next_at(self) -> float: ...


class Pacer:
    """A token bucket: ``new_address_rate`` a second, saved up to ``new_address_burst``."""

    __slots__ = ("_burst", "_mapped_at", "_rate", "_tokens", "_updated_at")

    def __init__(self, config: QueryConfig) -> None:
        self._rate = config.new_address_rate
        self._burst = config.new_address_burst
        self._tokens = self._burst
        self._updated_at = NEVER
        self._mapped_at: dict[Endpoint, float] = {}
        """When the first query went to an address, the longest ago first."""

    def has_mapping(self, endpoint: Endpoint, now: float) -> bool:
        """Whether a query went there so lately that a router before this node has a mapping."""
        return now < self._mapped_at.get(endpoint, NEVER) + MAPPING_S

    def admit(self, endpoint: Endpoint, now: float) -> bool:
        if now < self._mapped_at.get(endpoint, NEVER) + MAPPING_S:
            return True
        if now > self._updated_at:
            tokens = self._tokens + (now - self._updated_at) * self._rate
            self._tokens = tokens if tokens < self._burst else self._burst
            self._updated_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        self._remember(endpoint, now)
        return True

    def _remember(self, endpoint: Endpoint, now: float) -> None:
        mapped_at = self._mapped_at
        mapped_at.pop(endpoint, None)
        while mapped_at:
            oldest = next(iter(mapped_at))
            if now < mapped_at[oldest] + MAPPING_S and len(mapped_at) < MAX_MAPPINGS:
                break
            del mapped_at[oldest]
        mapped_at[endpoint] = now

    def next_at(self) -> float:
        """When the next query will be admitted, rounded up a little so that it is not too early."""
        return self._updated_at + max(0.0, 1.0 - self._tokens) / self._rate + 1e-6


class Unpaced:
    """No pace: for labs (``--unlimited``), and the baseline of the pacer."""

    __slots__ = ()

    def admit(self, endpoint: Endpoint, now: float) -> bool:
        return True

    def has_mapping(self, endpoint: Endpoint, now: float) -> bool:
        return True

    def next_at(self) -> float:
        return FOREVER
