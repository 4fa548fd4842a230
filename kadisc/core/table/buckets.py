"""The buckets of one routing table, and what is read of them: single entries, and those closest to
a target for an answer. What enters and leaves is decided in `routing_table.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...config import TableConfig
from ...endpoints import PUBLIC, Endpoint, Family, Scope
from ...ids import ID_BITS, NodeId
from ..addressing.policy import AddressPolicy
from .bucket import Bucket, Entry, by_distance


class Buckets:
    __slots__ = (
        "_buckets",
        "_by_endpoint",
        "_config",
        "_one_scope_entries",
        "_order",
        "_scopes",
        "family",
        "own_id",
    )

    def __init__(
        self, family: Family, own_id: NodeId, config: TableConfig, scopes: AddressPolicy
    ) -> None:
        self.family = family
        self.own_id = own_id
        self._config = config
        self._scopes = scopes
        self._buckets: dict[int, Bucket] = {}
        self._order: list[int] = []  # their indexes, ascending
        self._by_endpoint: dict[Endpoint, Entry] = {}
        self._one_scope_entries = 0

    def __len__(self) -> int:
        return len(self._by_endpoint)

    def __iter__(self) -> Iterator[Entry]:
        """All entries, by bucket, each least recently verified first."""
        for bucket in self.buckets():
            yield from bucket.entries

    def buckets(self) -> list[Bucket]:
        """The buckets that ever held an entry, by index."""
        return [self._buckets[index] for index in self._order]

    def bucket_index(self, node_id: NodeId) -> int:
        return ID_BITS - (self.own_id ^ node_id).bit_length()  # the shared bits

    def capacity(self, index: int) -> int:
        sizes = self._config.bucket_sizes
        return sizes[index] if index < len(sizes) else sizes[-1]

    def is_wide_and_below(self, share: float, index: int) -> bool:
        """Whether that bucket has more places than the deepest ones, and entries in less than this
        share of them.
        """
        capacity = self.capacity(index)
        return capacity > self._config.bucket_sizes[-1] and self.count(index) < share * capacity

    def count(self, index: int) -> int:
        """Entries in one bucket."""
        bucket = self._buckets.get(index)
        return len(bucket.entries) if bucket else 0

    def at(self, endpoint: Endpoint) -> Entry | None:
        return self._by_endpoint.get(endpoint)

    def holds(self, endpoint: Endpoint) -> bool:
        return endpoint in self._by_endpoint

    def get(self, node_id: NodeId) -> Entry | None:
        bucket = self._buckets.get(self.bucket_index(node_id))
        return bucket.get(node_id) if bucket else None

    def _is_of_one_scope(self, entry: Entry) -> bool:
        """Whether the entry may be returned to askers of its own scope only."""
        pooled = entry.pooled
        return pooled.scope is not PUBLIC and self._scopes.of(pooled.contact.endpoint) is not PUBLIC

    @property
    def is_of_one_scope(self) -> bool:
        """Whether all entries may be returned to every asker."""
        return not self._one_scope_entries

    def inconsistencies(self, surplus: int = 0) -> Iterator[str]:
        """What contradicts itself, as `core/self_check.py` reports it. ``surplus``: entries that
        may stand beyond the capacity of their bucket, because the operator asked for them.
        """
        found = 0
        for index, bucket in self._buckets.items():
            if bucket.index != index or len(bucket.entries) > bucket.capacity + surplus:
                yield f"a bucket is over its capacity: {index} has {len(bucket.entries)} entries"
            if len(bucket.replacements) > self._config.replacements_per_bucket:
                yield f"a bucket has too many replacements: {index}, {len(bucket.replacements)}"
            before = None
            for entry in bucket.entries:
                found += 1
                if self._by_endpoint.get(entry.contact.endpoint) is not entry:
                    yield f"an entry is not found by its endpoint: {entry.contact}"
                if bucket.get(entry.id) is not entry:
                    yield f"an entry is not found by its ID: {entry.contact}"
                if entry.bucket != index or self.bucket_index(entry.id) != index:
                    yield f"an entry is in another bucket than its ID says: {entry.contact}"
                if before is not None and entry.verified_at < before:
                    yield f"a bucket is out of order: {index}"
                before = entry.verified_at
        if found != len(self._by_endpoint):
            yield f"the table has another size than its buckets: {found}, {len(self)}"
        if self._order != sorted(self._buckets):
            yield f"the buckets of the table are out of order: {self._order}"
        if self._one_scope_entries != sum(map(self._is_of_one_scope, self)):
            yield f"entries that are not public are miscounted: {self._one_scope_entries}"

    def closest(self, target: NodeId, count: int, scope: Scope | None = None) -> list[Entry]:
        """The exact ``count`` returnable entries closest to ``target``, closest first; if there are
        fewer, the other entries fill up. With ``scope``, only entries that may be returned to an
        asker of that scope.
        """
        if scope is None or not self._one_scope_entries:
            # No entry is closer than those in the bucket that the target belongs into, which comes
            # first, and that bucket nearly always holds enough.
            difference = self.own_id ^ target
            own = ID_BITS - difference.bit_length()
            buckets = self._buckets
            found: list[Entry] = []
            if (own_bucket := buckets.get(own)) is not None:
                own_bucket.add_nearest(found, target, count)
                if len(found) == count:
                    return found
            for index in by_distance(self._order, difference):
                if index != own:
                    buckets[index].add_nearest(found, target, count)
                    if len(found) == count:
                        return found
            fit = list(self)
        else:
            # One contact in the own LAN must not make each answer a search of the whole table: of
            # so many entries as many as are wanted may be returned.
            wanted, scopes = count + self._one_scope_entries, (PUBLIC, scope)
            found = []
            for index in by_distance(self._order, self.own_id ^ target):
                for entry in self._buckets[index].nearest(target, wanted):
                    if self._scopes.of(entry.contact.endpoint) in scopes:
                        found.append(entry)
                if len(found) >= count:
                    return found[:count]
            fit = [entry for entry in self if self._scopes.of(entry.contact.endpoint) in scopes]
        # Rare: too few returnable entries.
        ranked = sorted(fit, key=lambda entry: entry.id ^ target)
        returnable = [entry for entry in ranked if entry.returnable]
        return (returnable if len(returnable) >= count else ranked)[:count]
