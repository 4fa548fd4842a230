"""One k-bucket: its entries, least recently verified first, and its spares."""

from __future__ import annotations

from bisect import insort_right
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from ...contacts import Contact
from ...ids import ID_BITS, NodeId
from ..addressing.contact_pool import PooledContact

PER_CELL: Final = 8
"""Entries in a cell of a full bucket, on average."""

NO_ENTRIES: Final[frozenset[Entry]] = frozenset()

_verified_at: Final = attrgetter("verified_at")


@dataclass(slots=True, eq=False)
class Entry:
    """A verified contact. Times are in seconds on the caller's clock; those of the last
    verification and of the first may be a little early.

    There are some 250 in a table, and in a simulation of 100,000 nodes 25 million of them: a field
    more is 200 MB, and a number that is an object of its own 800 MB.
    """

    pooled: PooledContact
    bucket: int
    first_verified_at: float
    verified_at: float
    """When it last answered a query of ours."""
    inbound: bool
    """It contacted us first, and has not yet answered without the help of its own NAT mapping."""
    failures: int = 0
    """Queries in a row that it left unanswered, spaced; 0 after each answer."""
    failed_at: float = float("-inf")
    check_slot: int = 0
    """Roughly when revalidation is to look at it next, see `Line`."""
    checking: bool = False
    """A check of it is under way."""
    traffic_at: float = float("-inf")
    rtt_s: float | None = None
    client: bytes | None = None

    @property
    def contact(self) -> Contact:
        return self.pooled.contact

    @property
    def id(self) -> NodeId:
        return self.pooled.contact.id

    @property
    def returnable(self) -> bool:
        """Fit to be handed to others: it last answered, and not only through a hole that it opened
        itself.
        """
        return not (self.failures or self.inbound)


class Bucket:
    """``entries`` are in the order of their last verification: a confirmed one moves to the tail,
    so the head is whom to challenge.

    For answers they also lie in cells, by the bits of their IDs that follow those which all in the
    bucket share. Seen from a target in cell c, everything in cell c ^ 1 is farther than all in c, c
    ^ 2 is farther than that, and so on: only a cell or two need be sorted. ``replacements`` is the
    replacement cache: verified contacts that found the bucket full, oldest first, bounded.
    """

    __slots__ = (
        "_cells",
        "_last_cell",
        "_shift",
        "capacity",
        "entries",
        "index",
        "max_replacements",
        "replacements",
        "surplus",
        "touched_at",
    )

    def __init__(self, index: int, capacity: int, max_replacements: int, now: float) -> None:
        self.index = index
        self.capacity = capacity
        self.max_replacements = max_replacements
        self.entries: list[Entry] = []
        self.replacements: dict[NodeId, Entry] = {}
        self.surplus: frozenset[Entry] = NO_ENTRIES
        """Those that were beyond the soft cap of their /16 when they were added: few, if any."""
        self.touched_at = now
        cell_bits = min(max(capacity // PER_CELL, 1).bit_length() - 1, ID_BITS - 1 - index)
        self._cells: list[dict[NodeId, Entry]] = [{} for _ in range(1 << cell_bits)]
        self._last_cell = len(self._cells) - 1
        self._shift = ID_BITS - 1 - index - cell_bits

    @property
    def is_full(self) -> bool:
        return len(self.entries) >= self.capacity

    def get(self, node_id: NodeId) -> Entry | None:
        return self._cells[node_id >> self._shift & self._last_cell].get(node_id)

    def insert(self, entry: Entry) -> None:
        """At its place by time: a promoted spare may have been verified before some that are here."""
        insort_right(self.entries, entry, key=_verified_at)
        self._cells[entry.id >> self._shift & self._last_cell][entry.id] = entry

    def remove(self, entry: Entry) -> None:
        self.entries.remove(entry)
        if self.surplus:
            self.surplus -= {entry}
        del self._cells[entry.id >> self._shift & self._last_cell][entry.id]

    def move_to_tail(self, entry: Entry) -> None:
        self.entries.remove(entry)
        self.entries.append(entry)

    def nearest(self, target: NodeId, count: int) -> list[Entry]:
        """The presentable entries nearest to ``target``, nearest first."""
        cells, distance_to = self._cells, target.__xor__
        first = target >> self._shift & self._last_cell
        found: list[Entry] = []
        for command in range(len(cells)):
            cell = cells[first ^ command]
            found += [
                entry
                for node_id in sorted(cell, key=distance_to)
                if not ((entry := cell[node_id]).failures or entry.inbound)
            ]
            if len(found) >= count:
                break
        return found[:count]

    def keep_replacement(self, entry: Entry) -> None:
        """The newest replaces an older one of the same ID; beyond the bound the oldest goes."""
        self.replacements.pop(entry.id, None)
        self.replacements[entry.id] = entry
        if len(self.replacements) > self.max_replacements:
            del self.replacements[next(iter(self.replacements))]

    def to_challenge(self) -> Entry | None:
        """Whose place is most in doubt: a surplus entry before others, then the least recently
        verified. None if it is being checked.
        """
        entry = (
            next((each for each in self.entries if each in self.surplus), self.entries[0])
            if self.surplus
            else self.entries[0]
        )
        return None if entry.checking else entry
