"""Refresh: which IDs to look up for the routing table, and when. These are the own ID, and random
IDs in buckets none of whose contacts answered for long (Kademlia, section 2.3). Every answer of a
contact counts, also to a check, so mainly buckets that are empty or silent are refreshed.
"""

from __future__ import annotations

from random import Random
from typing import Final

from ...config import MaintenanceConfig
from ...ids import random_id_in_bucket
from ..contract.doubling_pause import DoublingPause
from ..contract.queries import RefreshLookup
from ..contract.times import FOREVER, jittered
from .routing_table import RoutingTable

AT_A_TIME: Final = 4
"""How many refresh lookups run at once."""
AFTER_SILENCE_S: Final = 60.0
"""The first pause between two lookups of the own ID that follow silences; it doubles."""
SETTLE_S: Final = 1.0
"""The pause before the next look at the buckets when no lookup could be started."""


class Refresh:
    """Decides on refresh lookups; `started` and `finished` count those that run."""

    __slots__ = (
        "_after_silence",
        "_config",
        "_look_at",
        "_own_lookup_at",
        "_rng",
        "_running",
        "_table",
        "deadline",
    )

    def __init__(self, config: MaintenanceConfig, table: RoutingTable, rng: Random) -> None:
        self._config = config
        self._table = table
        self._rng = rng
        self._running = 0
        self._after_silence = DoublingPause(AFTER_SILENCE_S, config.own_lookup_interval_s)
        self._own_lookup_at = FOREVER
        self._look_at = FOREVER
        self.deadline = FOREVER
        """When to call ``due``."""

    def joined(self, now: float) -> None:
        """The lookup of the own ID is done: buckets are refreshed from now on."""
        self._own_lookup_at = now + self._jittered(self._config.own_lookup_interval_s)
        self._look_at = self.deadline = now

    def own_lookup_soon(self, now: float) -> None:
        self._own_lookup_at = now
        self._look_at = min(self._look_at, now)
        self.deadline = self._look_at

    def own_lookup_after_silence(self, now: float) -> None:
        """The node is back online. Over a bad link that happens again and again, and each time
        would bring a lookup.
        """
        self._own_lookup_at = min(self._own_lookup_at, self._after_silence.used(now))
        self._look_at = min(self._look_at, self._own_lookup_at)
        self.deadline = self._look_at

    def started(self) -> None:
        self._running += 1

    def finished(self) -> None:
        self._running -= 1

    def due(self, now: float) -> list[RefreshLookup]:
        if now < self.deadline:
            return []
        lookups: list[RefreshLookup] = []
        if now >= self._own_lookup_at:
            self._own_lookup_at = now + self._jittered(self._config.own_lookup_interval_s)
            lookups.append(RefreshLookup(self._table.family, self._table.own_id, is_own_id=True))
        if self._running + len(lookups) < AT_A_TIME:
            lookups += self._stale(now, AT_A_TIME - self._running - len(lookups))
        oldest = min((bucket.touched_at for bucket in self._table.buckets()), default=now)
        self._look_at = max(now + SETTLE_S, oldest + self._config.refresh_interval_s)
        self.deadline = min(self._look_at, self._own_lookup_at)
        return lookups

    def _stale(self, now: float, at_most: int) -> list[RefreshLookup]:
        stale = [
            bucket
            for bucket in self._table.buckets()
            if bucket.touched_at + self._config.refresh_interval_s <= now
        ][:at_most]
        for bucket in stale:
            bucket.touched_at = now - self._config.refresh_interval_s * self._rng.uniform(
                0.0, self._config.refresh_jitter
            )
        return [
            RefreshLookup(
                self._table.family, random_id_in_bucket(self._table.own_id, bucket.index, self._rng)
            )
            for bucket in stale
        ]

    def _jittered(self, seconds: float) -> float:
        return jittered(seconds, self._config.refresh_jitter, self._rng)
