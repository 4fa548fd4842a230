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


def check_interval_s(age_s: float, config: MaintenanceConfig) -> float:
    """Between two checks of a contact that has been up for ``age_s``."""
    by_age_s: float = config.hour_check_s * (age_s / 3600.0) ** config.age_exponent
    return min(max(config.fresh_check_s, by_age_s), config.max_check_s)


class CheckQueue:
    """Entries in the order of their next checks.

    Two parallel sequences: a place is found by bisection of plain floats that lie side by side, and moving a few hundred of them along costs less
    than the pushes of a heap, which would hold a tuple of 130 bytes for each entry, and left-overs of those that moved.
    """

    __slots__ = ("_entries", "_times", "first_at")

    def __init__(self) -> None:
        self.first_at = inf
        """When the first of them is due; asked for after every datagram."""
        self._times = array("d")  # ``check_at`` of each of
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def first(self) -> Entry:
        return self._entries[0]

    def add(self, entry: Entry) -> None:
        place = bisect_right(self._times, entry.check_at)
        self._times.insert(place, entry.check_at)
        self._entries.insert(place, entry)
        self.first_at = self._times[0]

    def remove(self, entry: Entry) -> bool:
        """Whether it was here."""
        place = bisect_left(self._times, entry.check_at)
        while place < len(self._times) and self._times[place] == entry.check_at:
            if self._entries[place] is entry:
                del self._times[place], self._entries[place]
                self.first_at = self._times[0] if self._times else inf
                return True
            place += 1
        return False


class Revalidation:
    """Whose check decides something (a new, failed or quarantined entry) does not wait in one line with the routine of the others, which may use up
    the budget alone and then always runs late. The two take turns: nor may the routine wait for ever, when most of what is urgent is silent."""

    def __init__(self, config: MaintenanceConfig, rng: Random) -> None:
        self._config = config
        self._rng = rng
        self._urgent = CheckQueue()
        self._routine = CheckQueue()
        self._turns = (self._urgent, self._routine)
        self._next_check_at = -inf

    def __len__(self) -> int:
        return len(self._urgent) + len(self._routine)

    def plan(self, entry: Entry) -> None:
        """To be called whenever something was learned about the entry."""
        self.check_at(entry, self._next_check(entry))

    def check_at(self, entry: Entry, at: float) -> None:
        self.forget(entry)
        entry.check_at = at
        urgent = entry.failures or entry.inbound or entry.verified_at == entry.first_verified_at
        (self._urgent if urgent else self._routine).add(entry)

    def forget(self, entry: Entry) -> None:
        if not self._routine.remove(entry):
            self._urgent.remove(entry)

    def due(self, now: float) -> Entry | None:
        """The entry to check now, if the budget allows one; at most one a call."""
        if now < self._next_check_at:
            return None
        for queue in self._turns:
            while queue.first_at <= now:
                entry = queue.first
                if entry.inbound and not entry.failures and (quiet_at := entry.traffic_at + self._config.quarantine_silence_s) > now:
                    self.check_at(entry, quiet_at)
                elif entry.checking:
                    self.check_at(entry, now + self._config.check_interval_s)
                else:
                    # It keeps a place, for the case that nothing is learned: an error was answered, or the check could not be sent.
                    self.check_at(entry, now + self._config.retry_after_failure_s)
                    self._next_check_at = now + self._config.check_interval_s
                    self._turns = (self._routine, self._urgent) if queue is self._urgent else (self._urgent, self._routine)
                    return entry
        return None

    def next_deadline(self) -> float:
        first = self._urgent.first_at
        if self._routine.first_at < first:
            first = self._routine.first_at
        return first if first > self._next_check_at else self._next_check_at if first < inf else inf

    def _next_check(self, entry: Entry) -> float:
        config = self._config
        if entry.failures:
            return entry.failed_at + config.retry_after_failure_s
        if entry.inbound:
            return entry.traffic_at + config.quarantine_silence_s
        return entry.verified_at + check_interval_s(entry.verified_at - entry.first_verified_at, config) * self._rng.uniform(0.9, 1.1)
