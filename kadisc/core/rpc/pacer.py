"""The pace of queries to new addresses.

A query to an address without earlier traffic makes a mapping in the router before this node. Cheap
routers hold a few thousand mappings, and some 100 small packets a second to new addresses fill
them: the whole household loses its connection. Such queries therefore come out of a token bucket,
and the rest wait.
"""

from __future__ import annotations

from typing import Protocol

from ...config import QueryConfig
from ..contract.times import FOREVER, NEVER


class PacingRule(Protocol):
    def admit(self, now: float) -> bool: ...

    def next_at(self) -> float: ...


class Pacer:
    """A token bucket: ``new_address_rate`` a second, saved up to ``new_address_burst``."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated_at")

    def __init__(self, config: QueryConfig) -> None:
        self._rate = config.new_address_rate
        self._burst = config.new_address_burst
        self._tokens = self._burst
        self._updated_at = NEVER

    def admit(self, now: float) -> bool:
        if now > self._updated_at:
            self._tokens = min(self._burst, self._tokens + (now - self._updated_at) * self._rate)
            self._updated_at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def next_at(self) -> float:
        """When the next query will be admitted, rounded up a little so that it is not too early."""
        return self._updated_at + max(0.0, 1.0 - self._tokens) / self._rate + 1e-6


class Unpaced:
    """No pace: for labs (``--unlimited``), and the baseline of the pacer."""

    __slots__ = ()

    def admit(self, now: float) -> bool:
        return True

    def next_at(self) -> float:
        return FOREVER
