"""Verification of peers of the own network: the one owner of what is known of a peer, which changes
it after each exchange, answer and time-out.

A peer is verified only by an exchange of records that this node began, with the peer itself, at the
endpoint where it answers, and only if it proves there that it has the key of its record
(`proof.py`). A peer that does not is *unproven*: a partner of gossip, on which nothing else is
built (`unproven_peers.py`). Third-party reports only make candidates (`reports.py`). A time-out
counts only while this node is online. A peer that answered only through the NAT mapping that its
own query opened is not named to other nodes until it answers without that mapping, except while
this node knows too few peers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ...config import CoreConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family, family_of
from ...ids import NodeId
from ...wire.records import PeerRecord
from ..addressing.netgroup_sampling import PrefixOf
from ..contract.events import Event, PeerLost, PeerVerified
from ..contract.peer_status import PeerStatus
from ..contract.queries import PendingQuery
from ..contract.times import NEVER
from ..contract.verified_peer import VerifiedPeer
from ..dht import Dht
from .candidates import Candidate
from .components import PeerComponents
from .known_peers import KnownPeer, KnownPeers, known_peer, verified_peer
from .lan_rule import LanRule
from .proof import KeyProofRule, Proof
from .record_policy import Refused
from .shared_addresses import SharedAddresses
from .unproven_peers import MAX_UNPROVEN, UnprovenPeers

FAILURE_SPACING_S: Final = 10.0
"""A peer that timed out, or that pushed a newer record, is not asked again for so long."""
CHANGED_SHARE: Final = 0.05
"""The share of the known peers that must come or go in a round for rounds to become faster."""
BOOK_INTERVAL_S: Final = 60.0
"""The answers of one peer are noted in the book at most this often."""


class PeerVerifier:
    def __init__(
        self,
        config: CoreConfig,
        components: PeerComponents,
        network_of: PrefixOf,
        dhts: Mapping[Family, Dht],
        proofs: KeyProofRule,
    ) -> None:
        host_of = components.scopes.host
        self.known = KnownPeers(host_of, network_of)
        """The peers that proved their keys."""
        self.unproven = UnprovenPeers(host_of, network_of, MAX_UNPROVEN)
        """Peers that answered with a valid record, and perhaps a copied one."""
        self._shared = SharedAddresses(self.known)
        self._lan = LanRule(self.known, components.scopes.lan)
        self.proofs = proofs
        self._view = components.view
        self._book = components.book
        self._records = components.records
        self._tombstones = components.tombstones
        self._backoff = components.backoff
        self._credit = components.credit
        self._bucket_quota = components.bucket_quota
        self._partners = components.partners
        self._own_record = components.own_record
        self._mass_failure = components.mass_failure
        self._changes = 0
        """Peers that came or went since the last round."""
        self._config = config.gossip
        self._ttl = config.gossip.max_ttl
        self._spacing_s = config.book.failure_spacing_s
        self._enough = config.rendezvous.enough_peers
        self._quarantine_s = config.maintenance.quarantine_silence_s
        self._dhts = dhts

    # --- what is known ----------------------------------------------------------------------------

    def at(self, endpoint: Endpoint) -> KnownPeer | None:
        """The peer at that endpoint, proven or not."""
        known = self.known.at(endpoint)
        return known if known is not None else self.unproven.at(endpoint)

    def must_prove(self, endpoint: Endpoint, now: float) -> bool:
        """Whether the next query of gossip there asks for a proof of key."""
        known = self.known.at(endpoint)
        proven_at = NEVER if known is None or known.needs_record else known.status.proven_at
        return self.proofs.is_due(proven_at, now)

    @property
    def too_few(self) -> bool:
        """Whether so few peers are known that no candidate is left out."""
        return not self.known.has_reachable(self._enough)

    @property
    def changed(self) -> bool:
        """Whether enough peers came or went since the last round for a faster pace."""
        return self._changes > CHANGED_SHARE * len(self.known)

    @property
    def in_mass_failure(self) -> bool:
        """Whether many peers failed just now, or some were not asked again since then."""
        before = self.stale_before
        return self._mass_failure.ongoing or any(
            each.verified_at < before and not each.inbound for each in self.known
        )

    @property
    def stale_before(self) -> float:
        """A peer that has not answered since then may have failed with many others: it is not given
        to any node or caller until it answers.
        """
        return self._mass_failure.stale_before

    def returnable(self) -> list[KnownPeer]:
        """The peers that may be named to other nodes."""
        too_few, stale_before = self.too_few, self.stale_before
        return [
            each
            for each in self.known
            if each.verified_at >= stale_before
            and (too_few or not each.inbound)
            and not each.is_for_application_alone
        ]

    def presentable_unproven(self) -> list[KnownPeer]:
        """The unproven peers that the application may be given after all others."""
        return self.unproven.presentable(self.known, self.stale_before)

    def presentable(self, endpoint: Endpoint) -> VerifiedPeer | None:
        """The peer at that endpoint, if the application may be given it."""
        known = self.at(endpoint)
        if known is None or not (known.peer.is_proven or known in self.presentable_unproven()):
            return None
        return self.known.presented(known.peer)

    def is_in_use(self, known: KnownPeer) -> bool:
        in_use = known.from_push or known.on_lan or self._view.slots_of(known.endpoint) > 0
        return self.too_few if known.shares_address else in_use

    def own_endpoints(self) -> Iterable[Endpoint]:
        return [*self._own_record.own_endpoints(), *self._lan.own]

    def fills_vacancy(self, contact: Contact, source: bytes, now: float) -> bool:
        """Whether the routing table has a place for it, and the source has a share left there."""
        table = self._dhts[family_of(contact.endpoint)].table
        return table.wants(contact) and self._bucket_quota.allows(contact, source, table, now)

    # --- what others send -------------------------------------------------------------------------

    def query_received(self, endpoint: Endpoint, now: float) -> None:
        """A query of any kind came from there."""
        if (known := self.at(endpoint)) is not None:
            known.traffic_at = now

    def push_received(self, endpoint: Endpoint, now: float) -> KnownPeer | None:
        """A push with a valid token came from there. Returns the peer if it is known."""
        known = self.at(endpoint)
        if known is not None:
            known.traffic_at = now
            known.from_push = True
            known.ttl = self._ttl
        return known

    def reported(self, known: KnownPeer, ttl: int, now: float) -> None:
        """An answer names a peer that is known; the report may be relayed ``ttl`` times more."""
        if not known.failures:
            known.ttl = max(known.ttl, ttl)
        if known.peer.is_proven:
            self._view.named_again(known.status, now)

    def pushed_again(self, known: KnownPeer, now: float) -> None:
        """A known peer pushes the record that this node has already."""
        if known.peer.is_proven:
            self._view.named_again(known.status, now)

    def require_record(self, known: KnownPeer) -> None:
        """It has a new record, which this node asks it for at the next recheck."""
        known.needs_record = True

    def is_renewal(self, record: PeerRecord, endpoint: Endpoint, now: float) -> bool:
        """Whether a push says that a known peer has moved or has a new record: once a while it
        counts without a draw of the reservoir.
        """
        known = self.known.of_key(record.key, endpoint)
        if (
            known is None
            or record.sequence <= known.peer.sequence
            or now < known.renewal_at + FAILURE_SPACING_S
        ):
            return False
        known.renewal_at = now
        return True

    # --- answers and time-outs --------------------------------------------------------------------

    def answered(self, pending: PendingQuery, sender: NodeId, now: float) -> None:
        """A matched reply to a query of any kind."""
        endpoint = pending.endpoint
        if len(self._tombstones):
            self._tombstones.clear(endpoint)
        known = self.known.at(endpoint)
        if known is None:
            partner = self.unproven.at(endpoint)
            if partner is not None:
                self.unproven.answered(partner, now)
            return
        reaches_it = known.is_reached_by(pending, self._quarantine_s)
        self.known.answered(known, now)
        known.needs_record = known.needs_record or sender != known.peer.node_id
        is_first_now = self._shared.becomes_first(known)
        if (
            not known.needs_record
            and not known.inbound
            and not known.is_for_application_alone
            and (now >= known.booked_at + BOOK_INTERVAL_S or known.booked_at < self.stale_before)
        ):
            known.booked_at = now
            self._book.verified(known.status, now, source=known.book_source)
        if is_first_now or (known.inbound and reaches_it):
            known.inbound = known.inbound and not reaches_it
            self._offer(known, now)

    def missed(self, endpoint: Endpoint, now: float) -> list[Event]:
        """A query to this endpoint, of any kind, timed out."""
        known = self.at(endpoint)
        if known is None:
            return []
        table = self.known if known.peer.is_proven else self.unproven
        table.missed(known, now)
        if not self._is_online(endpoint) or not known.status.failed(now, self._spacing_s):
            return []
        self._count_failure(endpoint, known.status, now)
        if known.failures < self._config.slot_failures:
            return []
        return self.lose(known, "silent")

    def refused(self, endpoint: Endpoint, now: float) -> list[Event]:
        """What answers at this endpoint is no peer, or answers errors alone. It loses its slot, and
        the address book counts a failure, so that it does not give the peer to anyone.
        """
        known = self.at(endpoint)
        is_counted = known is not None and known.status.failed(now, self._spacing_s)
        counted = known.status if known is not None and is_counted else None
        self._count_failure(endpoint, counted, now)
        return self.lose(known, "refused") if known is not None else []

    def left(self, known: KnownPeer, now: float) -> list[Event]:
        """It said that it stops. Its entry in the book stays, as one that failed."""
        for status in (known.status, self._booked(known.peer.key, known.endpoint)):
            if status is not None:
                status.failed(now, self._spacing_s)
        return self.lose(known, "goodbye")

    def candidate_failed(self, candidate: Candidate, now: float) -> None:
        """The check of a candidate timed out."""
        if not self._is_online(candidate.endpoint):
            return
        self._count_failure(candidate.endpoint, None, now)
        if candidate.reporter is not None:
            self._credit.failed(candidate.source, now)

    def _count_failure(self, endpoint: Endpoint, counted: PeerStatus | None, now: float) -> None:
        """Tells all components that remember failures of a time-out. ``counted``: the status that
        has counted it. The book may have another peer there, or one that was only reported.
        """
        self._partners.failed(endpoint)
        booked = self._book.status_of(endpoint)
        if booked is not None and (booked is counted or booked.failed(now, self._spacing_s)):
            self._book.failed(endpoint, now)
        self._tombstones.failed(endpoint, now)

    def recheck_answered(self, now: float) -> None:
        """A peer answered when its turn to be rechecked had come."""
        self._mass_failure.asked(now, answered=True)

    def recheck_failed(self, endpoint: Endpoint, now: float) -> None:
        """A peer did not answer when its turn to be rechecked had come."""
        known = self.known.at(endpoint)
        if known is not None and not known.silence_counted and self._is_online(endpoint):
            known.silence_counted = True
            self._mass_failure.asked(now, answered=False)

    def _is_online(self, endpoint: Endpoint) -> bool:
        return self._dhts[family_of(endpoint)].parts.link.online

    def lose(self, known: KnownPeer, reason: str) -> list[Event]:
        if not known.peer.is_proven:
            self.unproven.remove(known.endpoint)
            return [PeerLost(known.peer, reason)] if known.is_named else []
        self.known.remove(known.endpoint)
        self._view.remove(known.endpoint)
        self._changes += 1
        return [PeerLost(known.peer, reason)]

    # --- verification -----------------------------------------------------------------------------

    def verify(
        self,
        candidate: Candidate | None,
        pending: PendingQuery,
        sender: NodeId,
        record: PeerRecord,
        proof: Proof,
        now: float,
    ) -> list[Event]:
        """A checked record came in the answer to a query of this node. ``candidate``: what the
        exchange checked, if anything. Raises Refused; then nothing is verified.
        """
        endpoint = pending.endpoint
        on_lan = self._lan.admits(record, endpoint, proof)
        if proof is Proof.NONE:
            return self._keep_unproven(candidate, pending, sender, record, now)
        events = self._resolve_conflicts(record, endpoint, proof, now)
        shares_address = self._shared.is_taken(endpoint)
        self._records.accepted(record)
        self._tombstones.clear(endpoint)
        before = self.known.remove(endpoint)
        partner = self.unproven.remove(endpoint)
        is_news = before is None or before.peer.record != record.raw
        peer = verified_peer(record, endpoint, sender, self._records, is_proven=True)
        status = self._status_for(peer, before)
        status.answered(now, pending.rtt_s(now))
        if proof is Proof.FRESH:
            status.proven_at = now
        known = known_peer(status, candidate, before or partner, pending, record, self._ttl, now)
        known.shares_address = shares_address
        known.on_lan = on_lan
        self.known.put(known)
        if known.is_closed and not self.too_few:
            self._view.remove(endpoint)
        useful = self._offer(known, now, is_new=before is None)
        if useful and before is None:
            self._credit_reporter(candidate, now)
        if is_news:
            events.append(PeerVerified(peer))
        surplus = self.known.surplus(lambda each: self._view.slots_of(each.endpoint) > 0)
        if surplus is not None:
            events += self.lose(surplus, "surplus")
        return events

    def _keep_unproven(
        self,
        candidate: Candidate | None,
        pending: PendingQuery,
        sender: NodeId,
        record: PeerRecord,
        now: float,
    ) -> list[Event]:
        """The record may be a copy: no component but the table of the unproven learns its key."""
        endpoint = pending.endpoint
        known = self.known.at(endpoint)
        events = self.lose(known, "unproven") if known is not None else []
        self._shared.refuse(endpoint)
        self._records.accepted(record)
        self._tombstones.clear(endpoint)
        peer = verified_peer(record, endpoint, sender, self._records, is_proven=False)
        status = PeerStatus(peer)
        status.answered(now, pending.rtt_s(now))
        before = self.unproven.at(endpoint)
        partner = known_peer(status, candidate, before or known, pending, record, self._ttl, now)
        self.unproven.keep(partner, record)
        is_news = before is None or before.peer.record != record.raw
        if is_news and partner in self.presentable_unproven():
            events.append(PeerVerified(peer))
        return events

    def _resolve_conflicts(
        self, record: PeerRecord, endpoint: Endpoint, proof: Proof, now: float
    ) -> list[Event]:
        """One endpoint a key and family. A peer known elsewhere has moved if it proves its key, or
        if a newer record says so: one without an address could be a copy, and moves no peer.
        """
        elsewhere, here = self.known.of_key(record.key, endpoint), self.known.at(endpoint)
        events: list[Event] = []
        booked = self._booked(record.key, endpoint)
        if booked is not None and record.sequence < booked.known_peer.sequence:
            raise Refused("record-sequence-lower")
        if elsewhere is not None and elsewhere.endpoint != endpoint:
            is_placed = family_of(endpoint) in record.endpoints
            is_newer = record.sequence > elsewhere.peer.sequence
            if proof is not Proof.FRESH and not (is_placed and is_newer):
                raise Refused("record-unplaced")
            events += self.lose(elsewhere, "moved")
        if here is not None and here.peer.key != record.key:
            events += self.lose(here, "replaced")
        return events

    def _status_for(self, peer: VerifiedPeer, before: KnownPeer | None) -> PeerStatus:
        """What is known of this peer at its endpoint already, from this run or from the book."""
        status = before.status if before is not None and before.peer.key == peer.key else None
        status = status or self._booked(peer.key, peer.endpoint) or PeerStatus()
        status.peer = peer
        return status

    def _booked(self, key: bytes, endpoint: Endpoint) -> PeerStatus | None:
        status = self._book.status_of(endpoint)
        peer = status.peer if status is not None else None
        return status if peer is not None and peer.key == key else None

    def _offer(self, known: KnownPeer, now: float, *, is_new: bool = False) -> bool:
        """Offers the peer to book and view, and to vacancies of the routing table. Returns whether
        it got a slot or a vacancy.
        """
        peer = known.peer
        won = 0
        if known.is_for_application_alone:
            return False
        if not known.inbound or self.too_few:
            self._book.verified(known.status, now, source=known.book_source)
            before = len(self._view)
            won = self._view.offer(known.status, now)
            self._changes += is_new and len(self._view) > before
        contact = Contact(peer.node_id, peer.endpoint)
        fills = self.fills_vacancy(contact, known.source, now)
        if fills:
            self._bucket_quota.suggested(contact, known.source, now)
            self._dhts[family_of(peer.endpoint)].suggest(contact, now)
        return won > 0 or fills

    def _credit_reporter(self, candidate: Candidate | None, now: float) -> None:
        if candidate is not None and candidate.reporter is not None:
            self._backoff.useful(candidate.reporter, now)
            self._credit.verified(candidate.source)

    # --- rounds, book -----------------------------------------------------------------------------

    def end_round(self, now: float) -> None:
        """The view ages, the book learns which peers hold mature slots, and peers out of use that
        were verified long ago are forgotten.
        """
        self._view.round(now)
        self._book.mark_held_slot(self._view.mature_holders())
        before = now - self._config.max_entry_age_s
        stale = [each for each in self.known if each.verified_at < before]
        for known in stale:
            if not self.is_in_use(known):
                self.known.remove(known.endpoint)
        for partner in [each for each in self.unproven if each.verified_at < before]:
            self.unproven.remove(partner.endpoint)

    def reset_changes(self) -> None:
        """A round was scheduled: what came or went before counts no more."""
        self._changes = 0
