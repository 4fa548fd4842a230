"""Chooses the components of a node by its `Defences`: every switch is on this page, or on those for
the rooms `serving` (`serving_assembly.py`) and `peers` (`peers_assembly.py`). The components
themselves know of no switch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Final

from ..config import CoreConfig
from ..endpoints import Endpoint, Family, family_of
from ..ids import NodeId
from .addressing.bep42 import Bep42Check, anywhere, conforms
from .addressing.bep42_places import SubnetPlaces
from .addressing.connectivity import Connectivity
from .addressing.contact_pool import ContactPool
from .addressing.external_address import Confidence, ExternalAddress
from .addressing.own_ids import OwnIds
from .addressing.own_subnet import ExtraPlaces, OwnSubnet, no_extra_places
from .addressing.policy import AddressPolicy
from .baselines.addressing import AlwaysOnline
from .baselines.limits import (
    NoAskerTokens,
    NoLimits,
    NoProbeLane,
    NoProvenBudget,
    NoProvenSources,
    SubnetSlowDecodes,
    UnrenewedContacts,
)
from .baselines.lookup import no_region
from .baselines.rpc import NoOwner, NoReceivedTokens, NoSpacing, TrustingTransactions
from .baselines.table import NoDiversityCaps, NoNamingShares, NoQuarantine
from .contract.conduct import Conduct
from .contract.counters import Counters
from .dht import Dht
from .dht_parts import DhtParts
from .limits.asker_tokens import AskerTokenRule, AskerTokens
from .limits.budget import CellHash
from .limits.contacted import ContactedHosts, ContactedHostsRule
from .limits.probe_lane import ProbeLane, ProbeLaneRule
from .limits.proven_budget import ProvenBudgets, proven_budgets
from .limits.proven_sources import ProvenSources, ProvenSourcesRule
from .limits.reserve import StrangerReserve
from .limits.slow_decodes import SlowDecodes
from .limits.traffic import LiftedLimits, TrafficLimits, TrafficRule
from .lookup.peer import LookupRules
from .lookup.region import MakeRegion, Region
from .lookup.tellers import ALL_TELLERS, TellerMemory
from .rpc.endpoint_spacing import EndpointSpacing, SpacingRule
from .rpc.pacer import Pacer, PacingRule, Unpaced
from .rpc.received_tokens import ReceivedTokenRule, ReceivedTokens
from .rpc.receiver import Receiver
from .rpc.send_queue import SendQueue
from .rpc.sender import Sender
from .rpc.transactions import TransactionRule, Transactions
from .serving.tokens import TokenIssuer
from .serving_assembly import costs_for
from .table.bucket_fill import BucketFill
from .table.candidates import Candidates, InFlight
from .table.destinations import TableDestinations
from .table.diversity import AsnCaps, DiversityCaps, DiversityRule
from .table.link_monitor import LinkMonitor
from .table.naming_shares import NamingShares
from .table.nat_quarantine import InboundMemory
from .table.refresh import Refresh
from .table.revalidation import Revalidation
from .table.routing_table import RoutingTable
from .table.saved_contacts import SavedContacts
from .table.size_reports import SizeReports
from .table.static_peers import StaticPeers

UNCAPPED: Final = 1 << 30
UNLIMITED_CHECKS_PER_S: Final = 1000.0


def transactions_for(config: CoreConfig, rng: Random, own_id: NodeId) -> TransactionRule:
    if config.defences.exact_matching:
        return Transactions(config.query, rng)
    return TrustingTransactions(config.query, rng, NoOwner(), own_id)


def pacer_for(config: CoreConfig) -> PacingRule:
    return (
        Pacer(config.query) if config.defences.paced_queries and not config.unlimited else Unpaced()
    )


def spacing_for(config: CoreConfig) -> SpacingRule:
    return (
        EndpointSpacing(config.query.timeout_s)
        if config.defences.spaced_maintenance
        else NoSpacing()
    )


def send_queue_for(
    config: CoreConfig,
    transactions: TransactionRule,
    tokens: TokenIssuer,
    conducts: Mapping[Family, Conduct],
) -> SendQueue:
    received: ReceivedTokenRule = NoReceivedTokens()
    if config.defences.asker_tokens:
        received = ReceivedTokens(tokens.derive(b"received tokens"))
    return SendQueue(
        config, transactions, pacer_for(config), spacing_for(config), received, conducts
    )


def bep42_for(config: CoreConfig, places: SubnetPlaces | None) -> Bep42Check:
    if not config.defences.bep42_ids:
        return anywhere
    return conforms if places is None else places.conforms


def extra_places_of(dhts: Mapping[Family, Dht]) -> ExtraPlaces:
    """Those of all address families."""

    def extra_places(endpoint: Endpoint) -> int:
        dht = dhts.get(family_of(endpoint))
        return dht.parts.own_subnet.extra_places(endpoint) if dht is not None else 0

    return extra_places


def lookup_rules_for(
    config: CoreConfig,
    scopes: AddressPolicy,
    places: SubnetPlaces | None = None,
    extra_places: ExtraPlaces = no_extra_places,
) -> LookupRules:
    """``places``: those that `dht_for` was given."""
    caps, lookup = config.defences.lookup_caps, config.lookup
    return LookupRules(
        scopes.subnet,
        scopes.host,
        lookup.per_subnet if caps else UNCAPPED,
        bep42_for(config, places),
        netgroup=scopes.netgroup,
        per_netgroup=lookup.per_netgroup if caps else UNCAPPED,
        extra_places=extra_places,
        teller_memory=TellerMemory() if config.defences.teller_doubts else ALL_TELLERS,
    )


def make_region_for(config: CoreConfig) -> MakeRegion:
    return Region if config.defences.region_lookups else no_region


def diversity_for(
    config: CoreConfig, scopes: AddressPolicy, extra_places: ExtraPlaces = no_extra_places
) -> DiversityRule:
    if not config.defences.diversity_caps:
        return NoDiversityCaps()
    caps = DiversityCaps(config.table, scopes, extra_places)
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
    own_ids: OwnIds | None = None,
    places: SubnetPlaces | None = None,
) -> Dht:
    defences, maintenance = config.defences, config.maintenance
    if config.unlimited:
        maintenance = replace(maintenance, candidate_checks_per_s=UNLIMITED_CHECKS_PER_S)
    address = address or ExternalAddress(config.address, None, None, Confidence.UNKNOWN)
    own_subnet = OwnSubnet(address, scopes, config.table.own_subnet_places)
    extra_places = own_subnet.extra_places
    diversity = diversity_for(config, scopes, extra_places)
    pool = ContactPool() if pool is None else pool
    table = RoutingTable(
        family,
        own_id,
        config.table,
        scopes,
        diversity,
        challenge_incumbents=defences.ping_before_evict,
        bep42_valid=bep42_for(config, places),
        pool=pool,
        own_ids=own_ids,
    )
    per_subnet = maintenance.candidate_checks_per_subnet
    if not defences.checks_in_flight_caps:
        per_subnet, maintenance = UNCAPPED, replace(maintenance, candidates_per_subnet=UNCAPPED)
    shares = NamingShares(scopes.netgroup) if defences.candidate_shares else NoNamingShares()
    connectivity = Connectivity(maintenance) if defences.offline_detection else AlwaysOnline()
    in_all = maintenance.candidate_checks_in_flight
    in_flight = InFlight(in_all, per_subnet, scopes.subnet, extra_places)
    parts = DhtParts(
        table=table,
        candidates=Candidates(maintenance, rng, in_flight, scopes.subnet, shares, extra_places),
        revalidation=Revalidation(maintenance, rng, len(config.table.bucket_sizes) - 1),
        refresh=Refresh(maintenance, table, rng),
        bucket_fill=BucketFill(table, rng),
        quarantine=InboundMemory(maintenance.quarantine_silence_s)
        if defences.inbound_quarantine
        else NoQuarantine(),
        link=LinkMonitor(maintenance, table, scopes, connectivity),
        scopes=scopes,
        pool=pool,
        counters=counters,
        saved_contacts=SavedContacts(family, table, scopes, config.table.k),
        size_reports=SizeReports(),
        static_peers=StaticPeers(maintenance, table),
        address=address,
        own_subnet=own_subnet,
        public_key=public_key,
        places=places if family is Family.IPV6 else None,
        admits_unverified=not defences.verified_admission,
        reserve=StrangerReserve(),
    )
    return Dht(family, config, parts)


def tokens_for(config: CoreConfig, rng: Random, now: float) -> TokenIssuer:
    return TokenIssuer(rng, config.serving.token_rotation_s, now)


def cell_hash_for(config: CoreConfig, tokens: TokenIssuer, scopes: AddressPolicy) -> CellHash:
    """Of all budgets by address of a node."""
    return CellHash(tokens.derive(b"limits"), config.limits.cell_bits, scopes)


def contacted_for(config: CoreConfig, tokens: TokenIssuer) -> ContactedHostsRule:
    kind = ContactedHosts if config.defences.renewed_contacts else UnrenewedContacts
    reach = config.reach
    return kind(reach.contacted_bits, tokens.derive(b"contacted hosts"), reach.stranger_s)


def probe_lane_for(config: CoreConfig) -> ProbeLaneRule:
    return ProbeLane() if config.defences.probe_lane else NoProbeLane()


def receiver_and_sender_for(
    config: CoreConfig,
    outgoing: SendQueue,
    dhts: dict[Family, Dht],
    scopes: AddressPolicy,
    counters: Counters,
    cell_hash: CellHash,
    tokens: TokenIssuer,
    contacted: ContactedHostsRule,
    probes: ProbeLaneRule,
) -> tuple[Receiver, Sender]:
    """The receiver and the sender of datagrams, with the same traffic limits at both."""
    transactions = outgoing.transactions
    asker_tokens: AskerTokenRule = NoAskerTokens()
    if config.defences.asker_tokens:
        asker_tokens = AskerTokens(tokens.derive(b"asker tokens"))
    traffic = traffic_for(config, transactions, dhts, counters, cell_hash, asker_tokens)
    slow_decodes = SlowDecodes if config.defences.slow_decode_total else SubnetSlowDecodes
    receiver = Receiver(
        config,
        scopes,
        dhts.keys(),
        counters,
        transactions,
        traffic,
        slow_decodes(config.serving, cell_hash),
        asker_tokens,
        costs_for(config),
        contacted,
        probes,
    )
    silence_s = config.maintenance.quarantine_silence_s
    destinations = {
        family: TableDestinations(dht.table, dht.parts.quarantine, silence_s)
        for family, dht in dhts.items()
    }
    return receiver, Sender(outgoing, destinations, counters, traffic, contacted, scopes)


def traffic_for(
    config: CoreConfig,
    transactions: TransactionRule,
    dhts: dict[Family, Dht],
    counters: Counters,
    cell_hash: CellHash,
    asker_tokens: AskerTokenRule,
) -> TrafficRule:
    if not config.defences.traffic_limits:
        return NoLimits()
    tables = [dht.table for dht in dhts.values()]
    one = tables[0].holds
    other = tables[-1].holds  # an endpoint has one family: at most one table holds it

    def is_contact(endpoint: Endpoint) -> bool:
        return one(endpoint) or other(endpoint)

    if len(tables) == 1:
        is_contact = one

    proven_sources: ProvenSourcesRule = (
        ProvenSources(config.limits, transactions.admits, is_contact, asker_tokens, cell_hash)
        if config.defences.proven_sources
        else NoProvenSources()
    )
    none = NoProvenBudget()
    proven = (
        proven_budgets(config.limits, cell_hash)
        if config.defences.proven_budgets
        else ProvenBudgets(none, none, none, none)
    )
    kind = LiftedLimits if config.unlimited else TrafficLimits
    return kind(config.limits, proven_sources, proven, cell_hash, counters)
