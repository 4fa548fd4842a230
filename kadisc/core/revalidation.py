"""When is which entry of the table to be checked?

At two speeds: what is new or has failed soon, what has proved itself slowly, and the longer it has been up the more slowly: sessions are
heavy-tailed, who was there for hours will be there for hours. Any answered query counts as a check. All within a budget.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from math import inf
from random import Random

from ..config import MaintenanceConfig
from .bucket import Entry

SOONEST, LATEST = 0.9, 1.1
"""Times the interval, the next check."""


def check_interval_s(age_s: float, config: MaintenanceConfig) -> float:
    """Between two checks of a contact that has been up for ``age_s``."""
    by_age_s: float = config.hour_check_s * (age_s / 3600.0) ** config.age_exponent
    return min(max(config.fresh_check_s, by_age_s), config.max_check_s)


class Revalidation:
    """The entries in the order of their next checks; one that something is learned about moves to its new place.

    Two parallel sequences: a place is found by bisection of plain floats that lie side by side, and moving a few hundred of them along costs less
    than the pushes of a heap, which would hold a tuple of 130 bytes for each entry, and left-overs of those that moved.
    """

    __slots__ = ("_config", "_entries", "_next_check_at", "_rng", "_times", "deadline")

    def __init__(self, config: MaintenanceConfig, rng: Random) -> None:
        self._config = config
        self._rng = rng
        self._times = array("d")  # ``check_at`` of each of
        self._entries: list[Entry] = []
        self._next_check_at = -inf
        self.deadline = inf
        """When to ask what is ``due``; inf while nothing is planned."""

    def __len__(self) -> int:
        return len(self._entries)

    def plan(self, entry: Entry) -> None:
        """To be called whenever something was learned about the entry."""
        self.check_at(entry, self._next_check(entry))

    def check_at(self, entry: Entry, at: float) -> None:
        self._take_out(entry)
        entry.check_at = at
        place = bisect_right(self._times, at)
        self._times.insert(place, at)
        self._entries.insert(place, entry)
        first = self._times[0]
        self.deadline = first if first > self._next_check_at else self._next_check_at

    def forget(self, entry: Entry) -> None:
        self._take_out(entry)
        self.deadline = max(self._times[0], self._next_check_at) if self._times else inf

    def due(self, now: float) -> Entry | None:
        """The entry to check now, if the budget allows one; at most one a call."""
        if now < self.deadline:
            return None
        while self._times and self._times[0] <= now:
            entry = self._entries[0]
            if entry.inbound and not entry.failures and (quiet_at := entry.traffic_at + self._config.quarantine_silence_s) > now:
                self.check_at(entry, quiet_at)
            elif entry.checking:
                self.check_at(entry, now + self._config.check_interval_s)
            else:
                # It keeps a place, for the case that nothing is learned: an error was answered, or the check could not be sent.
                self._next_check_at = now + self._config.check_interval_s
                self.check_at(entry, now + self._config.retry_after_failure_s)
                return entry
        return None

    def _take_out(self, entry: Entry) -> None:
        times, entries, at = self._times, self._entries, entry.check_at
        place = bisect_left(times, at)
        while place < len(times) and times[place] == at:
            if entries[place] is entry:
                del times[place], entries[place]
                return
            place += 1

    def _next_check(self, entry: Entry) -> float:
        config = self._config
        if entry.failures:
            return entry.failed_at + config.retry_after_failure_s
        if entry.inbound:
            return entry.traffic_at + config.quarantine_silence_s
        jitter = SOONEST + (LATEST - SOONEST) * self._rng.random()
        return entry.verified_at + check_interval_s(entry.verified_at - entry.first_verified_at, config) * jitter
