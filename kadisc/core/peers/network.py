"""The network of one's own, of which the DHT is only the surroundings: our record, our peers,
gossip with them, and the tags they are found by.

What `node.py` is to the parts of the DHT, this is to those of the community: it is told what
happened, and returns what is to be done.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Final

from ...config import CoreConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family, family_of
from ...wire.messages import Gossip, Reply
from ...wire.records import PeerRecord
from ..addressing.external_address import Confidence
from ..book.entry import Provenance, Verdict
from ..contract.events import AddressChanged, Event, Joined, OperationId, RecordChanged
from ..contract.queries import Command, Commands, RendezvousLookup
from ..contract.saved_state import SavedBook, SavedPeerNetwork
from ..contract.verified_peer import VerifiedPeer
from ..dht import Dht
from .answers import GossipAnswers
from .exchange import GossipExchange
from .known_peers import Known
from .network_snapshot import PeerNetworkSnapshot
from .no_network import Served
from .own_record import Membership, OwnRecord
from .rendezvous import RendezvousSchedule
from .rounds import GossipRounds
from .selection import SelectionRule
from .verification import PeerVerifier

if TYPE_CHECKING:
    from ..contract.queries import PendingQuery

FOREVER: Final = float("inf")
ANCHOR: Final = b"anchor"
BY_TAG: Final = b"tag"


class PeerNetwork:
    """``dhts``: the DHT that we are part of, by family."""

    def __init__(
        self,
        config: CoreConfig,
        rng: Random,
        membership: Membership,
        dhts: Mapping[Family, Dht],
        own_record: OwnRecord,
        verifier: PeerVerifier,
        rounds: GossipRounds,
        answers: GossipAnswers,
        mix: SelectionRule,
    ) -> None:
        self._config = config
        self._rng = rng
        self._membership = membership
        self._dhts = dhts
        self._own_record = own_record
        self._verifier = verifier
        self._rounds = rounds
        self._answers = answers
        self._mix = mix
        announces = membership.reachable and not config.read_only
        named = list(dhts) if membership.named else []
        self._schedules = {
            family: RendezvousSchedule(
                config.rendezvous, family, membership.tag, rng, announces=announces
            )
            for family in named
        }

    # --- what happens -----------------------------------------------------------------------------

    def serve(self, query: Gossip, source: Endpoint, query_bytes: int, now: float) -> Served:
        """What answers a query of so many bytes."""
        counters = self._verifier.parts.counters
        proven = self._answers.tokens.accepts(query.token, source, now)
        if query.network == self._membership.tag and query.record is not None:
            refused = self._rounds.pushed(query, source, now) if proven else "push-without-token"
            if refused is not None:
                counters.refuse(refused)
        own_id, tiers = self._dhts[family_of(source)].own_id, list[list[Known]]()
        if query.want and proven:
            tiers = self._mix.tiers(self._verifier.returnable(), self._verifier.parts.view.slots_of)
        payload = self._answers.answer(
            query, source, own_id, tiers, now, query_bytes=query_bytes, proven=proven
        )
        if payload is None:
            counters.refuse("gossip-query-too-short")
        return Served(payload, proven)

    def heard_from(self, source: Endpoint, now: float) -> None:
        """A query came from there, whatever it was."""
        self._verifier.heard_from(source, now)

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> None:
        """A matched reply, to whatever query."""
        if pending.command.learn_contact:
            self._rounds.met(pending.endpoint, reply, now)
        self._verifier.answered(pending, reply.sender, now)

    def missed(self, pending: PendingQuery, now: float) -> Commands:
        """A query, whatever it was, was not answered in time."""
        if self._verifier.known.at(pending.endpoint) is not None:
            self._rounds.look_soon(now)
        return self._verifier.missed(pending.endpoint, now)

    def happened(self, event: Event, now: float) -> Commands:
        """Something else happened to the node."""
        if isinstance(event, Joined) and event.family in self._schedules:
            self._schedules[event.family].joined(now)
        elif isinstance(event, AddressChanged):
            return self._look_at_address(now)
        return ()

    def tag_searched(
        self, lookup: RendezvousLookup, peers: Sequence[Endpoint], now: float, *, stored: bool
    ) -> None:
        """A search that we asked for is over: who announced there is a candidate, no more."""
        self._schedules[lookup.family].ended(
            lookup.number, now, stored=stored or not lookup.announces
        )
        found = list(peers)
        self._rng.shuffle(found)
        self._verifier.found(
            found,
            BY_TAG + b"%d" % lookup.number,
            now,
            per_source=self._config.rendezvous.candidates_per_key,
        )

    def tick(self, now: float) -> Commands:
        commands: list[Command] = [*self._look_at_address(now), *self._rounds.tick(now)]
        for family, schedule in self._schedules.items():
            port = self._dhts[family].parts.address.port
            commands += schedule.due(
                now,
                int.from_bytes(port, "big") if port else None,
                enough=not self._verifier.are_few,
            )
        return commands

    def next_deadline(self) -> float:
        deadline = self._rounds.next_deadline()
        for schedule in self._schedules.values():
            deadline = min(deadline, schedule.next_deadline())
        return deadline

    def check(
        self, endpoint: Endpoint, now: float, operation: OperationId
    ) -> tuple[GossipExchange, Commands]:
        """Ends in PeerChecked."""
        return self._rounds.check(endpoint, now, operation)

    def _look_at_address(self, now: float) -> Sequence[Event]:
        endpoints = {}
        for family, dht in self._dhts.items():
            address = dht.parts.address
            if (
                address.ip is not None
                and address.port is not None
                and address.confidence is not Confidence.UNKNOWN
            ):
                endpoints[family] = Endpoint(address.ip + address.port)
        if not self._own_record.set_endpoints(endpoints, now):
            return ()
        self._verifier.drop_own()
        return self._changed(now)

    def _changed(self, now: float) -> Sequence[Event]:
        self._rounds.record_changed(now)
        for schedule in self._schedules.values():
            schedule.moved(now)
        return [RecordChanged(self._own_record.sequence, self._own_record.raw)]

    # --- for the application, and for whoever watches ---------------------------------------------

    @property
    def network(self) -> str:
        return self._membership.network

    @property
    def own_record(self) -> bytes:
        """Our record as others get it: canonical bencode, signed."""
        return self._own_record.raw

    def set_services(self, services: Mapping[str, int | bytes], now: float) -> Commands:
        """Name -> port or short bytes. Raises UsageError for what no record can hold."""
        return self._changed(now) if self._own_record.set_services(services, now) else ()

    def peers(
        self,
        count: int,
        now: float,
        *,
        service: str | None = None,
        verified_within_s: float | None = None,
        but_not: Container[bytes] = (),
    ) -> list[VerifiedPeer]:
        """At most ``count`` verified peers, from slots that are old enough, from the address book,
        and of those that the network's tags led to, in the order of `peer_mix.py`; each in a /24
        (IPv6 /48) of its own. ``verified_within_s``: None for what the config says; after many were
        lost, the others must have answered since. With `FOREVER` they are only candidates for a
        check. ``but_not``: keys of those that are not wanted (again).
        """
        parts = self._verifier.parts
        if verified_within_s is None:
            verified_within_s = self._config.book.returnable_for_s
        if verified_within_s != FOREVER:
            verified_within_s = min(verified_within_s, now - self._verifier.stale_before)
        slots = [
            peer
            for peer in parts.view.sample(
                self._config.gossip.flat_slots + count, now, verified_within_s=verified_within_s
            )
            if peer.key not in but_not and (service is None or service in peer.services)
        ]

        def remembered(*, only_seated: bool) -> list[VerifiedPeer]:
            entries = parts.book.select(
                count,
                now,
                service=service,
                verified_within_s=verified_within_s,
                but_not=but_not,
                only_held_slot=only_seated,
            )
            return [entry.peer for entry in entries]

        book, seated = remembered(only_seated=False), remembered(only_seated=True)
        # What one tag led to is in the book as well, unless its place there is contested; here it
        # gets its turn.
        by_tag = {peer.key for peer in book} & {
            known.peer.key for known in self._verifier.known if known.source.startswith(BY_TAG)
        }
        chosen: dict[bytes, VerifiedPeer] = {}
        for peer in self._mix.order(
            slots, seated, book, [peer for peer in book if peer.key in by_tag]
        ):
            if len(chosen) < count and all(peer.key != other.key for other in chosen.values()):
                chosen.setdefault(parts.scopes.subnet(peer.endpoint), peer)
        return list(chosen.values())

    def age_s(self, peer: VerifiedPeer, now: float) -> float:
        """How long ago it last answered; inf for one that is not known any more, or must answer
        again after many were lost.
        """
        known = self._verifier.known.of_key(peer.key, peer.endpoint)
        if known is None or known.failures or known.verified_at < self._verifier.stale_before:
            return FOREVER
        return now - known.verified_at

    def networks(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        """The /24 and the /16 (IPv6 /48 and /32) of an endpoint, by which peers are spread; with a
        map, its system instead of the /16.
        """
        scopes = self._verifier.parts.scopes
        return scopes.subnet(endpoint), scopes.netgroup(endpoint)

    def asn(self, endpoint: Endpoint) -> int:
        """The autonomous system of an endpoint, by the operator's map; 0 where that is not known."""
        return self._verifier.parts.scopes.asn(endpoint)

    def from_slots(
        self, count: int, now: float, *, hierarchical: bool | None = None
    ) -> list[VerifiedPeer]:
        """At most ``count`` by lot among the slots that are old enough; ``hierarchical`` as in
        `GossipView.sample`.
        """
        return self._verifier.parts.view.sample(count, now, hierarchical=hierarchical)

    def verified(self) -> list[VerifiedPeer]:
        """All that proved themselves and still answer, those longest not heard of first."""
        return [known.peer for known in self._verifier.known if not known.failures]

    def why(self, who: bytes | Endpoint, now: float) -> Provenance | None:
        """Where a peer came from and why it is trusted, by its key (32 bytes) or its endpoint; None
        for one that is not known.
        """
        return self._verifier.parts.book.why(who, now)

    def feedback(self, key: bytes, verdict: Verdict, now: float) -> bool:
        """What the application says of a peer that it was given; False if it is not known (any
        more).
        """
        return self._verifier.parts.book.feedback(key, verdict, now)

    def elsewhere(self, key: bytes) -> PeerRecord | None:
        """A record that came from another address than it names; nobody knows whether its owner is
        there.
        """
        return self._verifier.parts.rules.elsewhere.get(key)

    def hear_of(self, endpoints: Iterable[Endpoint], source: str, now: float) -> None:
        """Peers that somebody outside of the core knows of: the operator, the LAN, a file.
        ``source``: a word for that.
        """
        self._verifier.found(
            endpoints,
            source.encode("ascii"),
            now,
            per_source=self._config.rendezvous.candidates_per_key,
        )

    def first_hops(self, family: Family, count: int, now: float) -> list[Contact]:
        """Peers for a lookup to start from, beside the table's: by lot from old slots. IDs can be
        ground until they are near a target; addresses cannot.
        """
        sample = self._verifier.parts.view.sample(2 * count, now) if count else []
        return [
            Contact(peer.node_id, peer.endpoint)
            for peer in sample
            if family_of(peer.endpoint) is family
        ][:count]

    def snapshot(self, now: float) -> PeerNetworkSnapshot:
        parts = self._verifier.parts
        return PeerNetworkSnapshot(
            network=self._membership.network,
            public_key=self._membership.identity.public_key,
            record=self._own_record.raw,
            sequence=self._own_record.sequence,
            services=dict(self._own_record.services),
            verified=len(self._verifier.known),
            inbound=sum(known.inbound for known in self._verifier.known),
            candidates=len(parts.candidates),
            pushes=self._rounds.pushes,
            tombstones=len(parts.tombstones),
            round_s=self._rounds.round_s,
            book_heard_of=parts.book.unverified_count,
            book_met=parts.book.verified_count,
            view=parts.view.snapshot(now),
        )

    # --- from run to run --------------------------------------------------------------------------

    def export(self, now: float) -> SavedPeerNetwork:
        return SavedPeerNetwork(self._own_record.sequence, self._verifier.parts.book.export(now))

    def take_up(self, book: SavedBook, now: float) -> int:
        """What a file says, entry by entry, as at the start of a run; how many entries were
        refused.
        """
        parts = self._verifier.parts
        refused = parts.book.restore(book, now)
        for reason, times in refused.items():
            parts.counters.refuse(reason, times)
        self._verifier.drop_own()
        return sum(refused.values())

    def restore(self, saved: SavedPeerNetwork, now: float) -> Commands:
        """The anchors are asked first; nobody is given to the application who did not answer in
        this run.
        """
        parts = self._verifier.parts
        self._own_record.outlive(saved.sequence, now)
        self.take_up(saved.book, now)
        parts.rules.remember(
            (entry.peer.key, entry.peer.sequence)
            for entry in parts.book.entries()
            if entry.peer is not None
        )
        self._verifier.found(
            parts.book.anchors(), ANCHOR, now, per_source=self._config.book.anchors
        )
        self._rounds.remember(now)
        return [RecordChanged(self._own_record.sequence, self._own_record.raw)]
