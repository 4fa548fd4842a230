"""Chooses the components of a node by its `Defences`. The components know nothing of the switches."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

from ..config import CoreConfig
from ..endpoints import Family
from ..ids import NodeId
from ..wire.messages import Error, Reply
from .addressing.bep42 import anywhere, conforms
from .addressing.connectivity import Connectivity
from .addressing.contact_pool import ContactPool
from .addressing.external_address import Confidence, ExternalAddress
from .addressing.policy import AddressPolicy
from .baselines.addressing import AlwaysOnline
from .baselines.book import NewestWins, PlainPlacement, UnboundedFeedback
from .baselines.naive_view import NaiveView
from .book.address_book import AddressBook
from .book.collisions import Collisions
from .book.feedback import BoundedFeedback
from .book.tables import GroupedPlacement
from .contract.counters import Counters
from .contract.queries import NO_COMMANDS, Commands, PendingQuery, QueryFailure, SendQuery
from .dht import Dht, Parts
from .lookup.closest import LookupRules
from .peers.view import GossipView, ViewRule
from .rpc.pacer import Pacer, PacingRule, Unpaced
from .rpc.transactions import TransactionRule, Transactions, TrustingTransactions
from .table.asn_caps import AsnCaps
from .table.bucket_fill import BucketFill
from .table.candidates import Candidates, InFlight
from .table.diversity import DiversityCaps, DiversityRule, NoDiversityCaps
from .table.nat_quarantine import InboundMemory, NoQuarantine
from .table.refresh import Refresh
from .table.revalidation import Revalidation
from .table.routing_table import RoutingTable
from .table.saved_contacts import SavedContacts

UNCAPPED: Final = 1 << 30
UNLIMITED_CHECKS_PER_S: Final = 1000.0


class NoOwner:
    """The owner of an answer that nobody asked for; there is one only where exact matching is off."""

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        return NO_COMMANDS

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        return NO_COMMANDS


def transactions_for(config: CoreConfig, rng: Random, own_id: NodeId) -> TransactionRule:
    if config.defences.exact_matching:
        return Transactions(config.query, rng)
    return TrustingTransactions(config.query, rng, NoOwner(), own_id)


def pacer_for(config: CoreConfig) -> PacingRule:
    return (
        Pacer(config.query) if config.defences.paced_queries and not config.unlimited else Unpaced()
    )


def lookup_rules_for(config: CoreConfig, scopes: AddressPolicy) -> LookupRules:
    per_network = config.lookup.per_subnet if config.defences.lookup_caps else UNCAPPED
    return LookupRules(
        scopes.subnet, scopes.host, per_network, conforms if config.defences.bep42_ids else anywhere
    )


def view_for(config: CoreConfig, rng: Random, scopes: AddressPolicy) -> ViewRule:
    gossip = config.gossip
    if not config.defences.ranked_slots:
        return NaiveView(gossip, rng)
    if not config.defences.hierarchical_slots:
        slots = (
            gossip.flat_slots + gossip.slots_from_8 + gossip.slots_from_16 + gossip.slots_from_24
        )
        gossip = replace(gossip, flat_slots=slots, slots_from_8=0, slots_from_16=0, slots_from_24=0)
    return GossipView(gossip, rng, scopes)


def book_for(config: CoreConfig, rng: Random, secret: bytes, scopes: AddressPolicy) -> AddressBook:
    """``secret`` decides on everybody's place: it must be the same in every run, and nobody else's
    business.
    """
    defences, book = config.defences, config.book
    placement = (
        GroupedPlacement(book, secret, scopes)
        if defences.book_groups
        else PlainPlacement(book, secret, scopes)
    )
    collisions = Collisions(book) if defences.test_before_evict else NewestWins()
    feedback = BoundedFeedback(book) if defences.bounded_feedback else UnboundedFeedback()
    return AddressBook(book, rng, scopes, placement, collisions, feedback)


def diversity_for(config: CoreConfig, scopes: AddressPolicy) -> DiversityRule:
    if not config.defences.diversity_caps:
        return NoDiversityCaps()
    caps = DiversityCaps(config.table, scopes)
    return AsnCaps(caps, scopes, config.table.per_asn_in_table) if scopes.knows_asns else caps


def dht_for(
    family: Family,
    own_id: NodeId,
    config: CoreConfig,
    rng: Random,
    scopes: AddressPolicy,
    counters: Counters,
    public_key: bytes | None = None,
    address: ExternalAddress | None = None,
    pool: ContactPool | None = None,
) -> Dht:
    defences, maintenance = config.defences, config.maintenance
    if config.unlimited:
        maintenance = replace(maintenance, candidate_checks_per_s=UNLIMITED_CHECKS_PER_S)
    diversity = diversity_for(config, scopes)
    pool = ContactPool() if pool is None else pool
    table = RoutingTable(
        *(family, own_id, config.table, scopes, diversity),
        challenge_incumbents=defences.ping_before_evict,
        bep42_valid=conforms if defences.bep42_ids else anywhere,
        pool=pool,
    )
    per_subnet = maintenance.candidate_checks_per_subnet
    if not defences.checks_in_flight_caps:
        per_subnet, maintenance = UNCAPPED, replace(maintenance, candidates_per_subnet=UNCAPPED)
    in_flight = InFlight(maintenance.candidate_checks_in_flight, per_subnet, scopes.subnet)
    parts = Parts(
        table=table,
        candidates=Candidates(maintenance, rng, in_flight, scopes.subnet),
        revalidation=Revalidation(maintenance, rng, len(config.table.bucket_sizes) - 1),
        refresh=Refresh(maintenance, table, rng),
        bucket_fill=BucketFill(table, rng),
        quarantine=InboundMemory(maintenance.quarantine_silence_s)
        if defences.inbound_quarantine
        else NoQuarantine(),
        connectivity=Connectivity(maintenance) if defences.offline_detection else AlwaysOnline(),
        scopes=scopes,
        pool=pool,
        counters=counters,
        saved_contacts=SavedContacts(maintenance),
        address=address or ExternalAddress(config.address, None, None, Confidence.UNKNOWN),
        public_key=public_key,
        admits_unverified=not defences.verified_admission,
    )
    return Dht(family, config, parts)
