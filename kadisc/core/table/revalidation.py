"""Revalidation: when to check which entry of the table (decisions 0007 and 0010).

New and failed entries are checked soon, proven ones slowly, and the longer an entry has been up the
more slowly: session lengths are heavy-tailed, and a node that was up for hours will stay for hours.
Every answered query counts as a check. All checks are within one budget, and where a check was due
already, the budget as well counts the query that was answered in its place (decision 0039).

The budget is less than a full table asks for, so a check comes some minutes late. For one kind of
entry that would hurt all nodes: a new node close to this one that contacted it first is not
returned to others until it is checked, and only its neighbours can tell others of it. Such entries
have a queue and a small budget of their own. They are few, because a deep bucket has 8 places; the
common budget would be used up by silent hosts behind NATs. Their checks are punctual, so they wait
until the slowest NAT has dropped its mapping: with 200 s instead, one host in twenty behind a NAT
passed, and the median lookup took twice as long.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from math import inf
from random import Random
from typing import Final

from ...config import MaintenanceConfig
from ..contract.times import NEVER
from .bucket import Entry

SOONEST: Final = 0.9
LATEST: Final = 1.1
"""The next check comes after between 0.9 and 1.1 times the interval."""


def check_interval_s(age_s: float, config: MaintenanceConfig) -> float:
    """Seconds between two checks of a contact that has been up for ``age_s``. The first check comes
    soon. After it the contact is left alone for the time of its own quarantine: in a small network,
    where every check is punctual, a new node would otherwise never leave the quarantine of others.
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
"""The slots of `CheckQueue`: their length in seconds, and after how many the numbers repeat."""


