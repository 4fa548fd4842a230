"""Checks of candidates in quick succession, for as long as an application waits for peers.

Otherwise one candidate is checked a second, as nothing is urgent. An application that waits wants
the peers that its lookups of the network's info-hashes found, and those that the first of them
name. Attack: a node near an info-hash names a victim's addresses, or names thousands that lead
nowhere, so that each newcomer queries those. Defence: a burst is bounded in all and by source, and
counts against the same limits by address and subnet an hour as every check (`candidates.py`).
"""

from __future__ import annotations

from typing import Final

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..contract.query_group import QueryGroup
from ..contract.times import FOREVER, NEVER
from .candidates import FROM_LOOKUPS, Candidate

WAITS_S: Final = 6.0
"""An application that still waits says so again within this time."""
WALK_CHECKS: Final = 4
"""Of the nodes that answered in lookups so many are checked: most of them are of other networks."""
PLACE_S: Final = 0.75
"""A check holds its place for so long; a peer that answers at all has mostly answered by then."""


class CheckBurst:
    __slots__ = (
        "_at_once",
        "_begun",
        "_by_source",
        "_left",
        "_most",
        "_per_source",
        "_rate",
        "_until",
        "_updated_at",
        "checks",
        "deadline",
        "traffic",
    )

    def __init__(self, config: GossipConfig) -> None:
        self._at_once = config.burst_at_once
        self._most = float(config.burst_checks)
        self._rate = self._most / config.burst_refill_s
        self._per_source = config.burst_checks_per_source
        self._left = self._most
        self._updated_at = NEVER
        self._until = NEVER
        self._begun: dict[Endpoint, float] = {}
        self._by_source: dict[bytes, int] = {}
        self.checks = 0
        """Checks begun so far."""
        self.traffic = QueryGroup()
        """Counts the datagrams of all checks for applications, those of known peers included."""
        self.deadline = FOREVER
        """When the next check may begin, if a candidate waits."""

    def request(self, now: float) -> None:
        """An application waits for peers."""
        self._until = now + WAITS_S
        self._refill(now)
        self.deadline = NEVER

    def search_begins(self) -> None:
        """Each source may cause as many checks again: the lookups that find candidates begin."""
        self._by_source.clear()

    def candidate_added(self, now: float) -> None:
        if now < self._until:
            self.deadline = min(self.deadline, now)

    def is_active(self, now: float) -> bool:
        """Whether an application waits and checks are left."""
        return now < self._until and self._left >= 1.0

    def is_waiting(self, now: float) -> bool:
        """Whether a check that the burst began may still be answered soon."""
        self._free_places(now)
        return bool(self._begun)

    def is_checking(self, endpoint: Endpoint) -> bool:
        """Whether a check of that endpoint holds a place."""
        return endpoint in self._begun

    def has_room(self, now: float) -> bool:
        """Whether one more check may begin; sets `deadline` where it may not."""
        if not self._until > now:
            self.deadline = FOREVER
            return False
        self._refill(now)
        if self._left < 1.0:
            self.deadline = now + (1.0 - self._left) / self._rate + 1e-3
            return False
        self._free_places(now)
        if len(self._begun) >= self._at_once:
            self.deadline = next(iter(self._begun.values())) + PLACE_S
            return False
        return True

    def allows(self, source: bytes) -> bool:
        """Whether this source may cause another check."""
        most = WALK_CHECKS if source == FROM_LOOKUPS else self._per_source
        return self._by_source.get(source, 0) < most

    def exhausted(self) -> None:
        """No candidate that waits may be checked in the burst."""
        self.deadline = FOREVER

    def begun(self, candidate: Candidate, now: float) -> None:
        source = candidate.source
        self._left -= 1.0
        self.checks += 1
        self._by_source[source] = self._by_source.get(source, 0) + 1
        self._begun.pop(candidate.endpoint, None)
        self._begun[candidate.endpoint] = now

    def ended(self, endpoint: Endpoint) -> None:
        """The exchange with that endpoint has ended."""
        if self._begun.pop(endpoint, None) is not None:
            self.deadline = NEVER

    def _free_places(self, now: float) -> None:
        while self._begun:
            oldest = next(iter(self._begun))
            if now < self._begun[oldest] + PLACE_S:
                break
            del self._begun[oldest]

    def _refill(self, now: float) -> None:
        if now > self._updated_at:
            self._left = min(self._most, self._left + (now - self._updated_at) * self._rate)
            self._updated_at = now
