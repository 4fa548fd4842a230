"""What is learned about peers of one's own network, by exchanges with them and by what others say,
and where it is noted.

One rule above all: only an exchange of records with the peer itself, begun by us, at the endpoint
where it answers, proves it. Hearsay makes candidates (`gossip_candidates.py`); silence counts only
while we are online ourselves; and whoever answered only through the hole that its own query opened
is not given to others until it answered without, unless we know hardly anybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ...config import CoreConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family, family_of
from ...ids import NodeId
from ...wire.gossip import NamedPeer
from ...wire.records import PeerRecord
from ..addressing.netgroup_sampling import PrefixOf
from ..addressing.policy import AddressPolicy
from ..book.address_book import AddressBook
from ..contract.counters import Counters
from ..contract.events import Event, PeerLost, PeerVerified
from ..contract.queries import PendingQuery
from ..contract.verified_peer import VerifiedPeer
from ..dht import Dht
from .backoff import BackoffRule, CreditRule
from .bucket_quota import ShareRule
from .candidates import Candidate, CandidateRule
from .exchange import GossipExchange
from .known_peers import Known, KnownPeers
from .mass_failure import MassFailureRule
from .own_record import OwnRecord
from .partners import Partners
from .record_policy import RecordRule, Refused
from .tombstones import TombstoneRule
from .view import ViewRule

FAILURE_SPACING_S: Final = 10.0
"""Failures closer together tell of one hole in a link."""
CHANGED_SHARE: Final = 0.05
"""Of the peers that we know, more than this share must come or go in a round to be worth a faster
pace.
"""
NEWS_SHARE: Final = 1 / 8
"""Of the peers that answers name, so many must be new to us to be worth a faster pace: most of a
large network is unheard of for long...
"""
SOME_NEWS_SHARE: Final = 1 / 16
"""...and so many, to ask each new face whom it knows..."""
NEWS_MEMORY: Final = 4
"""...in the mean of about so many answers."""
NOTE_S: Final = 60.0
"""The book hears so often of a peer that answers again and again."""
BOOK: Final = b"book"
OWN_SEARCH: Final = b"search"
"""Instead of a network, as the source of what we found ourselves."""


@dataclass(slots=True)
class Parts:
    """The components, chosen in `gossip_assembly.py`."""

    view: ViewRule
    book: AddressBook
    rules: RecordRule
    candidates: CandidateRule
    tombstones: TombstoneRule
    backoff: BackoffRule
    credit: CreditRule
    shares: ShareRule
    partners: Partners
    scopes: AddressPolicy
    counters: Counters
    own_record: OwnRecord
    mass_failure: MassFailureRule


class PeerVerifier:
    def __init__(
        self, config: CoreConfig, parts: Parts, network_of: PrefixOf, dhts: Mapping[Family, Dht]
    ) -> None:
        self.known = KnownPeers(parts.scopes.host, network_of)
        self.parts = parts
        self.changes = 0
        """How many came into the circle or left it since this was last asked; while they are many,
        rounds follow one another fast.
        """
        self._news_share = 1.0
        self._config = config.gossip
        self._enough = config.rendezvous.enough_peers
        self._quarantine_s = config.maintenance.quarantine_silence_s
        self._dhts = dhts

    # --- what is known ----------------------------------------------------------------------------

    @property
    def are_few(self) -> bool:
        """Too few peers to be choosy."""
        missing = self._enough
        for each in self.known:
            if not missing:
                break
            missing -= not each.inbound
        return missing > 0

    @property
    def changed(self) -> bool:
        """Whether so many came or went since the last round that it is worth a hurry. Where nodes
        come and go, one or two always do.
        """
        return self.changes > CHANGED_SHARE * len(self.known)

    @property
    def has_news(self) -> bool:
        """Whether answers still name many that we had not heard of."""
        return self._news_share > NEWS_SHARE

    @property
    def has_some_news(self) -> bool:
        """Whether they name some, as they do until nearly all have been heard of."""
        return self._news_share > SOME_NEWS_SHARE

    @property
    def in_mass_failure(self) -> bool:
        """Whether many died just now, or somebody is left who has not been asked since."""
        before = self.stale_before
        return self.parts.mass_failure.goes_on or any(
            each.verified_at < before and not each.inbound for each in self.known
        )

    def returnable(self) -> list[Known]:
        """Those that may be named to others."""
        few, stale_before = self.are_few, self.stale_before
        return [
            each
            for each in self.known
            if each.verified_at >= stale_before and (few or not each.inbound)
        ]

    @property
    def stale_before(self) -> float:
        """Who has not answered since then may have died with many others, and is not given to
        anybody until it does.
        """
        return self.parts.mass_failure.stale_before

    def is_renewal(self, record: PeerRecord, endpoint: Endpoint, now: float) -> bool:
        """Whether a push says that a peer that we know is elsewhere now, or has something new to
        say. Such are few, and not to be left to the draw; each is listened to once a while.
        """
        known = self.known.of_key(record.key, endpoint)
        if (
            known is None
            or record.sequence <= known.peer.sequence
            or now < known.renewed_at + FAILURE_SPACING_S
        ):
            return False
        known.renewed_at = now
        return True

    def is_wanted(self, candidate: Candidate, now: float) -> bool:
        """Whether it is worth a check. ``came_to_us``: there are few of those, the reservoir has
        seen to it.
        """
        endpoint, parts = candidate.endpoint, self.parts
        if (
            self.known.at(endpoint) is not None
            or parts.partners.is_blocked(endpoint, now)
            or endpoint in self._own_endpoints()
        ):
            return False
        if candidate.came_to_us or candidate.source == BOOK or self.are_few:
            return True
        return not parts.tombstones.blocks(endpoint, now) and (
            parts.view.would_win(endpoint) or self._fills_vacancy(candidate.contact, candidate, now)
        )

    # --- hearsay ----------------------------------------------------------------------------------

    def hear(self, named: Iterable[NamedPeer], teller: Endpoint, now: float) -> None:
        """What a partner's answer says of others."""
        config, source = self._config, self.parts.scopes.netgroup(teller)
        count = unheard = 0
        for contact, ttl, age in named:
            count += 1
            known = self.known.at(contact.endpoint)
            ttl = min(ttl, config.max_ttl) - 1
            if known is not None:
                known.ttl = max(known.ttl, ttl) if not known.failures else known.ttl
                self.parts.view.named_again(known.peer, now)
                continue
            if ttl < 0 or age * config.entry_age_unit_s >= config.max_entry_age_s:
                self.parts.counters.refuse("entry-too-old")
                continue
            too_old_at = now + config.max_entry_age_s - age * config.entry_age_unit_s
            candidate = Candidate(contact.endpoint, contact.id, source, teller, ttl, too_old_at)
            unheard += self._consider(candidate, now, config.candidates_per_source)
        if count:
            self._news_share += (unheard / count - self._news_share) / NEWS_MEMORY

    def found(
        self,
        endpoints: Iterable[Endpoint],
        source: bytes,
        now: float,
        *,
        per_source: int,
        node_id: NodeId | None = None,
    ) -> None:
        """Peers that we found ourselves: by a tag, in a lookup, in the book."""
        for endpoint in endpoints:
            too_old_at = now + self._config.max_entry_age_s
            self._consider(
                Candidate(endpoint, node_id, source, None, self._config.max_ttl - 1, too_old_at),
                now,
                per_source,
            )

    def came(self, endpoint: Endpoint, node_id: NodeId, now: float) -> None:
        """One that pushed itself, and was drawn."""
        too_old_at = now + self._config.max_entry_age_s
        source = self.parts.scopes.netgroup(endpoint)
        self._consider(
            Candidate(
                endpoint, node_id, source, None, self._config.max_ttl, too_old_at, came_to_us=True
            ),
            now,
            self._config.candidates_per_source,
        )

    def _consider(self, candidate: Candidate, now: float, per_source: int) -> bool:
        """Whether the book had not heard of it, and took it."""
        parts, endpoint = self.parts, candidate.endpoint
        refusal, is_news = self._refusal(candidate, now), False
        if refusal is None:
            if not candidate.came_to_us and candidate.source != BOOK:
                is_news = parts.book.reported(endpoint, candidate.told_by, now) is None
            if not self.is_wanted(candidate, now):
                return is_news
            refusal = parts.candidates.add(candidate, per_source)
        if refusal is not None:
            parts.counters.refuse(refusal)
        return is_news

    def _refusal(self, candidate: Candidate, now: float) -> str | None:
        parts, endpoint, teller = self.parts, candidate.endpoint, candidate.teller
        if (
            family_of(endpoint) not in self._dhts
            or parts.scopes.is_invalid(endpoint)
            or parts.scopes.is_barred(endpoint)
        ):
            return "hearsay-unusable"
        if endpoint in self._own_endpoints():
            return "hearsay-own"
        if teller is not None and not parts.scopes.may_take(endpoint, teller):
            return "hearsay-unusable"
        if candidate.came_to_us or candidate.source == BOOK:
            return None
        if parts.tombstones.blocks(endpoint, now):
            return "tombstone"
        if teller is not None and not parts.credit.has(candidate.source, now):
            return "source-credit"
        return None

    # --- answers and silence ----------------------------------------------------------------------

    def heard_from(self, endpoint: Endpoint, now: float) -> None:
        """A query came from there, whatever it was."""
        known = self.known.at(endpoint)
        if known is not None:
            known.traffic_at = now

    def answered(self, pending: PendingQuery, sender: NodeId, now: float) -> None:
        """A matched reply, to whatever query."""
        endpoint = pending.endpoint
        if len(self.parts.tombstones):
            self.parts.tombstones.clear(endpoint)
        known = self.known.at(endpoint)
        if known is None:
            return
        is_proof = (
            pending.proves_reachability or pending.sent_at >= known.traffic_at + self._quarantine_s
        )
        self.known.answered(known, now)
        self.parts.view.confirmed(endpoint, now)
        known.renamed = known.renamed or sender != known.peer.node_id
        if (
            not known.renamed
            and not known.inbound
            and (now >= known.noted_at + NOTE_S or known.noted_at < self.stale_before)
        ):
            known.noted_at = now
            self.parts.book.verified(known.peer, now, source=known.told_by, rtt_s=known.rtt_s)
        if known.inbound and is_proof:
            known.inbound = False
            self._offer(known, now)

    def missed(self, endpoint: Endpoint, now: float) -> list[Event]:
        """A query of ours was not answered in time."""
        known = self.known.at(endpoint)
        if known is None:
            return []
        self.known.missed(known, now)
        if (
            now < known.failed_at + FAILURE_SPACING_S
            or not self._dhts[family_of(endpoint)].parts.connectivity.online
        ):
            return []
        known.failures += 1
        known.failed_at = now
        self.parts.partners.is_silent(endpoint)
        self.parts.book.failed(endpoint, now)
        self.parts.tombstones.failed(endpoint, now)
        if known.failures >= self._config.slot_failures:
            return self.lose(known, "silent", now)
        self.parts.view.failed(endpoint, now)
        return []

    def was_silent(self, endpoint: Endpoint, now: float) -> None:
        """It was its turn to be looked after, and it did not answer."""
        known = self.known.at(endpoint)
        if (
            known is not None
            and not known.counted
            and self._dhts[family_of(endpoint)].parts.connectivity.online
        ):
            known.counted = True
            self.parts.mass_failure.asked(now, answered=False)

    def check_failed(self, candidate: Candidate, now: float) -> None:
        """A candidate did not answer."""
        if not self._dhts[family_of(candidate.endpoint)].parts.connectivity.online:
            return
        self.parts.partners.is_silent(candidate.endpoint)
        self.parts.tombstones.failed(candidate.endpoint, now)
        self.parts.book.failed(candidate.endpoint, now)
        if candidate.teller is not None:
            self.parts.credit.failed(candidate.source, now)

    def lose(self, known: Known, reason: str, now: float) -> list[Event]:
        self.known.remove(known.peer.endpoint)
        self.parts.view.remove(known.peer.endpoint)
        self.changes += 1
        return [PeerLost(known.peer, reason)]

    # --- proof ------------------------------------------------------------------------------------

    def proved(
        self,
        exchange: GossipExchange,
        pending: PendingQuery,
        sender: NodeId,
        record: PeerRecord,
        now: float,
    ) -> list[Event]:
        """A record came in answer to a query of ours. Raises Refused; then it proves nothing."""
        parts, endpoint = self.parts, pending.endpoint
        parts.rules.check(record, endpoint)
        events = self._make_way(record, endpoint, now)
        parts.rules.accepted(record)
        parts.tombstones.clear(endpoint)
        before = self.known.remove(endpoint)
        peer = VerifiedPeer(
            record.key, endpoint, sender, record.raw, record.sequence, record.services
        )
        known = self._known_now(peer, exchange.candidate, before, pending, now)
        self.known.put(known)
        kept = self._offer(known, now, is_new=before is None)
        if kept and before is None:
            self._learned_from(exchange.candidate, now)
        if before is None or before.peer.record != peer.record:
            events.append(PeerVerified(peer))
        surplus = self.known.surplus(lambda each: parts.view.slots_of(each.peer.endpoint) > 0)
        return events if surplus is None else [*events, *self.lose(surplus, "surplus", now)]

    def _make_way(self, record: PeerRecord, endpoint: Endpoint, now: float) -> list[Event]:
        """One endpoint a key (and family), one identity an address. Whoever is known elsewhere has
        moved only if a newer record says so; a record without an address could be anybody's copy,
        and moves nobody.
        """
        elsewhere, here = self.known.of_key(record.key, endpoint), self.known.at(endpoint)
        events: list[Event] = []
        if elsewhere is not None and elsewhere.peer.endpoint != endpoint:
            is_placed = family_of(endpoint) in record.endpoints
            if not is_placed or record.sequence <= elsewhere.peer.sequence:
                raise Refused("record-unplaced")
            events += self.lose(elsewhere, "moved", now)
        if here is not None and here.peer.key != record.key:
            events += self.lose(here, "replaced", now)
        neighbour = self.known.beside(endpoint)
        if neighbour is not None and not neighbour.failures:
            raise Refused("peer-address-taken")
        return events

    def _known_now(
        self,
        peer: VerifiedPeer,
        candidate: Candidate | None,
        before: Known | None,
        pending: PendingQuery,
        now: float,
    ) -> Known:
        origin = (
            before
            or candidate
            or Candidate(
                peer.endpoint, peer.node_id, OWN_SEARCH, None, self._config.max_ttl - 1, now
            )
        )
        came_to_us = origin.came_to_us or (candidate is not None and candidate.came_to_us)
        ttl = self._config.max_ttl if came_to_us else origin.ttl
        inbound = not pending.proves_reachability and (before is None or before.inbound)
        return Known(
            peer,
            origin.source,
            origin.told_by,
            ttl,
            came_to_us,
            inbound,
            pending.rtt_s(now),
            verified_at=now,
            traffic_at=now,
        )

    def _offer(self, known: Known, now: float, *, is_new: bool = False) -> bool:
        """To book and view, and to vacancies of the table; whether it was of use."""
        peer, view, dht = known.peer, self.parts.view, self._dhts[family_of(known.peer.endpoint)]
        won = 0
        if not known.inbound or self.are_few:
            self.parts.book.verified(peer, now, source=known.told_by, rtt_s=known.rtt_s)
            before = len(view)
            won = view.offer(peer, now)
            self.changes += is_new and len(view) > before
        contact = Contact(peer.node_id, peer.endpoint)
        fills = self._fills_vacancy(contact, known, now)
        if fills:
            self.parts.shares.suggested(contact, known.source, now)
            dht.suggest(contact, now)
        return won > 0 or fills

    def _fills_vacancy(self, contact: Contact, of: Known | Candidate, now: float) -> bool:
        table = self._dhts[family_of(contact.endpoint)].table
        return table.wants(contact) and self.parts.shares.allows(contact, of.source, table, now)

    def _learned_from(self, candidate: Candidate | None, now: float) -> None:
        if candidate is not None and candidate.teller is not None:
            self.parts.backoff.useful(candidate.teller, now)
            self.parts.credit.proved(candidate.source)

    def _own_endpoints(self) -> Iterable[Endpoint]:
        return self.parts.own_record.endpoints.values()

    def drop_own(self) -> None:
        """Others told us of ourselves before we knew our address, or the last run did: we are
        nobody's peer but theirs.
        """
        for endpoint in self._own_endpoints():
            self.parts.book.drop(endpoint)

    def forget_stale(self, now: float) -> None:
        """Those that are of no use and that nobody asked about for long; the book has them still."""
        for known in [
            each
            for each in self.known
            if now - each.verified_at > self._config.max_entry_age_s and not self._is_in_use(each)
        ]:
            self.known.remove(known.peer.endpoint)

    # --- whom to look after -----------------------------------------------------------------------

    def to_recheck(
        self,
        now: float,
        at_least_s: float,
        is_free: Callable[[Endpoint], bool],
        *,
        all_of_them: bool = False,
    ) -> Known | None:
        """Whom to ask whether it is still there: first those that did not answer, then of those in
        use (or ``all_of_them``) the one that was asked longest ago.
        """
        # Without those that are being asked just now: a dead one is for 10 s, and all that died
        # with it would wait behind it.
        waiting = [each for each in self.known if is_free(each.peer.endpoint)]
        # And without those asked in vain just now, counted or not: cut off, as we believe, we would
        # ask the same few for ever, and never find out.
        suspect = next(
            (
                each
                for each in waiting
                if each.failures and now >= each.missed_at + FAILURE_SPACING_S
            ),
            None,
        )
        if suspect is not None:
            return suspect
        for each in waiting:
            if now < max(each.verified_at, each.missed_at) + at_least_s:
                return None
            if not each.failures and self._may_recheck(each, now, all_of_them=all_of_them):
                return each
        return None

    def _may_recheck(self, known: Known, now: float, *, all_of_them: bool) -> bool:
        if not known.inbound:
            return all_of_them or self._is_in_use(known)
        # Our own question would keep the hole open through which it answered.
        return now >= known.traffic_at + self._quarantine_s

    def _is_in_use(self, known: Known) -> bool:
        return known.came_to_us or self.parts.view.slots_of(known.peer.endpoint) > 0