class CheckQueue:
    """Entries in the order of their next checks.

    Two parallel sequences: a place is found by bisection of plain floats that lie side by side, and
    shifting a few hundred of them costs less than the pushes of a heap, which would hold a tuple of
    130 bytes for each entry and the left-overs of entries that moved.

    The exact time is stored in the queue alone. The entry stores the slot of `SLOT_S` seconds that
    it falls into, by a number that repeats after `SLOTS` slots: Python shares the objects of such
    small numbers, while a float would take 32 bytes, a fifth of an entry. To take an entry out, one
    slot of some two entries is searched, and where plans reach far ahead another one half an hour
    later.
    """

    __slots__ = ("entries", "times")

    def __init__(self) -> None:
        self.times = array("d")  # in parallel to:
        self.entries: list[Entry] = []

    def put(self, entry: Entry, at: float) -> None:
        entry.check_slot = int(at // SLOT_S) % SLOTS
        place = bisect_right(self.times, at)
        self.times.insert(place, at)
        self.entries.insert(place, entry)

    def take_first(self) -> None:
        """Removes the first entry; there must be one."""
        del self.times[0], self.entries[0]

    def take_out(self, entry: Entry) -> float:
        """Removes the entry; returns its time, inf if it was not there."""
        times, entries = self.times, self.entries
        if not times:
            return inf
        first = int(times[0] // SLOT_S)
        slot = first + (entry.check_slot - first) % SLOTS
        begin, last = slot * SLOT_S, times[-1]
        while begin <= last:
            end = begin + SLOT_S
            # Nearly always one of two entries: without an iterator.
            place = bisect_left(times, begin)
            while place < len(times) and times[place] < end:
                if entries[place] is entry:
                    at = times[place]
                    del times[place], entries[place]
                    return at
                place += 1
            begin += SLOTS * SLOT_S
        return inf


class Revalidation:
    """An entry moves to its new place in the queue when anything is learned about it.
    ``first_deep``: the first bucket with few places; inbound entries from there on are the new
    neighbours that have a queue of their own.
    """

    __slots__ = (
        "_config",
        "_first_deep",
        "_neighbours",
        "_next_check_at",
        "_next_neighbour_at",
        "_rest",
        "_rng",
        "deadline",
    )

    def __init__(self, config: MaintenanceConfig, rng: Random, first_deep: int) -> None:
        self._config = config
        self._rng = rng
        self._first_deep = first_deep
        self._neighbours = CheckQueue()
        self._rest = CheckQueue()
        self._next_check_at = NEVER
        self._next_neighbour_at = NEVER
        self.deadline = inf
        """When to call ``due``; inf while no check is planned."""

    def __len__(self) -> int:
        return len(self._rest.entries) + len(self._neighbours.entries)

    def plan(self, entry: Entry) -> None:
        """To be called whenever anything was learned about the entry."""
        self.check_at(entry, self._next_check(entry))

    def answered(self, entry: Entry, now: float, *, was_check: bool) -> None:
        """The entry answered. ``was_check``: the query was sent by the budget of checks. If it was
        not, and a check was due that it makes needless, the next check comes later by one interval.
        An entry can have that effect no more often than it would be checked.
        """
        due_at = self._rest.take_out(entry)
        if due_at == inf:
            self._neighbours.take_out(entry)
        elif not was_check and due_at <= now and not entry.inbound:
            interval_s = self._config.check_interval_s
            if self._next_check_at < now + interval_s:
                self._next_check_at = max(self._next_check_at, now) + interval_s
        self._put(entry, self._next_check(entry))

    def check_at(self, entry: Entry, at: float) -> None:
        self._take_out(entry)
        self._put(entry, at)

    def _put(self, entry: Entry, at: float) -> None:
        self._put_in_queue(entry, at)
        self._set_deadline()

    def _put_in_queue(self, entry: Entry, at: float) -> None:
        is_new = entry.inbound and not entry.failures and self._is_new_neighbour(entry)
        (self._neighbours if is_new else self._rest).put(entry, at)

    def forget(self, entry: Entry) -> None:
        self._take_out(entry)
        self._set_deadline()

    def due(self, now: float) -> Entry | None:
        """The entry to check now, if the budget allows one."""
        if now < self.deadline:
            return None
        if (
            now >= self._next_neighbour_at
            and (entry := self._due_in(self._neighbours, now)) is not None
        ):
            self._next_neighbour_at = now + self._config.new_neighbour_check_interval_s
        elif now >= self._next_check_at and (entry := self._due_in(self._rest, now)) is not None:
            self._next_check_at = now + self._config.check_interval_s
        else:
            entry = None
        self._set_deadline()
        return entry

    def _due_in(self, queue: CheckQueue, now: float) -> Entry | None:
        while queue.times and queue.times[0] <= now:
            entry = queue.entries[0]
            queue.take_first()
            if entry.inbound and not entry.failures and (quiet_at := self._quiet_at(entry)) > now:
                self._put_in_queue(entry, quiet_at)
            elif entry.checking:
                self._put_in_queue(entry, now + self._config.check_interval_s)
            else:
                # It keeps a place in case nothing is learned: the answer was an error, or the check
                # could not be sent.
                self._put_in_queue(entry, now + self._config.retry_after_failure_s)
                return entry
        return None

    def _is_new_neighbour(self, entry: Entry) -> bool:
        return entry.inbound and entry.bucket >= self._first_deep

    def _quiet_at(self, entry: Entry) -> float:
        config = self._config
        if self._is_new_neighbour(entry):
            return entry.traffic_at + config.new_neighbour_silence_s
        return entry.traffic_at + config.quarantine_silence_s

    def _set_deadline(self) -> None:
        # Without min() and max(), because this runs after nearly every datagram.
        times = self._rest.times
        deadline = times[0] if times else inf
        if deadline < self._next_check_at:
            deadline = self._next_check_at
        if times := self._neighbours.times:
            at = times[0]
            if at < self._next_neighbour_at:
                at = self._next_neighbour_at
            if at < deadline:
                deadline = at
        self.deadline = deadline

    def _take_out(self, entry: Entry) -> None:
        if self._rest.take_out(entry) == inf:
            self._neighbours.take_out(entry)

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
