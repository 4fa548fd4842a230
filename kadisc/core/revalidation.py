"""When is which entry of the table to be checked?

At two speeds: what is new or has failed soon, what has proved itself slowly, and the longer it has been up the more slowly: sessions are
heavy-tailed, who was there for hours will be there for hours. Any answered query counts as a check. All within a budget.
"""

from __future__ import annotations

import heapq
from itertools import count
from random import Random

from ..config import MaintenanceConfig
from .bucket import Entry

SLACK = 64
"""Left-overs in the heap that are not worth a sweep."""


def check_interval_s(age_s: float, config: MaintenanceConfig) -> float:
    """Between two checks of a contact that has been up for ``age_s``."""
    by_age_s: float = config.hour_check_s * (age_s / 3600.0) ** config.age_exponent
    return min(max(config.fresh_check_s, by_age_s), config.max_check_s)


class Revalidation:
    """A heap with lazy updates: a check that moved later is found out when its old time comes; only one that moved earlier is pushed again.

    What is left over of the others is swept out when it makes up half of the heap.
    """

    def __init__(self, config: MaintenanceConfig, rng: Random) -> None:
        self._config = config
        self._rng = rng
        self._queue: list[tuple[float, int, Entry]] = []
        self._queued_for: dict[Entry, float] = {}
        self._order = count()
        self._next_check_at = float("-inf")

    def __len__(self) -> int:
        return len(self._queued_for)

    def plan(self, entry: Entry) -> None:
        """To be called whenever something was learned about the entry."""
        entry.check_at = self._next_check(entry)
        queued_for = self._queued_for.get(entry)
        if queued_for is None or entry.check_at < queued_for:
            self._push(entry, entry.check_at)

    def forget(self, entry: Entry) -> None:
        self._queued_for.pop(entry, None)

    def check_at(self, entry: Entry, at: float) -> None:
        entry.check_at = at
        self._push(entry, at)

    def due(self, now: float) -> Entry | None:
        """The entry to check now, if the budget allows one; at most one a call."""
        if now < self._next_check_at:
            return None
        while self._queue and self._queue[0][0] <= now:
            queued_for, _, entry = heapq.heappop(self._queue)
            if self._queued_for.get(entry) != queued_for:
                continue  # forgotten, or pushed again for an earlier time
            if entry.inbound and not entry.failures:
                entry.check_at = max(entry.check_at, entry.traffic_at + self._config.quarantine_silence_s)
            if entry.check_at > now:
                self._push(entry, entry.check_at)
            elif entry.checking:
                self._push(entry, now + self._config.check_interval_s)
            else:
                # It stays in the queue, for the case that nothing is learned: an error was answered, or the check could not be sent.
                self._push(entry, now + self._config.retry_after_failure_s)
                self._next_check_at = now + self._config.check_interval_s
                return entry
        return None

    def next_deadline(self) -> float:
        return max(self._queue[0][0], self._next_check_at) if self._queue else float("inf")

    def _next_check(self, entry: Entry) -> float:
        config = self._config
        if entry.failures:
            return entry.failed_at + config.retry_after_failure_s
        if entry.inbound:
            return entry.traffic_at + config.quarantine_silence_s
        return entry.verified_at + check_interval_s(entry.verified_at - entry.first_verified_at, config) * self._rng.uniform(0.9, 1.1)

    def _push(self, entry: Entry, at: float) -> None:
        self._queued_for[entry] = at
        heapq.heappush(self._queue, (at, next(self._order), entry))
        if len(self._queue) > 2 * len(self._queued_for) + SLACK:
            self._queue = [item for item in self._queue if self._queued_for.get(item[2]) == item[0]]
            heapq.heapify(self._queue)
