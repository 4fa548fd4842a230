"""The routing table of one address family (Kademlia, section 2.4; BEP 5), as an object that decides
and does nothing else.

Bucket i holds the contacts that share exactly i leading bits with the own ID. Only verified
contacts are offered to it, those that answered a query of this node. A full bucket is never changed
by a new contact: its weakest entry is challenged, the new contact waits in the replacement cache,
and only two spaced failures of the challenged entry make room (ping-before-evict).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator

from ...config import TableConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family, Scope
from ...ids import ID_BITS, ID_BYTES, NodeId, shared_prefix_bits
from ...wire.compact import CONTACT_BYTES
from ..addressing.bep42 import Bep42Check, anywhere
from ..addressing.contact_pool import ContactPool
from ..addressing.own_ids import OwnIds
from ..addressing.policy import AddressPolicy
from .bucket import Bucket, Entry, by_distance, new_entry
from .diversity import DiversityRule
from .offer import Decision, Offer, Removal


class RoutingTable:
    __slots__ = (
        "_bep42_valid",
        "_buckets",
        "_by_endpoint",
        "_config",
        "_contradictions",
        "_diversity",
        "_one_scope_entries",
        "_order",
        "_own",
        "_pinned",
        "_pool",
        "_scopes",
        "_when_full",
        "_when_moved",
        "changes",
        "family",
        "own_id",
        "own_ids",
    )

    def __init__(
        self,
        family: Family,
        own_id: NodeId,
        config: TableConfig,
        scopes: AddressPolicy,
        diversity: DiversityRule,
        *,
        challenge_incumbents: bool = True,
        bep42_valid: Bep42Check = anywhere,
        pool: ContactPool | None = None,
        own_ids: OwnIds | None = None,
    ) -> None:
        """``bep42_valid`` tells whether an ID follows from its address (BEP 42): a replacement with
        such an ID wins a vacancy. ``own_ids``: of this node in all families.
        """
        self.family = family
        self.own_id = own_id
        self.own_ids = OwnIds() if own_ids is None else own_ids
        self.own_ids.becomes(family, own_id)
        self._own = self.own_ids.known
        self._config = config
        self._scopes = scopes
        self._diversity = diversity
        self._bep42_valid = bep42_valid
        self._pool = ContactPool() if pool is None else pool
        self._when_full: Callable[[Bucket, Entry], Offer] = (
            self._challenge if challenge_incumbents else self._replace_oldest
        )
        self._when_moved: Callable[[Bucket, Entry, Entry], Offer] = (
            self._doubt_move if challenge_incumbents else self._believe_move
        )
        self._buckets: dict[int, Bucket] = {}
        self._order: list[int] = []  # their indexes, ascending
        self._by_endpoint: dict[Endpoint, Entry] = {}
        # The other ID that answered from the endpoint of an entry; seen twice, it counts.
        self._contradictions: dict[Endpoint, NodeId] = {}
        self._one_scope_entries = 0
        self.changes = 0
        """Grows whenever an answer may differ from earlier ones: an entry came or left, or became
        returnable or not.
        """
        self._pinned: set[Endpoint] = set()

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
        return shared_prefix_bits(self.own_id, node_id)

    def capacity(self, index: int) -> int:
        sizes = self._config.bucket_sizes
        return sizes[index] if index < len(sizes) else sizes[-1]

    def is_wide(self, index: int) -> bool:
        """Whether that bucket has more places than the deepest ones."""
        return self.capacity(index) > self._config.bucket_sizes[-1]

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

    # --- contacts that are offered ----------------------------------------------------------------

    def offer(
        self,
        contact: Contact,
        now: float,
        *,
        inbound: bool = False,
        rtt_s: float | None = None,
        client: bytes | None = None,
    ) -> Offer:
        """Offers a contact that has just answered a query of this node."""
        incumbent = self._by_endpoint.get(contact.endpoint)
        if incumbent is not None and incumbent.id == contact.id:
            return Offer(Decision.KNOWN, incumbent)
        if incumbent is not None:
            return self._contradict(incumbent, contact, now)
        if self.own_ids.bears(contact):
            return Offer(Decision.REFUSED, reason="own-id")
        bucket = self._bucket_for(contact.id, now)
        newcomer = new_entry(self._pool, contact, bucket.index, now, inbound, rtt_s, client)
        incumbent = bucket.get(contact.id)
        if incumbent is not None:
            return self._when_moved(bucket, incumbent, newcomer)
        if contact.endpoint in self._pinned:
            return Offer(Decision.ADDED, self._insert(bucket, newcomer))
        refusal = self._diversity.refusal(contact.endpoint, bucket.index)
        if refusal:
            return Offer(Decision.REFUSED, reason=refusal)
        if not bucket.is_full:
            return Offer(Decision.ADDED, self._insert(bucket, newcomer))
        return self._when_full(bucket, newcomer)

    def unknown_in(self, raw: bytes) -> bytes:
        """Of compact contacts of this family, those at whose endpoints there is no entry."""
        by_endpoint, size = self._by_endpoint, CONTACT_BYTES[self.family]
        return b"".join(
            [
                raw[at : at + size]
                for at in range(0, len(raw), size)
                if raw[at + ID_BYTES : at + size] not in by_endpoint
            ]
        )

    def wants(self, contact: Contact) -> bool:
        """Whether verifying this unverified contact is worth a query: there is a vacancy, and no
        cap forbids it. Replacements cost no query: they answered a lookup when their bucket was
        full.
        """
        if contact.id in self._own or contact.endpoint in self._by_endpoint:
            return False
        index = self.bucket_index(contact.id)
        bucket = self._buckets.get(index)
        if bucket and (bucket.is_full or bucket.get(contact.id) is not None):
            return False
        return self._diversity.refusal(contact.endpoint, index) is None

    def _challenge(self, bucket: Bucket, newcomer: Entry) -> Offer:
        if self._diversity.is_surplus(newcomer.contact.endpoint):
            return Offer(Decision.REFUSED, reason="cap-netgroup")
        bucket.keep_replacement(newcomer)
        doubtful = bucket.to_challenge()
        return Offer(Decision.CHALLENGE, doubtful) if doubtful else Offer(Decision.REPLACEMENT)

    def _replace_oldest(self, bucket: Bucket, newcomer: Entry) -> Offer:
        """Plain Kademlia without its ping, the baseline of ping-before-evict."""
        oldest = bucket.entries[0]
        self._take_out(oldest)
        return Offer(Decision.ADDED, self._insert(bucket, newcomer), evicted=(oldest,))

    def _doubt_move(self, bucket: Bucket, incumbent: Entry, newcomer: Entry) -> Offer:
        """A known ID answers at another address: it moved, or it was stolen. The incumbent is
        checked first.
        """
        bucket.keep_replacement(newcomer)
        if incumbent.checking:
            return Offer(Decision.REPLACEMENT)
        return Offer(Decision.CHALLENGE, incumbent)

    def _believe_move(self, bucket: Bucket, incumbent: Entry, newcomer: Entry) -> Offer:
        """Every claim of an ID is believed, as in jech/dht and OpenDHT; the baseline of
        `_doubt_move`.
        """
        refusal = self._diversity.refusal(newcomer.contact.endpoint, bucket.index)
        if refusal:
            return Offer(Decision.REFUSED, reason=refusal)
        self._take_out(incumbent)
        return Offer(Decision.ADDED, self._insert(bucket, newcomer), evicted=(incumbent,))

    def _contradict(self, incumbent: Entry, contact: Contact, now: float) -> Offer:
        """Another ID answered from the endpoint of an incumbent: the node was restarted, or two
        nodes share one NAT mapping, or it takes a new ID for each answer. One ID that answers twice
        in a row counts; the incumbent has failed otherwise.
        """
        if self.contradicted_by(contact.endpoint) == contact.id and not incumbent.checking:
            self._take_out(incumbent)
            offer = self.offer(contact, now, inbound=incumbent.inbound)
            return offer._replace(evicted=(incumbent, *offer.evicted))
        self._contradictions[contact.endpoint] = contact.id
        return Offer(Decision.CONTRADICTED, incumbent)

    def contradicted_by(self, endpoint: Endpoint) -> NodeId | None:
        """The other ID that has answered once from the endpoint of an entry, since the entry itself
        last answered.
        """
        return self._contradictions.get(endpoint)

    def pin(self, endpoint: Endpoint) -> None:
        """Keeps the contact at that endpoint beyond caps and capacity, and also while it is silent,
        as the operator wishes.
        """
        self._pinned.add(endpoint)

    def unpin(self, endpoint: Endpoint) -> None:
        """Treats the contact at that endpoint like any other from now on."""
        self._pinned.discard(endpoint)

    def rebase(self, own_id: NodeId, now: float) -> list[Entry]:
        """Moves all entries to the buckets that they belong into under another own ID. Returns
        those that found no place, the ones verified longest ago; they are replacements now where
        there was room.
        """
        entries = sorted(self, key=lambda entry: entry.verified_at, reverse=True)
        replacements = [
            replacement
            for bucket in self._buckets.values()
            for replacement in bucket.replacements.values()
        ]
        for entry in entries:
            self._take_out(entry)
        self.own_id = own_id
        self.own_ids.becomes(self.family, own_id)
        self._buckets = {}
        self._order = []
        left_over = [entry for entry in entries if not self._move_in(entry, now)]
        for entry in [*left_over, *replacements]:
            if entry.id not in self._own:
                bucket = self._bucket_for(entry.id, now)
                entry.bucket = bucket.index
                bucket.keep_replacement(entry)
        for bucket in self._buckets.values():  # least recently verified first again
            bucket.entries.sort(key=lambda entry: entry.verified_at)
        return left_over

    def _move_in(self, entry: Entry, now: float) -> bool:
        if entry.id in self._own:
            return False
        bucket = self._bucket_for(entry.id, now)
        pinned = entry.contact.endpoint in self._pinned
        if not pinned and (
            bucket.is_full
            or self._diversity.refusal(entry.contact.endpoint, bucket.index) is not None
        ):
            return False
        entry.bucket = bucket.index
        self._insert(bucket, entry)
        return True

    # --- what is learned about entries ------------------------------------------------------------

    def confirm(
        self,
        contact: Contact,
        now: float,
        *,
        rtt_s: float | None = None,
        client: bytes | None = None,
        proven: bool = False,
    ) -> Entry | None:
        """The entry answered a query: it is alive, moves to the tail and touches its bucket.
        ``proven``: the answer proves that it is reachable.
        """
        entry = self._by_endpoint.get(contact.endpoint)
        if entry is None or entry.id != contact.id:
            return None
        entry.verified_at = entry.traffic_at = self._pool.moment(now)
        if not entry.returnable:
            self.changes += 1
        entry.failures = 0
        self._contradictions.pop(contact.endpoint, None)
        entry.inbound = entry.inbound and not proven
        if rtt_s is not None:
            entry.rtt_s = self._pool.rtt(
                rtt_s if entry.rtt_s is None else entry.rtt_s + 0.25 * (rtt_s - entry.rtt_s)
            )
        if client and client != entry.client:
            entry.client = self._pool.client(client)
        bucket = self._buckets[entry.bucket]
        bucket.move_to_tail(entry)
        bucket.touched_at = now
        return entry

    def fail(
        self, entry: Entry, now: float, *, spacing_s: float, failures_to_evict: int
    ) -> Removal | None:
        """A query to the entry failed. Failures closer than ``spacing_s`` count as one; after
        ``failures_to_evict`` of them the entry is removed.
        """
        if (
            self._by_endpoint.get(entry.contact.endpoint) is not entry
            or now < entry.failed_at + spacing_s
        ):
            return None
        entry.failed_at = now
        entry.failures += 1
        self.changes += 1
        evict = entry.failures >= failures_to_evict and entry.contact.endpoint not in self._pinned
        return self.remove(entry) if evict else None

    def remove(self, entry: Entry) -> Removal:
        self._take_out(entry)
        return Removal(entry, self._promote(self._buckets[entry.bucket]))

    def _promote(self, bucket: Bucket) -> Entry | None:
        """Fills a vacancy with the best replacement that the caps, checked again now, allow: the
        most recently verified one with a valid ID (BEP 42), then of the others.
        """
        if bucket.is_full:
            return None
        valid, by_endpoint = self._bep42_valid, self._by_endpoint
        newest_first = [*bucket.replacements.values()][::-1]
        newest_first.sort(key=lambda each: not valid(each.id, each.contact.endpoint))
        for replacement in newest_first:
            del bucket.replacements[replacement.id]
            endpoint = replacement.contact.endpoint
            if endpoint in by_endpoint or bucket.get(replacement.id) is not None:
                continue
            if self._diversity.refusal(endpoint, bucket.index) is None:
                return self._insert(bucket, replacement)
        return None

    def _bucket_for(self, node_id: NodeId, now: float) -> Bucket:
        index = self.bucket_index(node_id)
        bucket = self._buckets.get(index)
        if bucket is None:
            bucket = self._buckets[index] = Bucket(
                index, self.capacity(index), self._config.replacements_per_bucket, now
            )
            insort(self._order, index)
        return bucket

    def _insert(self, bucket: Bucket, entry: Entry) -> Entry:
        if self._diversity.is_surplus(entry.contact.endpoint):
            bucket.surplus |= {entry}
        bucket.insert(entry)
        bucket.replacements.pop(entry.id, None)
        bucket.touched_at = max(bucket.touched_at, entry.verified_at)
        self._by_endpoint[entry.contact.endpoint] = entry
        self._diversity.add(entry.contact.endpoint, bucket.index)
        self._one_scope_entries += self._is_of_one_scope(entry)
        self.changes += 1
        return entry

    def _take_out(self, entry: Entry) -> None:
        bucket = self._buckets[entry.bucket]
        bucket.remove(entry)
        del self._by_endpoint[entry.contact.endpoint]
        self._contradictions.pop(entry.contact.endpoint, None)
        self._diversity.remove(entry.contact.endpoint, entry.bucket)
        self._one_scope_entries -= self._is_of_one_scope(entry)
        self.changes += 1

    def _is_of_one_scope(self, entry: Entry) -> bool:
        """Whether the entry may be returned to askers of its own scope only."""
        return self._scopes.of(entry.contact.endpoint) is not Scope.PUBLIC

    # --- answers ----------------------------------------------------------------------------------

    @property
    def is_of_one_scope(self) -> bool:
        """Whether all entries may be returned to every asker."""
        return not self._one_scope_entries

    def closest(self, target: NodeId, count: int, scope: Scope | None = None) -> list[Entry]:
        """The exact ``count`` returnable entries closest to ``target``, closest first; if there are
        fewer, the other entries fill up. With ``scope``, only entries that may be returned to an
        asker of that scope.
        """
        if scope is None or not self._one_scope_entries:
            # No entry is closer than those in the bucket that the target belongs into, and that
            # bucket nearly always holds enough.
            own_bucket = self._buckets.get(ID_BITS - (self.own_id ^ target).bit_length())
            found = own_bucket.nearest(target, count) if own_bucket is not None else []
            if len(found) == count:
                return found
            found = []
            for index in by_distance(self._order, self.own_id ^ target):
                found += self._buckets[index].nearest(target, count - len(found))
                if len(found) == count:
                    return found
            fit = list(self)
        else:
            fit = [
                entry
                for entry in self
                if self._scopes.of(entry.contact.endpoint) in (Scope.PUBLIC, scope)
            ]
        # Rare: addresses of several scopes, or too few returnable entries.
        ranked = sorted(fit, key=lambda entry: entry.id ^ target)
        returnable = [entry for entry in ranked if entry.returnable]
        return (returnable if len(returnable) >= count else ranked)[:count]
