"""When is which entry of the table to be checked?

At two speeds: what is new or has failed soon, what has proved itself slowly, and the longer it has
been up the more slowly: sessions are heavy-tailed, who was there for hours will be there for hours.
Any answered query counts as a check. All within a budget.

The budget is less than what a full table asks for, so a check comes some minutes after its time.
For one kind of entry that would be felt by everybody: a newcomer next to us that contacted us first
stays out of our answers until it is checked, and nobody but its neighbours can tell others where it
is. So those have a line and a small budget of their own. They are few: a deep bucket has 8 places.
The common budget would be used up by silent hosts behind NATs. And being punctual they wait until
the slowest NAT has forgotten our mapping: with 200 s instead, one NATed host in twenty passed, and
the median lookup took twice as long.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from math import inf
from random import Random
from typing import Final

from ...config import MaintenanceConfig
from .bucket import Entry

SOONEST: Final = 0.9
LATEST: Final = 1.1
"""Times the interval, the next check."""


def check_interval_s(age_s: float, config: MaintenanceConfig) -> float:
    """Between two checks of a contact that has been up for ``age_s``. The first comes soon; after
    it we leave them alone for as long as who has us in quarantine wants to hear nothing from us: in
    a small network, where each is checked in time, newcomers would stay in it else.
    """
    if age_s < config.fresh_check_s / 2:
        return config.fresh_check_s
    by_age_s: float = config.hour_check_s * (age_s / 3600.0) ** config.age_exponent
    return min(
        max(config.fresh_check_s, config.quarantine_silence_s / SOONEST, by_age_s),
        config.max_check_s,
    )


SLOT_S: Final = 8.0
SLOTS: Final = 256


class Line:
    """Entries in the order of their next checks.

    Two parallel sequences: a place is found by bisection of plain floats that lie side by side, and
    moving a few hundred of them along costs less than the pushes of a heap, which would hold a
    tuple of 130 bytes for each entry, and left-overs of those that moved.

    The exact time stands in the line alone. The entry knows the slot of `SLOT_S` that it falls
    into, by a number that comes again after `SLOTS` of them: so small a number is an object that
    exists anyway, a float would take 32 bytes, a fifth of what an entry takes. To take one out is
    to look through one slot, of some two entries; through another, half an hour later, where plans
    reach so far ahead.
    """

    __slots__ = ("entries", "times")

    def __init__(self) -> None:
        self.times = array("d")  # of each of
        self.entries: list[Entry] = []

    def put(self, entry: Entry, at: float) -> None:
        entry.check_slot = int(at // SLOT_S) % SLOTS
        place = bisect_right(self.times, at)
        self.times.insert(place, at)
        self.entries.insert(place, entry)

    def take_out(self, entry: Entry) -> bool:
        """Whether it was there."""
        times, entries = self.times, self.entries
        if not times:
            return False
        first, last = int(times[0] // SLOT_S), int(times[-1] // SLOT_S)
        for slot in range(first + (entry.check_slot - first) % SLOTS, last + 1, SLOTS):
            end = (slot + 1) * SLOT_S
            place = bisect_left(times, slot * SLOT_S)
            while place < len(times) and times[place] < end:
                if entries[place] is entry:
                    del times[place], entries[place]
                    return True
                place += 1
        return False

    @property
    def first_at(self) -> float:
        return self.times[0] if self.times else inf


class Revalidation:
    """One that something is learned about moves to its new place. ``first_deep``: the bucket from
    which on there are only few places; of entries there those that wait for their first check
    without the help of their own NAT are the newcomers of the module's page.
    """

    __slots__ = (
        "_config",
        "_first_deep",
        "_newcomers",
        "_next_check_at",
        "_next_newcomer_at",
        "_rest",
        "_rng",
        "deadline",
    )

    def __init__(self, config: MaintenanceConfig, rng: Random, first_deep: int) -> None:
        self._config = config
        self._rng = rng
        self._first_deep = first_deep
        self._newcomers = Line()
        self._rest = Line()
        self._next_check_at = self._next_newcomer_at = -inf
        self.deadline = inf
        """When to ask what is ``due``; inf while nothing is planned."""

    def __len__(self) -> int:
        return len(self._rest.entries) + len(self._newcomers.entries)

    def plan(self, entry: Entry) -> None:
        """To be called whenever something was learned about the entry."""
        self.check_at(entry, self._next_check(entry))

    def check_at(self, entry: Entry, at: float) -> None:
        self._take_out(entry)
        (self._newcomers if self._is_newcomer(entry) and not entry.failures else self._rest).put(
            entry, at
        )
        self._set_deadline()

    def forget(self, entry: Entry) -> None:
        self._take_out(entry)
        self._set_deadline()

    def due(self, now: float) -> Entry | None:
        """The entry to check now, if the budget allows one; at most one a call."""
        if now < self.deadline:
            return None
        if (
            now >= self._next_newcomer_at
            and (entry := self._due_in(self._newcomers, now)) is not None
        ):
            self._next_newcomer_at = now + self._config.new_neighbour_check_interval_s
        elif now >= self._next_check_at and (entry := self._due_in(self._rest, now)) is not None:
            self._next_check_at = now + self._config.check_interval_s
        else:
            entry = None
        self._set_deadline()
        return entry

    def _due_in(self, line: Line, now: float) -> Entry | None:
        while line.first_at <= now:
            entry = line.entries[0]
            if entry.inbound and not entry.failures and (quiet_at := self._quiet_at(entry)) > now:
                self.check_at(entry, quiet_at)
            elif entry.checking:
                self.check_at(entry, now + self._config.check_interval_s)
            else:
                # It keeps a place, for the case that nothing is learned: an error was answered, or
                # the check could not be sent.
                self.check_at(entry, now + self._config.retry_after_failure_s)
                return entry
        return None

    def _is_newcomer(self, entry: Entry) -> bool:
        return entry.inbound and entry.bucket >= self._first_deep

    def _quiet_at(self, entry: Entry) -> float:
        config = self._config
        if self._is_newcomer(entry):
            return entry.traffic_at + config.new_neighbour_silence_s
        return entry.traffic_at + config.quarantine_silence_s

    def _set_deadline(self) -> None:
        self.deadline = min(
            max(self._rest.first_at, self._next_check_at),
            max(self._newcomers.first_at, self._next_newcomer_at),
        )

    def _take_out(self, entry: Entry) -> None:
        if not self._rest.take_out(entry):
            self._newcomers.take_out(entry)

    def _next_check(self, entry: Entry) -> float:
        config = self._config
        if entry.failures:
            return entry.failed_at + config.retry_after_failure_s
        if entry.inbound:
            return self._quiet_at(entry)
        jitter = SOONEST + (LATEST - SOONEST) * self._rng.random()
        return (
            entry.verified_at
            + check_interval_s(entry.verified_at - entry.first_verified_at, config) * jitter
        )
