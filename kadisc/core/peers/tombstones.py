"""Who is gone, so that gossip does not bring him back.

News of a dead peer go round for as long as somebody believes them, and each node that checks them
in vain hears them again from the next. So an endpoint that failed twice has a tombstone for an
hour, twice as long as an entry may go round: hearsay of it is not listened to.

The attack: make somebody else look dead. So a tombstone is on address *and* port: whoever names a
peer's address with a wrong port buries that port alone. It blocks hearsay and nothing else: what
the peer sends itself is listened to, and a matched answer from there clears it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ...endpoints import Endpoint
from ...config import GossipConfig


class TombstoneRule(Protocol):
    def __len__(self) -> int: ...

    def failed(self, endpoint: Endpoint, now: float) -> bool: ...

    def clear(self, endpoint: Endpoint) -> None: ...

    def blocks(self, endpoint: Endpoint, now: float) -> bool: ...


class Tombstones:
    """``place`` says what a tombstone stands on; only a test asks for anything else than the
    endpoint.
    """

    def __init__(self, config: GossipConfig, place: Callable[[Endpoint], bytes] = bytes) -> None:
        self._config = config
        self._place = place
        self._failures: dict[bytes, tuple[int, float]] = {}
        self._until: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def failed(self, endpoint: Endpoint, now: float) -> bool:
        """It did not answer; True if it has a tombstone from now on."""
        place = self._place(endpoint)
        failures, since = self._failures.pop(place, (0, now))
        if now >= since + self._config.tombstone_s:
            failures = 0
        if failures + 1 >= self._config.tombstone_failures:
            self._until.pop(place, None)
            self._until[place] = now + self._config.tombstone_s
            _bound(self._until, self._config.max_tombstones)
            return True
        self._failures[place] = failures + 1, now
        _bound(self._failures, self._config.max_tombstones)
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


class NoTombstones:
    """What they are measured against."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0

    def failed(self, endpoint: Endpoint, now: float) -> bool:
        return False

    def clear(self, endpoint: Endpoint) -> None:
        pass

    def blocks(self, endpoint: Endpoint, now: float) -> bool:
        return False


def _bound(
    places: dict[bytes, object] | dict[bytes, float] | dict[bytes, tuple[int, float]], size: int
) -> None:
    if len(places) > size:
        del places[next(iter(places))]
