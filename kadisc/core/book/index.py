"""The entries of the address book in their two tables, found by host, by endpoint and by key."""

from __future__ import annotations

from collections.abc import Iterator

from ...endpoints import IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES, Endpoint
from ..addressing.policy import AddressPolicy
from .entry import BookEntry
from .tables import BookTable, Place, PlacementRule


class BookIndex:
    """``len()`` is the number of entries in both tables; iteration goes through the tried table,
    then through the new one. Each host (IPv6 /64) has one entry at most, and each key one in each
    family.
    """

    __slots__ = ("_by_host", "_by_key", "_placement", "_policy", "new", "tried")

    def __init__(self, policy: AddressPolicy, placement: PlacementRule) -> None:
        self._policy = policy
        self._placement = placement
        self.new = BookTable()
        self.tried = BookTable()
        self._by_host: dict[bytes, BookEntry] = {}
        self._by_key: dict[tuple[bytes, int], BookEntry] = {}  # by key and length of the endpoint

    def __len__(self) -> int:
        return len(self._by_host)

    def __iter__(self) -> Iterator[BookEntry]:
        yield from self.tried
        yield from self.new

    def at(self, endpoint: Endpoint) -> BookEntry | None:
        entry = self._by_host.get(self._policy.host(endpoint))
        return entry if entry is not None and entry.endpoint == endpoint else None

    def of_host(self, host: bytes) -> BookEntry | None:
        return self._by_host.get(host)

    def of_key(self, key: bytes, endpoint: Endpoint) -> BookEntry | None:
        """The entry of a key in the family of ``endpoint``."""
        return self._by_key.get((key, len(endpoint)))

    def all_of_key(self, key: bytes) -> list[BookEntry]:
        """The entries of a key in both families."""
        sizes = (IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES)
        return [entry for size in sizes if (entry := self._by_key.get((key, size))) is not None]

    def place_of(self, entry: BookEntry) -> Place:
        """The one place of an entry in the table that ``entry.tried`` names."""
        if entry.tried:
            return self._placement.tried(entry.endpoint)
        return self._placement.new(entry.endpoint, entry.source)

    def tried_place_of(self, entry: BookEntry) -> Place:
        """The place that an entry of the new table would have in the tried one."""
        return self._placement.tried(entry.endpoint)

    def put(self, place: Place, entry: BookEntry) -> None:
        """Puts an entry into the table that ``entry.tried`` names; the place must be empty."""
        (self.tried if entry.tried else self.new).put(place, entry)
        entry.place = place
        self._by_host[entry.host] = entry
        if entry.peer is not None:
            self._by_key[entry.peer.key, len(entry.endpoint)] = entry

    def remove(self, entry: BookEntry) -> None:
        """Does nothing for an entry that is in no table."""
        if entry.place is None:
            return
        (self.tried if entry.tried else self.new).take(entry.place)
        entry.place = None
        del self._by_host[entry.host]
        if entry.peer is not None:
            self._by_key.pop((entry.peer.key, len(entry.endpoint)), None)

    def add_key(self, entry: BookEntry, key: bytes) -> None:
        self._by_key[key, len(entry.endpoint)] = entry

    def drop_key(self, entry: BookEntry, key: bytes) -> None:
        self._by_key.pop((key, len(entry.endpoint)), None)

    def inconsistencies(self) -> Iterator[str]:
        """What contradicts itself, as `core/self_check.py` reports it."""
        if len(self.new) + len(self.tried) != len(self._by_host):
            yield f"the tables of the book have another size than its index: {len(self._by_host)}"
        keys = 0
        for table, is_tried in ((self.new, False), (self.tried, True)):
            for entry in table:
                if self._by_host.get(entry.host) is not entry:
                    yield f"an entry of the book is not found by its host: {entry.endpoint.hex()}"
                if entry.tried != is_tried or entry.place is None:
                    yield f"an entry of the book is in the wrong table: {entry.endpoint.hex()}"
                elif table.at(entry.place) is not entry:
                    yield f"an entry of the book is not at its place: {entry.place}"
                if entry.peer is not None:
                    keys += 1
                    if self.of_key(entry.peer.key, entry.endpoint) is not entry:
                        yield f"an entry of the book is not found by its key: {entry.place}"
        if keys != len(self._by_key):
            yield f"the book has another number of keys than of peers: {len(self._by_key)}, {keys}"

    def diverse(self, entries: list[BookEntry], count: int) -> list[BookEntry]:
        """At most ``count`` entries: the first of each /16 (IPv6 /32), then the first of each
        further /24 (/48).
        """
        chosen: list[BookEntry] = []
        subnets = set[bytes]()
        netgroups = set[bytes]()
        for only_new_netgroups in (True, False):
            for entry in entries:
                if len(chosen) >= count:
                    return chosen
                subnet, netgroup = self._placement.prefixes(entry.endpoint)
                if subnet in subnets or (only_new_netgroups and netgroup in netgroups):
                    continue
                chosen.append(entry)
                subnets.add(subnet)
                netgroups.add(netgroup)
        return chosen
