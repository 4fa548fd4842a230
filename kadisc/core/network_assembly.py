"""Chooses the components of the own network by the node's `Defences`, as `assembly.py` does for the
DHT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from random import Random

from ..config import CoreConfig
from ..endpoints import Family
from .addressing.netgroup_sampling import NetworkOf
from .addressing.policy import AddressPolicy
from .assembly import book_for, view_for
from .baselines.peers import (
    AnyGossipToken,
    AnyRecord,
    EndlessCredit,
    EveryPush,
    FirstComeCandidates,
    NoBackoff,
    NoBucketQuota,
    NoMassFailureDetector,
    NoTombstones,
    RandomPeerSamples,
    SourcesInTurn,
    endpoint_itself,
)
from .contract.counters import Counters
from .dht import Dht
from .peers.answers import (
    FixedPeerSamples,
    GossipAnswers,
    GossipTokenRule,
    GossipTokens,
    PeerSampleRule,
)
from .peers.backoff import Backoff, Credit
from .peers.bucket_quota import BucketQuota
from .peers.candidates import GossipCandidates
from .peers.components import PeerComponents
from .peers.exchange import ExchangeContext
from .peers.mass_failure import MassFailureDetector
from .peers.network import PeerNetwork
from .peers.own_record import Membership, OwnRecord
from .peers.partner_selection import PartnerSelection
from .peers.partners import Partners
from .peers.push_reservoir import PushReservoir, PushRule
from .peers.pushes import PushReceiver
from .peers.recheck import Rechecks
from .peers.record_policy import RecordRules
from .peers.reports import PeerReports
from .peers.rounds import GossipRounds
from .peers.selection import PeerSelection, RanksFirst, SelectionRule
from .peers.tombstones import Tombstones
from .peers.verification import PeerVerifier


def peer_network_for(
    membership: Membership,
    config: CoreConfig,
    rng: Random,
    dhts: Mapping[Family, Dht],
    scopes: AddressPolicy,
    counters: Counters,
    now: float,
) -> PeerNetwork:
    """Raises UsageError for services that no record can hold."""
    tag = membership.tag
    own_record = OwnRecord(membership, now)
    components = _components_for(membership, config, rng, scopes, counters, own_record)
    network_of = scopes.subnet if config.defences.subnet_sampling else endpoint_itself
    verifier = PeerVerifier(config, components, network_of, dhts)
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
    rounds = GossipRounds(
        config,
        rng,
        components,
        verifier,
        reports,
        pushes,
        rechecks,
        PartnerSelection(config.gossip, rng, components, verifier.known, network_of),
        ExchangeContext(config, tag, components, verifier, reports, dhts),
        now,
    )
    answers = GossipAnswers(
        config,
        tag,
        own_record,
        _samples_for(config, rng, scopes, network_of),
        _tokens_for(config, rng, tag, now),
        scopes,
    )
    rule: SelectionRule = RanksFirst() if config.defences.ranked_peers else SourcesInTurn()
    selection = PeerSelection(config, components, verifier, rule)
    return PeerNetwork(
        config, rng, membership, dhts, components, verifier, reports, rounds, answers, selection
    )


def _components_for(
    membership: Membership,
    config: CoreConfig,
    rng: Random,
    scopes: AddressPolicy,
    counters: Counters,
    own_record: OwnRecord,
) -> PeerComponents:
    defences, gossip = config.defences, config.gossip
    own_key = membership.identity.public_key
    return PeerComponents(
        view=view_for(config, rng, scopes),
        book=book_for(config, rng, _book_secret(membership), scopes),
        records=RecordRules(membership.tag, own_key) if defences.record_rules else AnyRecord(),
        candidates=(
            GossipCandidates(gossip, rng, scopes)
            if defences.peer_candidate_limits
            else FirstComeCandidates(gossip)
        ),
        tombstones=Tombstones(gossip) if defences.tombstones else NoTombstones(),
        backoff=Backoff(gossip) if defences.gossip_backoff else NoBackoff(),
        credit=Credit(gossip) if defences.gossip_backoff else EndlessCredit(),
        bucket_quota=BucketQuota(gossip.bucket_share) if defences.bucket_quota else NoBucketQuota(),
        partners=Partners(gossip),
        scopes=scopes,
        counters=counters,
        own_record=own_record,
        mass_failure=MassFailureDetector() if defences.mass_failure else NoMassFailureDetector(),
    )


def _reservoir_for(config: CoreConfig, rng: Random, scopes: AddressPolicy) -> PushRule:
    if config.defences.push_reservoir:
        return PushReservoir(config.gossip, rng, scopes.host, scopes.netgroup)
    return EveryPush(config.gossip)


def _samples_for(
    config: CoreConfig, rng: Random, scopes: AddressPolicy, network_of: NetworkOf
) -> PeerSampleRule:
    if config.defences.fixed_samples:
        return FixedPeerSamples(config.gossip.answer_fixed_s, rng, scopes, network_of)
    return RandomPeerSamples(rng)


def _tokens_for(config: CoreConfig, rng: Random, tag: bytes, now: float) -> GossipTokenRule:
    tokens = GossipTokens if config.defences.gossip_tokens else AnyGossipToken
    return tokens(rng, config.serving.token_rotation_s, tag, now)


def _book_secret(membership: Membership) -> bytes:
    """The same in every run, and known to no other node."""
    return hashlib.blake2b(b"address book", key=membership.identity.seed, digest_size=32).digest()
