"""Tombstones: endpoints that failed, so that reports do not bring them back.

Reports of a dead peer go round for as long as some node believes them, and each node that checks
them in vain gets them again from the next one. So an endpoint that failed twice has a tombstone for
an hour, twice as long as a report may go round: reports of it are dropped.

Attack: make another peer look dead. Defence: a tombstone stands on address *and* port, so reports
of a peer's address with a wrong port block that port alone. A tombstone blocks reports and nothing
else: what the peer sends itself is taken, and a matched answer from there clears the tombstone at
once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..contract.bounded import put_newest


class TombstoneRule(Protocol):
    def __len__(self) -> int: ...

    def failed(self, endpoint: Endpoint, now: float) -> bool: ...

    def clear(self, endpoint: Endpoint) -> None: ...

    def blocks(self, endpoint: Endpoint, now: float) -> bool: ...


class Tombstones:
    """``place`` is what a tombstone stands on; only a test uses another than the endpoint."""

    def __init__(self, config: GossipConfig, place: Callable[[Endpoint], bytes] = bytes) -> None:
        self._config = config
        self._place = place
        self._failures: dict[bytes, tuple[int, float]] = {}
        self._until: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def failed(self, endpoint: Endpoint, now: float) -> bool:
        """It did not answer; returns True if it has a tombstone from now on."""
        place = self._place(endpoint)
        failures, since = self._failures.pop(place, (0, now))
        if now >= since + self._config.tombstone_s:
            failures = 0
        if failures + 1 >= self._config.tombstone_failures:
            until = now + self._config.tombstone_s
            put_newest(self._until, place, until, self._config.max_tombstones)
            return True
        put_newest(self._failures, place, (failures + 1, now), self._config.max_tombstones)
        return False

    def clear(self, endpoint: Endpoint) -> None:
        """It answered."""
        place = self._place(endpoint)
        self._failures.pop(place, None)
        self._until.pop(place, None)

    def blocks(self, endpoint: Endpoint, now: float) -> bool:
        place = self._place(endpoint)
        until = self._until.get(place)
        if until is None:
            return False
        if now >= until:
            del self._until[place]
            return False
        return True
