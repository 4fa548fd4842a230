"""The routing table of one address family (Kademlia, section 2.4; BEP 5), as an object that decides
and does nothing else.

Bucket i holds the contacts that share exactly i leading bits with the own ID. Only verified
contacts are offered to it, those that answered a query of this node. A full bucket is never changed
by a new contact: its weakest entry is challenged, the new contact waits in the replacement cache,
and only two spaced failures of the challenged entry make room (ping-before-evict). The exception
are entries beyond the soft cap of their netgroup (`diversity.py`): they give way at once.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable

from ...config import TableConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...ids import ID_BYTES, NodeId
from ..addressing.bep42 import Bep42Check, anywhere
from ..addressing.contact_pool import ContactPool
from ..addressing.own_ids import OwnIds
from ..addressing.policy import AddressPolicy
from .bucket import Bucket, Entry, new_entry
from .buckets import Buckets
from .diversity import DiversityRule
from .offer import ADDED, CHALLENGE, CONTRADICTED, REFUSED, Decision, Offer, Removal


class RoutingTable(Buckets):
    __slots__ = (
        "_bep42_valid",
        "_contradictions",
        "_diversity",
        "_gives_way",
        "_own",
        "_pinned",
        "_pool",
        "_when_full",
        "_when_moved",
        "changes",
        "own_ids",
        "pins",
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
        super().__init__(family, own_id, config, scopes)
        self.own_ids = OwnIds() if own_ids is None else own_ids
        self.own_ids.becomes(family, own_id)
        self._own = self.own_ids.known
        self._diversity = diversity
        self._bep42_valid = bep42_valid
        self._pool = ContactPool() if pool is None else pool
        self._when_full: Callable[[Bucket, Entry], Offer] = (
            self._challenge if challenge_incumbents else self._replace_oldest
        )
        self._when_moved: Callable[[Bucket, Entry, Entry], Offer] = (
            self._doubt_move if challenge_incumbents else self._believe_move
        )
        # The other ID that answered from the endpoint of an entry; seen twice, it counts.
        self._contradictions: dict[Endpoint, NodeId] = {}
        # The entry of each full bucket that is the first to give way, and when that was looked up.
        self._gives_way: dict[int, tuple[int, Entry | None]] = {}
        self.changes = 0
        """Grows whenever an answer may differ from earlier ones: an entry came or left, or became
        returnable or not.
        """
        self._pinned: set[Endpoint] = set()
        self.pins = 0
        """How often an endpoint was pinned: so many entries may be beyond caps and capacity."""

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
        if contact.id in self._own:
            return Offer(REFUSED, reason="own-id")
        bucket = self._bucket_for(contact.id, now)
        newcomer = new_entry(self._pool, contact, bucket.index, now, inbound, rtt_s, client)
        incumbent = bucket.get(contact.id)
        if incumbent is not None:
            return self._when_moved(bucket, incumbent, newcomer)
        if contact.endpoint in self._pinned:
            return Offer(ADDED, self._insert(bucket, newcomer))
        refusal = self._diversity.refusal(contact.endpoint, bucket.index)
        if refusal:
            return Offer(REFUSED, reason=refusal)
        if not bucket.is_full:
            if self.own_ids.bears(contact):  # a hash, so not before it matters
                return Offer(REFUSED, reason="own-id")
            return Offer(ADDED, self._insert(bucket, newcomer))
        return self._when_full(bucket, newcomer)

    def unknown(self, packed: Iterable[bytes]) -> list[bytes]:
        """Of compact contacts of this family, those at whose endpoints there is no entry."""
        by_endpoint = self._by_endpoint
        return [each for each in packed if each[ID_BYTES:] not in by_endpoint]

    def wants(self, contact: Contact) -> bool:
        """Whether verifying this unverified contact is worth a query: there is a vacancy, or a
        surplus entry that would give way, and no cap forbids it. Replacements cost no query: they
        answered a lookup when their bucket was full.
        """
        if contact.endpoint in self._by_endpoint or contact.id in self._own:
            return False
        index = self.bucket_index(contact.id)
        bucket = self._buckets.get(index)
        if bucket is not None:
            if bucket.is_full and (
                not self._diversity.any_is_over_full
                or self._surplus_before(contact.endpoint, bucket) is None
            ):
                return False
            if bucket.get(contact.id) is not None:
                return False
        return self._diversity.refusal(contact.endpoint, index) is None

    def _surplus_before(self, endpoint: Endpoint, bucket: Bucket) -> Entry | None:
        """The entry of a full bucket that gives way to a verified contact there: the youngest of
        the netgroups that are beyond their soft cap.
        """
        if not self._diversity.any_is_over_full or self._diversity.is_surplus(endpoint):
            return None
        looked_up, entry = self._gives_way.get(bucket.index, (-1, None))
        if looked_up != self.changes:
            is_over_full, pinned = self._diversity.is_over_full, self._pinned
            surplus = [
                each
                for each in bucket.entries
                if is_over_full(each.contact.endpoint) and each.contact.endpoint not in pinned
            ]
            entry = max(surplus, key=lambda each: each.first_verified_at, default=None)
            self._gives_way[bucket.index] = self.changes, entry
        return entry

    def _challenge(self, bucket: Bucket, newcomer: Entry) -> Offer:
        if self._diversity.is_surplus(newcomer.contact.endpoint):
            return Offer(REFUSED, reason="cap-netgroup")
        surplus = self._surplus_before(newcomer.contact.endpoint, bucket)
        if surplus is not None:
            self._take_out(surplus)
            return Offer(ADDED, self._insert(bucket, newcomer), evicted=(surplus,))
        bucket.keep_replacement(newcomer)
        doubtful = bucket.to_challenge()
        return Offer(CHALLENGE, doubtful) if doubtful else Offer(Decision.REPLACEMENT)

    def _replace_oldest(self, bucket: Bucket, newcomer: Entry) -> Offer:
        """Plain Kademlia without its ping, the baseline of ping-before-evict."""
        pinned = self._pinned
        unpinned = (each for each in bucket.entries if each.contact.endpoint not in pinned)
        oldest = next(unpinned, None)
        if oldest is None:
            return Offer(REFUSED, reason="static-peers")
        self._take_out(oldest)
        return Offer(ADDED, self._insert(bucket, newcomer), evicted=(oldest,))

    def _doubt_move(self, bucket: Bucket, incumbent: Entry, newcomer: Entry) -> Offer:
        """A known ID answers at another address: it moved, or it was stolen. The incumbent is
        checked first.
        """
        bucket.keep_replacement(newcomer)
        if incumbent.checking:
            return Offer(Decision.REPLACEMENT)
        return Offer(CHALLENGE, incumbent)

    def _believe_move(self, bucket: Bucket, incumbent: Entry, newcomer: Entry) -> Offer:
        """Every claim of an ID is believed, as in jech/dht and OpenDHT; the baseline of
        `_doubt_move`.
        """
        refusal = self._diversity.refusal(newcomer.contact.endpoint, bucket.index)
        if refusal:
            return Offer(REFUSED, reason=refusal)
        if incumbent.contact.endpoint in self._pinned:
            return Offer(REFUSED, reason="static-peers")
        self._take_out(incumbent)
        return Offer(ADDED, self._insert(bucket, newcomer), evicted=(incumbent,))

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
        return Offer(CONTRADICTED, incumbent)

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
        self.pins += 1
        self._gives_way.clear()

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
        # One netgroup beyond its soft cap takes no place that an entry of another one could have.
        within_caps = [entry for entry in entries if self._move_in(entry, now, surplus=False)]
        moved = {entry.contact.endpoint for entry in within_caps}
        others = [entry for entry in entries if entry.contact.endpoint not in moved]
        left_over = [entry for entry in others if not self._move_in(entry, now, surplus=True)]
        for entry in [*left_over, *replacements]:
            if entry.id not in self._own:
                bucket = self._bucket_for(entry.id, now)
                entry.bucket = bucket.index
                bucket.keep_replacement(entry)
        for bucket in self._buckets.values():  # least recently verified first again
            bucket.entries.sort(key=lambda entry: entry.verified_at)
        return left_over

    def take_out_own(self) -> list[Entry]:
        """Removes the entries and replacements that bear an ID of this node, present or past.
        Returns the entries.
        """
        for bucket in self._buckets.values():
            for own_id in self._own.intersection(bucket.replacements):
                del bucket.replacements[own_id]
        bearers = [entry for entry in self if entry.id in self._own]
        for entry in bearers:
            self._take_out(entry)
        return bearers

    def take_out_barred(self) -> list[Removal]:
        """Removes the entries and replacements at addresses that the operator excludes. Returns
        what became of the entries.
        """
        is_barred = self._scopes.is_barred
        for bucket in self._buckets.values():
            replacements = bucket.replacements
            for each in [*replacements.values()]:
                if is_barred(each.contact.endpoint):
                    del replacements[each.id]
        return [self.remove(each) for each in [*self] if is_barred(each.contact.endpoint)]

    def _move_in(self, entry: Entry, now: float, *, surplus: bool) -> bool:
        if entry.id in self._own:
            return False
        bucket = self._bucket_for(entry.id, now)
        pinned = entry.contact.endpoint in self._pinned
        if not pinned and (
            bucket.is_full
            or self._diversity.refusal(entry.contact.endpoint, bucket.index) is not None
            or (not surplus and self._diversity.is_surplus(entry.contact.endpoint))
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
        most recently verified one with a valid ID (BEP 42), then of the others; one beyond the soft
        cap of its netgroup comes last.
        """
        if bucket.is_full:
            return None
        valid, by_endpoint = self._bep42_valid, self._by_endpoint
        newest_first = [*bucket.replacements.values()][::-1]
        is_surplus = self._diversity.is_surplus
        newest_first.sort(
            key=lambda each: (
                is_surplus(each.contact.endpoint),
                not valid(each.id, each.contact.endpoint),
            )
        )
        for replacement in newest_first:
            del bucket.replacements[replacement.id]
            endpoint = replacement.contact.endpoint
            if endpoint in by_endpoint or bucket.get(replacement.id) is not None:
                continue
            if self.own_ids.bears(replacement.contact):
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
        bucket.insert(entry)
        contact = entry.contact
        if bucket.replacements:
            bucket.replacements.pop(contact.id, None)
        bucket.touched_at = max(bucket.touched_at, entry.verified_at)
        self._by_endpoint[contact.endpoint] = entry
        self._diversity.add(contact.endpoint, bucket.index)
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
