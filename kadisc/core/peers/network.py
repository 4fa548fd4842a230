"""The own network of the application, on top of the DHT: the node's own record, its peers, gossip
with them, and rendezvous.

As `core.py` is to the components of the DHT, `PeerNetwork` is to those of this room: it is told
what happened, and returns what is to be done.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from typing import Final

from ...config import CoreConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family, family_of
from ...service_values import ServiceValue
from ...wire.messages import Gossip, Reply
from ...wire.records import PeerRecord
from ..book.entry import Provenance
from ..book.persistence import BookExport
from ..contract.events import (
    AddressChanged,
    Event,
    Joined,
    OperationId,
    ReachabilityChanged,
    RecordChanged,
)
from ..contract.queries import (
    NO_COMMANDS,
    Command,
    Commands,
    PendingQuery,
    SendQuery,
)
from ..contract.saved_state import SavedBook, SavedPeerNetwork, Verdict
from ..contract.served import Served
from ..contract.service_filter import EVERY_PEER, ServiceFilter
from ..contract.times import FOREVER
from ..contract.verified_peer import VerifiedPeer
from ..dht import Dht
from .answers import GossipAnswers
from .components import PeerComponents
from .exchange import GossipExchange
from .goodbyes import Goodbyes
from .lan_peers import LanPeers
from .listing import ListedPeer, listed_peers
from .network_snapshot import PeerNetworkSnapshot
from .own_reach import OwnReach
from .own_record import Membership
from .peer_matching import PeerMatch, PeerMatching
from .record_keeper import RecordKeeper
from .rendezvous_lookups import RendezvousLookups
from .rounds import GossipRounds
from .selection import PeerSelection
from .verification import PeerVerifier

FROM_ANCHOR: Final = b"anchor"
"""The source, in place of a netgroup, of a candidate that was an anchor of the last run."""


class PeerNetwork:
    """``dhts``: the DHT that the node is part of, by family."""

    def __init__(
        self,
        config: CoreConfig,
        membership: Membership,
        dhts: Mapping[Family, Dht],
        components: PeerComponents,
        verifier: PeerVerifier,
        rounds: GossipRounds,
        answers: GossipAnswers,
        selection: PeerSelection,
        goodbyes: Goodbyes,
        rendezvous: RendezvousLookups,
        reach: OwnReach,
        lan: LanPeers,
        record_keeper: RecordKeeper,
    ) -> None:
        self.components = components
        self.goodbyes = goodbyes
        self.verifier = verifier
        self._config = config
        self._membership = membership
        self._dhts = dhts
        self._own_record = components.own_record
        self._view = components.view
        self._book = components.book
        self._verdicts = components.verdicts
        self._records = components.records
        self._scopes = components.scopes
        self._counters = components.counters
        self._reports = rendezvous.search.reports
        self._rounds = rounds
        self._answers = answers
        self._selection = selection
        self._matching = PeerMatching(verifier, components.book)
        self.reach = reach
        """Whether strangers reach this node."""
        self.lan = lan
        """Peers on the links of this machine."""
        self.record_keeper = record_keeper
        self.rendezvous = rendezvous
        self.search = rendezvous.search
        """What the node does while an application waits for peers."""

    # --- what happens -----------------------------------------------------------------------------

    def serve(self, query: Gossip, source: Endpoint, query_bytes: int, now: float) -> Served:
        """Answers a gossip query, which came in a datagram of ``query_bytes``."""
        if self.goodbyes.has_begun:
            return Served(None)
        proven = self._answers.tokens.accepts(query.token, source, now)
        if query.bye and query.network == self._membership.tag:
            return Served(None, proven, self.goodbyes.received(source, now, has_token=proven))
        if query.network == self._membership.tag and query.record is not None:
            refused: str | None = "push-without-token"
            if proven:
                refused = self._rounds.push_received(query, source, now)
            if refused is not None:
                self._counters.refuse(refused)
        own_id = self._dhts[family_of(source)].own_id
        payload = self._answers.answer(
            query,
            source,
            own_id,
            self._selection.answer_tiers,
            now,
            query_bytes=query_bytes,
            proven=proven,
        )
        if payload is None:
            self._counters.refuse("gossip-query-too-short")
        return Served(payload, proven)

    def query_received(self, source: Endpoint, now: float) -> Commands:
        """A query of any kind came from ``source``; told before it is answered."""
        self.verifier.query_received(source, now)
        return self.reach.query_received(source, now)

    def ping_received(self, nonce: bytes, source: Endpoint, now: float) -> Commands:
        """A ping of a witness, or of a node that says so; told before it is answered."""
        self.verifier.query_received(source, now)
        return self.reach.ping_received(nonce, source, now)

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        """A matched reply to a query of any kind."""
        if pending.command.learn_contact:
            self._rounds.contact_answered(pending, reply, now)
        if pending.command.tells_of_node:  # else its turn to be rechecked comes as it would have
            self.verifier.answered(pending, reply.sender, now)
        return self.reach.answered(pending.endpoint, now)

    def missed(self, pending: PendingQuery, now: float) -> Commands:
        """A query of any kind timed out."""
        self._rounds.peer_missed(pending, now)
        return self.verifier.missed(pending.endpoint, now)

    def happened(self, event: Event, now: float) -> Commands:
        """Another event of the node: it joined, or its address changed."""
        if isinstance(event, Joined):
            self.rendezvous.joined(event.family, now)
        elif isinstance(event, AddressChanged):
            return [*self.record_keeper.update(now), *self.reach.address_changed(now)]
        elif isinstance(event, ReachabilityChanged):
            return self.record_keeper.update(now)
        return ()

    def drop_barred(self) -> tuple[Commands, int]:
        """The operator excludes other addresses than before: no peer may have one of them. Returns
        the events, and how many entries of the address book were dropped.
        """
        is_barred = self._scopes.is_barred
        events: list[Command] = []
        for known in [*self.verifier.known, *self.verifier.unproven]:
            if is_barred(known.endpoint):
                self.components.partners.left(known.endpoint)
                events += self.verifier.lose(known, "banned")
        self.components.candidates.drop(is_barred)
        return events, self._book.drop_all(is_barred)

    def leave(self, now: float) -> list[SendQuery]:
        """This node stops: the goodbyes to send now, and requests for the tokens of others."""
        if self.goodbyes.has_begun or self._config.read_only:
            return []
        return self.goodbyes.begin(now)

    def tick(self, now: float) -> Commands:
        if self.goodbyes.has_begun:
            return NO_COMMANDS
        commands: list[Command] = [*self.reach.look(now), *self.record_keeper.update(now)]
        commands += self._rounds.tick(now)
        commands += self.rendezvous.due(now, enough=not self.verifier.too_few)
        if self.reach.next_deadline() <= now:
            commands += self.reach.tick(now)
        return commands

    def next_deadline(self) -> float:
        if self.goodbyes.has_begun:
            return FOREVER
        # Without min(), because this is called after every datagram.
        deadline = self._rounds.next_deadline()
        if (at := self.rendezvous.next_deadline()) < deadline:
            deadline = at
        if (at := self.reach.next_deadline()) < deadline:
            deadline = at
        if (at := self.record_keeper.deadline) < deadline:
            deadline = at
        return deadline

    def check(
        self, endpoint: Endpoint, now: float, operation: OperationId
    ) -> tuple[GossipExchange, Commands]:
        """Asks for proof that a peer of the own network is there. Ends in PeerChecked."""
        return self._rounds.check(endpoint, now, operation)

    def recheck(
        self, peer: VerifiedPeer, now: float, operation: OperationId
    ) -> tuple[GossipExchange, Commands]:
        """Asks a known peer whether it is still there. Ends in PeerChecked."""
        known = self.verifier.at(peer.endpoint)
        if known is None:
            return self._rounds.check(peer.endpoint, now, operation)
        return self._rounds.recheck(known, now, operation)

    # --- for the application, and for observers ---------------------------------------------------

    @property
    def network(self) -> str:
        return self._membership.network

    @property
    def own_record(self) -> bytes:
        """The own record as other nodes get it: canonical bencode, signed."""
        return self._own_record.raw

    @property
    def sequence(self) -> int:
        """That of the own record."""
        return self._own_record.sequence

    def set_services(self, services: Mapping[str, ServiceValue], now: float) -> Commands:
        """Name -> port or short bytes. Raises UsageError for what no record can hold."""
        if not self._own_record.set_services(services, now):
            return ()
        return self.record_keeper.changed(now)

    def peers(
        self,
        count: int,
        now: float,
        *,
        offering: ServiceFilter = EVERY_PEER,
        verified_within_s: float | None = None,
        but_not: Container[bytes] = (),
    ) -> list[VerifiedPeer]:
        """At most ``count`` verified peers, from mature slots, from the address book, and of those
        found by rendezvous, in the order of `selection.py`; each in a /24 (IPv6 /48) of its own.
        ``verified_within_s``: None for the configured age; after a mass failure, a peer must also
        have answered since then. With `FOREVER` the peers are only candidates for a check.
        ``but_not``: keys of peers that are left out.
        """
        return self._selection.peers(
            count,
            now,
            offering=offering,
            verified_within_s=verified_within_s,
            but_not=but_not,
        )

    def current(self, peer: VerifiedPeer, now: float) -> VerifiedPeer | None:
        """The same peer as it is known now; None if it is not known any more, or not wanted."""
        return self._selection.current(peer, now)

    def is_held_back(self, peer: VerifiedPeer, now: float) -> bool:
        """Whether the application is not given the peer now because of what it said of it."""
        return self._verdicts.holds_back(peer, now)

    def age_s(self, peer: VerifiedPeer, now: float) -> float:
        """How long ago it answered last; inf for a peer that is not known any more, or that must
        answer again after a mass failure.
        """
        known = self.verifier.known.of_key(peer.key, peer.endpoint)
        if not peer.is_proven:
            known = self.verifier.at(peer.endpoint)
            if known is not None and known.peer.key != peer.key:
                return FOREVER
        if known is None or known.failures or known.verified_at < self.verifier.stale_before:
            return FOREVER
        return now - known.verified_at

    def prefixes(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        """The /24 and the /16 (IPv6: the share of the /32, and the /32) of an endpoint, by which
        peers are spread; with a map of autonomous systems, the system instead of the /16.
        """
        return self._scopes.share(endpoint), self._scopes.netgroup(endpoint)

    def asn(self, endpoint: Endpoint) -> int:
        """The autonomous system of an endpoint by the operator's map, 0 if that does not say."""
        return self._scopes.asn(endpoint)

    def sample_slots(
        self, count: int, now: float, *, hierarchical: bool | None = None
    ) -> list[VerifiedPeer]:
        """At most ``count`` peers drawn from the mature slots; ``hierarchical`` as in
        `GossipView.sample`.
        """
        return self._view.sample(count, now, hierarchical=hierarchical)

    def verified(self) -> list[VerifiedPeer]:
        """All peers verified in this run that answered last time, the longest silent first; then
        unproven ones, where hardly any others are known.
        """
        proven = [known.peer for known in self.verifier.known if not known.failures]
        return proven + [each.peer for each in self.verifier.presentable_unproven()]

    def match(self, who: bytes | Endpoint) -> PeerMatch:
        """The peers that are meant by a key (32 bytes), by the endpoint where one answers, or by
        the endpoint of a service.
        """
        return self._matching.match(who)

    def why(self, who: bytes | Endpoint, now: float) -> Provenance | None:
        """Where a peer came from and why it is trusted, by its key (32 bytes), its endpoint or the
        endpoint of a service; None for a peer that is not known. Where several are meant, that of
        the first in `match`.
        """
        return self._matching.why(who, self._verdicts, now)

    def listed(self, now: float, limit: int) -> list[ListedPeer]:
        """At most ``limit`` peers, for operators."""
        parts = self.components
        return listed_peers(self.verifier, parts.book, parts.view, parts.verdicts, now, limit)

    def feedback(
        self, who: VerifiedPeer | bytes | Endpoint, verdict: Verdict, now: float
    ) -> tuple[VerifiedPeer, ...]:
        """What the application says of a peer, given as returned or as in `match`. Returns the
        peers that the verdict is noted for; none if `match` knows no such peer. On a peer that
        proved its key it holds at every endpoint where the key is proven; on another one at its
        endpoint alone.
        """
        peers = (who,) if isinstance(who, VerifiedPeer) else self.match(who).peers
        proven = {known.peer.key for known in self.verifier.known}
        for mark in dict.fromkeys(peer.mark for peer in peers):
            self._book.judge(mark, verdict, now, proven)
        return peers

    def unproven_record(self, key: bytes) -> PeerRecord | None:
        """A record that came from another address than it names; whether its owner is there is not
        known.
        """
        return self._records.elsewhere.get(key)

    def report(self, endpoints: Iterable[Endpoint], source: str, now: float) -> None:
        """Endpoints of peers from outside of the core: the operator, the LAN, a file. ``source``: a
        word for that.
        """
        self._reports.found(
            endpoints,
            source.encode("ascii"),
            now,
            per_source=self._config.rendezvous.candidates_per_key,
        )

    def first_hops(self, family: Family, count: int, now: float) -> list[Contact]:
        """Peers for a lookup to start from, beside the contacts of the routing table: drawn from
        mature slots. IDs can be brute-forced until they are near a target, addresses cannot.
        """
        sample = self._view.sample(2 * count, now) if count else []
        return [
            Contact(peer.node_id, peer.endpoint)
            for peer in sample
            if family_of(peer.endpoint) is family
        ][:count]

    def snapshot(self, now: float) -> PeerNetworkSnapshot:
        return PeerNetworkSnapshot(
            network=self._membership.network,
            public_key=self._membership.identity.public_key,
            record=self._own_record.raw,
            sequence=self._own_record.sequence,
            services=dict(self._own_record.services),
            verified=len(self.verifier.known),
            online=self.verifier.known.count_online(),
            held_back=self.verifier.known.count_online(
                lambda peer: self._verdicts.holds_back(peer, now)
            ),
            inbound=sum(known.inbound for known in self.verifier.known),
            candidates=len(self.components.candidates),
            pushes=self._rounds.pushes,
            tombstones=len(self.components.tombstones),
            round_s=self._rounds.round_s,
            book_unverified=self._book.unverified_count,
            book_verified=self._book.verified_count,
            view=self._view.snapshot(now),
            crowded=self._rounds.crowded,
        )

    # --- from run to run --------------------------------------------------------------------------

    def export(self, now: float) -> SavedPeerNetwork:
        return SavedPeerNetwork(
            self._own_record.sequence, self._book.export(now), self._verdicts.export(now)
        )

    def begin_book_export(self) -> BookExport:
        return self._book.begin_export()

    def saved(self, book: BookExport, now: float) -> SavedPeerNetwork:
        return SavedPeerNetwork(self._own_record.sequence, book.book(), self._verdicts.export(now))

    def import_book(
        self, book: SavedBook, now: float, own_endpoints: Collection[Endpoint] = ()
    ) -> dict[str, int]:
        """Adds the entries of a saved book, as at the start of a run. Returns how many were
        refused, by reason: ``book-known``, ``book-place``, ``book-own``, ``book-scope`` and
        ``saved-...``. ``own_endpoints``: of this node, beside those of its record.
        """
        refused = self._book.restore(
            book,
            now,
            self._membership.identity.public_key,
            {*own_endpoints, *self._own_record.own_endpoints()},
        )
        for reason, times in refused.items():
            self._counters.refuse(reason, times)
        return refused

    def restore(self, saved: SavedPeerNetwork, now: float) -> Commands:
        """The anchors are checked first. No peer is given to the application before it answers in
        this run.
        """
        self._own_record.continue_after(saved.sequence, now)
        self.record_keeper.count_left_out()
        if refused := self._verdicts.restore(saved.verdicts, now):
            self._counters.refuse("saved-verdict", refused)
        self.import_book(saved.book, now)
        self._records.remember(
            (entry.peer.key, entry.peer.sequence)
            for entry in self._book.entries()
            if entry.peer is not None
        )
        self._reports.found(
            self._book.anchors(), FROM_ANCHOR, now, per_source=self._config.book.anchors
        )
        self._rounds.book_replaced(now)
        return [RecordChanged(self._own_record.sequence, self._own_record.raw)]
