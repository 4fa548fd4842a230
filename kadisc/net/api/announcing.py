"""Announcing a peer for as long as a program wants it to be found (BEP 5): others forget an
announce after half an hour.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

import trio

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...errors import Busy, QueryFailed

_JITTER = 0.1
_RETRY_S = 30.0
"""After an announce that nobody stored; doubled from failure to failure, up to the interval."""


@dataclass(frozen=True, slots=True)
class Announced:
    """One announce. ``stored``: the nodes that confirmed it; ``peers``: who else had announced
    there; ``queries``: datagrams sent.
    """

    stored: tuple[Contact, ...]
    peers: tuple[Endpoint, ...]
    queries: int


class HasStored(Protocol):
    @property
    def stored(self) -> tuple[Contact, ...]: ...


class Announcement:
    """A peer that is being announced, in every address family of the node."""

    def __init__(
        self, announce: Callable[[Family], Awaitable[HasStored]], interval_s: float, rng: Random
    ) -> None:
        self._announce = announce
        self._interval_s = interval_s
        self._rng = rng
        self._done = trio.Event()
        self.stored: dict[Family, tuple[Contact, ...]] = {}
        """Where it was stored the last time, by family."""
        self.announces = 0
        """Those that at least one node stored."""
        self.failures = 0
        """Those that none did, or that could not be made."""
        self.last_error: str | None = None

    async def first(self) -> None:
        """Returns once it has been stored somewhere for the first time."""
        await self._done.wait()

    async def keep_up(self, family: Family, joined: Callable[[Family], Awaitable[None]]) -> None:
        """Announces again and again, until it is cancelled or the node is closed."""
        await joined(family)
        retry_s = _RETRY_S
        while True:
            try:
                announced = await self._announce(family)
            except (QueryFailed, Busy) as error:
                self.failures += 1
                self.last_error = str(error)
                pause_s, retry_s = min(retry_s, self._interval_s), 2 * retry_s
            else:
                self.announces += 1
                self.stored[family] = announced.stored
                self._done.set()
                pause_s, retry_s = self._interval_s, _RETRY_S
            await trio.sleep(pause_s * self._rng.uniform(1 - _JITTER, 1 + _JITTER))
