"""Chooses the components of the rooms `peers` and `book` by the `Defences` of the node: the part of
`assembly.py` for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from random import Random

from ..config import CoreConfig
from ..endpoints import Family
from .addressing.netgroup_sampling import PrefixOf
from .addressing.own_subnet import ExtraPlaces, no_extra_places
from .addressing.policy import AddressPolicy
from .baselines.addressing import each_endpoint_alone
from .baselines.book import NewestWins, NoVerdictBounds, PlainPlacement
from .baselines.naive_view import NaiveView
from .baselines.peers import (
    AnyGossipToken,
    AnyRecord,
    EndlessCredit,
    EveryPush,
    FirstComeCandidates,
    NoBackoff,
    NoBucketQuota,
    NoKeyProofs,
    NoMassFailureDetector,
    NoProofSigner,
    NoSigningBudget,
    NoTombstones,
    RandomPeerSamples,
    SourcesInTurn,
)
from .baselines.reach import NoGuard, NoHelpBudgets
from .book.address_book import AddressBook
from .book.collisions import Collisions
from .book.tables import GroupedPlacement
from .book.verdicts import VerdictBounds, Verdicts
from .contract.conduct import Conduct
from .contract.counters import Counters
from .dht import Dht
from .limits.budget import CellHash
from .limits.contacted import ContactedHostsRule
from .limits.probe_lane import ProbeLaneRule
from .peers.answers import (
    FixedPeerSamples,
    GossipAnswers,
    GossipTokenRule,
    GossipTokens,
    PeerSampleRule,
)
from .peers.backoff import Backoff, Credit
from .peers.bucket_quota import BucketQuota
from .peers.burst import CheckBurst
from .peers.candidates import GossipCandidates
from .peers.components import PeerComponents
from .peers.crowded_subnets import CrowdedSubnets
from .peers.exchange import ExchangeContext
from .peers.goodbyes import Goodbyes
from .peers.lan_peers import LanPeers
from .peers.mass_failure import MassFailureDetector
from .peers.network import PeerNetwork
from .peers.other_peers import OtherPeers
from .peers.own_reach import OwnReach, PeersThatHelp
from .peers.own_record import Membership, OwnRecord
from .peers.partner_selection import PartnerSelection
from .peers.partners import Partners
from .peers.proof import (
    KeyProofRule,
    KeyProofs,
    OwnEndpoints,
    ProofSigner,
    ProofSignerRule,
    SigningBudget,
    SigningRule,
)
from .peers.push_reservoir import PushReservoir, PushRule
from .peers.pushes import PushReceiver
from .peers.recheck import Rechecks
from .peers.record_keeper import RecordKeeper
from .peers.record_policy import RecordRules
from .peers.rendezvous import RendezvousSchedule
from .peers.rendezvous_lookups import RendezvousLookups
from .peers.reports import PeerReports
from .peers.rounds import GossipRounds
from .peers.search import ApplicationSearch
from .peers.selection import PeerSelection, RanksFirst, SelectionRule
from .peers.tombstones import Tombstones
from .peers.verification import PeerVerifier
from .peers.view import GossipView, ViewRule
from .reach.guard import GuardRule, NetworkGuard
from .reach.help_budgets import HelpBudgets
from .reach.help_context import HelpContext
from .reach.helping import Helping
from .reach.probes import ReachContext
from .reach.reachability import Reachability
from .reach.service_checks import ServiceChecks


def view_for(config: CoreConfig, rng: Random, scopes: AddressPolicy) -> ViewRule:
    gossip = config.gossip
    if not config.defences.ranked_slots:
        return NaiveView(gossip, rng)
    if not config.defences.hierarchical_slots:
        slots = (
            gossip.flat_slots + gossip.slots_from_8 + gossip.slots_from_16 + gossip.slots_from_24
        )
        gossip = replace(gossip, flat_slots=slots, slots_from_8=0, slots_from_16=0, slots_from_24=0)
    share_of = scopes.share if config.defences.ipv6_shares else scopes.host
    return GossipView(gossip, rng, scopes, share_of)


def sampling_for(config: CoreConfig, scopes: AddressPolicy) -> PrefixOf:
    """What has the same chance as any other in a draw."""
    if not config.defences.subnet_sampling:
        return each_endpoint_alone
    return scopes.share if config.defences.ipv6_shares else scopes.subnet


def verdicts_for(config: CoreConfig) -> Verdicts:
    return Verdicts(
        VerdictBounds(config.book) if config.defences.bounded_feedback else NoVerdictBounds()
    )


def book_for(
    config: CoreConfig,
    rng: Random,
    secret: bytes,
    scopes: AddressPolicy,
    verdicts: Verdicts | None = None,
) -> AddressBook:
    """``secret`` decides on the bucket of each peer: it must be the same in every run, and known to
    this node alone. ``verdicts``: those of the node, new ones if None.
    """
    defences, book = config.defences, config.book
    verdicts = verdicts if verdicts is not None else verdicts_for(config)
    placement = (
        GroupedPlacement(book, secret, scopes)
        if defences.book_groups
        else PlainPlacement(book, secret, scopes)
    )
    collisions = Collisions(book) if defences.test_before_evict else NewestWins()
    return AddressBook(book, rng, scopes, placement, collisions, verdicts)


def peer_network_for(
    membership: Membership,
    config: CoreConfig,
    rng: Random,
    dhts: Mapping[Family, Dht],
    scopes: AddressPolicy,
    counters: Counters,
    cell_hash: CellHash,
    now: float,
    conducts: Mapping[Family, Conduct],
    contacted: ContactedHostsRule,
    probes: ProbeLaneRule,
    extra_places: ExtraPlaces = no_extra_places,
) -> PeerNetwork:
    """``extra_places``: beyond the limits by subnet. Raises UsageError for services that no record
    can hold.
    """
    tag = membership.tag
    own_record = OwnRecord(membership, now)
    components = _components_for(
        membership, config, rng, scopes, counters, cell_hash, own_record, extra_places
    )
    network_of = sampling_for(config, scopes)
    proofs, signer = _proofs_for(membership, config, rng, dhts, components)
    verifier = PeerVerifier(config, components, network_of, dhts, proofs)
    reports = PeerReports(config, components, verifier, dhts)
    rechecks = Rechecks(config, verifier, components.mass_failure, now)
    pushes = PushReceiver(
        config.gossip,
        components,
        verifier,
        reports,
        rechecks,
        _reservoir_for(config, rng, scopes),
    )
    view, book = components.view, components.book
    crowded = CrowdedSubnets(
        verifier.known,
        scopes,
        config.book.tried_places_per_subnet,
        config.rendezvous.enough_peers,
        lambda endpoint: view.slots_of(endpoint) > 0 or book.is_tried(endpoint),
    )
    context = ExchangeContext(config, tag, components, verifier, reports, dhts)
    rounds = GossipRounds(
        config,
        rng,
        components,
        verifier,
        reports,
        pushes,
        rechecks,
        PartnerSelection(
            config.gossip, rng, components, verifier.known, verifier.unproven, network_of
        ),
        crowded,
        context,
        now,
    )
    helps = config.help_others and config.tests_reachability
    answers = GossipAnswers(
        config,
        tag,
        own_record,
        _samples_for(config, rng, scopes, network_of),
        _tokens_for(config, rng, tag, now),
        signer,
        scopes,
        components.verdicts,
        conducts if helps else {},
    )
    rule: SelectionRule = RanksFirst() if config.defences.ranked_peers else SourcesInTurn()
    others = OtherPeers(verifier.known, crowded, scopes.subnet)
    selection = PeerSelection(config, components, verifier, rule, others)
    goodbyes = Goodbyes(
        tag, config.gossip.first_query_bytes, counters, components.partners, verifier, dhts
    )
    search = ApplicationSearch(config, rng, membership, dhts, components, reports)
    schedules = {
        family: RendezvousSchedule(config.rendezvous, family, tag, rng, conducts[family])
        for family in (dhts if membership.named else ())
    }
    helpers = PeersThatHelp(components, verifier.known, rng)
    help_context = HelpContext(
        config.reach,
        tag,
        membership.identity.public_key,
        rng,
        dhts,
        scopes,
        counters,
        answers.tokens,
        helpers,
        contacted,
        HelpBudgets(config.reach, scopes, cell_hash)
        if config.defences.witness_budgets
        else NoHelpBudgets(),
    )
    reach_context = ReachContext(
        tag,
        rng,
        scopes,
        counters,
        contacted,
        probes,
        helpers,
        needs_answer=config.defences.answered_witness,
    )
    families = {
        family: Reachability(
            family,
            config,
            conducts[family],
            reach_context,
            dht,
            _guard_for(config, verifier, dht),
            now,
        )
        for family, dht in dhts.items()
    }
    checks = {
        family: ServiceChecks(config.reach, reach_context, dhts[family], reach.probes, own_record)
        for family, reach in families.items()
        if config.check_services and config.tests_reachability
    }
    own_reach = OwnReach(families, helpers, contacted, Helping(help_context, helps=helps), checks)
    rendezvous = RendezvousLookups(dhts, schedules, search)
    return PeerNetwork(
        config,
        membership,
        dhts,
        components,
        verifier,
        rounds,
        answers,
        selection,
        goodbyes,
        rendezvous,
        own_reach,
        LanPeers(scopes.lan, components.view, verifier, context),
        RecordKeeper(components, dhts, rounds, rendezvous, own_reach),
    )


def _guard_for(config: CoreConfig, verifier: PeerVerifier, dht: Dht) -> GuardRule:
    if not config.defences.guarded_conduct:
        return NoGuard()
    entries = config.reach.guard_entries

    def is_large() -> bool:
        return len(dht.table) >= entries and not verifier.too_few

    return NetworkGuard(is_large, config.reach.guard_s)


def _proofs_for(
    membership: Membership,
    config: CoreConfig,
    rng: Random,
    dhts: Mapping[Family, Dht],
    components: PeerComponents,
) -> tuple[KeyProofRule, ProofSignerRule]:
    """How this node asks for proofs of key, and how it gives them."""
    if not config.defences.key_proofs:
        return NoKeyProofs(), NoProofSigner()
    own, tag = OwnEndpoints(dhts, components.own_record), membership.tag
    budget: SigningRule = (
        NoSigningBudget()
        if config.unlimited
        else SigningBudget(config.limits, components.cell_hash)
    )
    signer = ProofSigner(membership.identity, tag, own, budget, components.counters)
    return KeyProofs(tag, rng, own), signer


def _components_for(
    membership: Membership,
    config: CoreConfig,
    rng: Random,
    scopes: AddressPolicy,
    counters: Counters,
    cell_hash: CellHash,
    own_record: OwnRecord,
    extra_places: ExtraPlaces,
) -> PeerComponents:
    defences, gossip = config.defences, config.gossip
    own_key = membership.identity.public_key
    verdicts = verdicts_for(config)
    return PeerComponents(
        view=view_for(config, rng, scopes),
        book=book_for(config, rng, _book_secret(membership), scopes, verdicts),
        verdicts=verdicts,
        records=RecordRules(membership.tag, own_key, scopes.lan.guarded, counters)
        if defences.record_rules
        else AnyRecord(),
        candidates=(
            GossipCandidates(gossip, rng, scopes, cell_hash, extra_places)
            if defences.peer_candidate_limits
            else FirstComeCandidates(gossip)
        ),
        tombstones=Tombstones(gossip) if defences.tombstones else NoTombstones(),
        backoff=Backoff(gossip) if defences.gossip_backoff else NoBackoff(),
        credit=Credit(gossip) if defences.gossip_backoff else EndlessCredit(),
        bucket_quota=BucketQuota(gossip.bucket_share) if defences.bucket_quota else NoBucketQuota(),
        partners=Partners(gossip),
        scopes=scopes,
        cell_hash=cell_hash,
        counters=counters,
        own_record=own_record,
        mass_failure=MassFailureDetector() if defences.mass_failure else NoMassFailureDetector(),
        burst=CheckBurst(gossip),
    )


def _reservoir_for(config: CoreConfig, rng: Random, scopes: AddressPolicy) -> PushRule:
    if config.defences.push_reservoir:
        return PushReservoir(config.gossip, rng, scopes.host, scopes.netgroup)
    return EveryPush(config.gossip)


def _samples_for(
    config: CoreConfig, rng: Random, scopes: AddressPolicy, network_of: PrefixOf
) -> PeerSampleRule:
    if config.defences.fixed_samples:
        return FixedPeerSamples(config.gossip.answer_fixed_s, rng, scopes, network_of)
    return RandomPeerSamples(rng, scopes)


def _tokens_for(config: CoreConfig, rng: Random, tag: bytes, now: float) -> GossipTokenRule:
    tokens = GossipTokens if config.defences.gossip_tokens else AnyGossipToken
    return tokens(rng, config.serving.token_rotation_s, tag, now)


def _book_secret(membership: Membership) -> bytes:
    """The same in every run, and known to no other node."""
    return hashlib.blake2b(b"address book", key=membership.identity.seed, digest_size=32).digest()
