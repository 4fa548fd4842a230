"""One k-bucket: its entries, least recently verified first, and its replacement cache."""

from __future__ import annotations

from bisect import insort_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from ...contacts import Contact
from ...ids import ID_BITS, NodeId
from ..addressing.contact_pool import ContactPool, PooledContact
from ..contract.bounded import put_newest
from ..contract.times import NEVER

PER_CELL: Final = 8
"""How many entries a cell of a full bucket holds on average."""

_verified_at: Final = attrgetter("verified_at")


@dataclass(slots=True, eq=False)
class Entry:
    """A verified contact. Times are in seconds on the caller's clock; those of the first and of the
    last verification may be a little early.

    A table has some 250 entries, and a simulation of 100,000 nodes has 25 million of them: one more
    field takes 200 MB, and a number that is an object of its own takes 800 MB.
    """

    pooled: PooledContact
    bucket: int
    first_verified_at: float
    verified_at: float
    """When it last answered a query of this node."""
    inbound: bool
    """Whether it contacted this node first and has not proved yet that it is reachable without the
    NAT mapping that its own query opened."""
    failures: int = 0
    """How many spaced queries in a row it left unanswered; 0 after each answer."""
    failed_at: float = NEVER
    check_slot: int = 0
    """Roughly when revalidation checks it next; see `CheckQueue`."""
    checking: bool = False
    """Whether a check of it is under way."""
    traffic_at: float = NEVER
    """When a datagram last went to it or came from it."""
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
        """Whether it may be returned to other nodes: it answered the last query, and is not only
        reachable through a NAT mapping that it opened itself.
        """
        return not (self.failures or self.inbound)


def new_entry(
    pool: ContactPool,
    contact: Contact,
    bucket: int,
    now: float,
    inbound: bool,
    rtt_s: float | None,
    client: bytes | None,
) -> Entry:
    """An entry for a contact that has just answered."""
    moment = pool.moment(now)
    rtt_s = None if rtt_s is None else pool.rtt(rtt_s)
    return Entry(
        pool.pooled(contact),
        bucket,
        moment,
        moment,
        inbound,
        traffic_at=moment,
        rtt_s=rtt_s,
        client=pool.client(client),
    )


class Bucket:
    """``entries`` are in the order of their last verification: a confirmed entry moves to the tail,
    and the head is the one to challenge. ``replacements`` is the replacement cache: verified
    contacts that found the bucket full, oldest first, bounded.

    For answers, entries also lie in cells, by the bits of their IDs that follow those which all IDs
    of the bucket share. Seen from a target in cell c, every entry of cell c ^ 1 is farther than all
    of cell c, those of c ^ 2 are farther than those, and so on: only a cell or two are sorted.
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
        "touched_at",
    )

    def __init__(self, index: int, capacity: int, max_replacements: int, now: float) -> None:
        self.index = index
        self.capacity = capacity
        self.max_replacements = max_replacements
        self.entries: list[Entry] = []
        self.replacements: dict[NodeId, Entry] = {}
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
        """Puts it at its place by time: a promoted replacement may be older than some entries."""
        insort_right(self.entries, entry, key=_verified_at)
        node_id = entry.id
        self._cells[node_id >> self._shift & self._last_cell][node_id] = entry

    def remove(self, entry: Entry) -> None:
        self.entries.remove(entry)
        node_id = entry.id
        del self._cells[node_id >> self._shift & self._last_cell][node_id]

    def move_to_tail(self, entry: Entry) -> None:
        self.entries.remove(entry)
        self.entries.append(entry)

    def nearest(self, target: NodeId, count: int) -> list[Entry]:
        """The returnable entries nearest to ``target``, nearest first."""
        found: list[Entry] = []
        self.add_nearest(found, target, count)
        return found

    def add_nearest(self, found: list[Entry], target: NodeId, count: int) -> None:
        """Adds them to ``found`` until that has ``count``."""
        cells = self._cells
        distance_to = target.__xor__
        first = target >> self._shift & self._last_cell
        # Written out, because this is most of the time of an answer.
        for step in range(len(cells)):
            cell = cells[first ^ step]
            if not cell:
                continue
            for node_id in sorted(cell, key=distance_to) if len(cell) > 1 else cell:
                entry = cell[node_id]
                if not (entry.failures or entry.inbound):
                    found.append(entry)
            if len(found) >= count:
                del found[count:]
                return

    def keep_replacement(self, entry: Entry) -> None:
        """Adds it to the replacement cache, in place of an older one with the same ID."""
        put_newest(self.replacements, entry.id, entry, self.max_replacements)

    def to_challenge(self) -> Entry | None:
        """The entry to challenge, the one verified longest ago; None if it is being checked."""
        entry = self.entries[0]
        return None if entry.checking else entry


def by_distance(indexes: Sequence[int], difference: int) -> list[int]:
    """Bucket indexes in such an order that every entry of one bucket is closer to a target than
    every entry of a later one. ``indexes`` are ascending; ``difference`` is the XOR of the own ID
    and the target.

    Where the two differ in bit i, bucket i agrees with the target there and all deeper buckets do
    not: it comes before them. Where they agree, it comes after them. The bits of the XOR thus give
    the order, without a comparison of contacts.
    """
    nearer: list[int] = []
    later: list[int] = []
    for index in indexes:
        if difference >> (ID_BITS - 1 - index) & 1:
            nearer.append(index)
        else:
            later.append(index)
    later.reverse()
    return nearer + later
