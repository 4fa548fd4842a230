"""Chooses the components of a community by the node's `Defences`, as `assembly.py` does for the
DHT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from random import Random

from ..config import CoreConfig
from ..endpoints import Family
from .addressing.policy import AddressPolicy
from .assembly import book_for, view_for
from .baselines.addressing import each_endpoint_alone
from .contract.counters import Counters
from .dht import Dht
from .peers.answers import AnySample, FixedSamples, GossipAnswers, GossipTokens, NoTokens
from .peers.backoff import Backoff, Credit, EndlessCredit, NoBackoff
from .peers.bucket_quota import AnyShare, BucketQuota
from .peers.candidates import FirstComeCandidates, GossipCandidates
from .peers.mass_failure import MassFailureDetector, NoMassFailureDetector
from .peers.network import PeerNetwork
from .peers.own_record import Membership, OwnRecord
from .peers.partners import Partners
from .peers.push_reservoir import EveryPush, PushReservoir
from .peers.record_policy import AnyRecord, RecordRules
from .peers.rounds import GossipRounds
from .peers.selection import AllInTurn, RanksFirst
from .peers.tombstones import NoTombstones, Tombstones
from .peers.verification import Parts, PeerVerifier


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
    defences, gossip, tag = config.defences, config.gossip, membership.tag
    own_record = OwnRecord(membership, now)
    parts = Parts(
        view=view_for(config, rng, scopes),
        book=book_for(config, rng, _book_secret(membership), scopes),
        rules=RecordRules(tag, membership.identity.public_key)
        if defences.record_rules
        else AnyRecord(),
        candidates=GossipCandidates(gossip, rng, scopes)
        if defences.peer_candidate_limits
        else FirstComeCandidates(gossip),
        tombstones=Tombstones(gossip) if defences.tombstones else NoTombstones(),
        backoff=Backoff(gossip) if defences.gossip_backoff else NoBackoff(),
        credit=Credit(gossip) if defences.gossip_backoff else EndlessCredit(),
        shares=BucketQuota(gossip.bucket_share) if defences.bucket_quota else AnyShare(),
        partners=Partners(gossip),
        scopes=scopes,
        counters=counters,
        own_record=own_record,
        mass_failure=MassFailureDetector() if defences.mass_failure else NoMassFailureDetector(),
    )
    network_of = scopes.subnet if defences.subnet_sampling else each_endpoint_alone
    verifier = PeerVerifier(config, parts, network_of, dhts)
    reservoir = (
        PushReservoir(gossip, rng, scopes.host, scopes.netgroup)
        if defences.push_reservoir
        else EveryPush(gossip)
    )
    rounds = GossipRounds(config, rng, tag, verifier, reservoir, network_of, dhts, now)
    samples = (
        FixedSamples(gossip.answer_fixed_s, rng, scopes, network_of)
        if defences.fixed_samples
        else AnySample(rng)
    )
    tokens = (GossipTokens if defences.gossip_tokens else NoTokens)(
        rng, config.serving.token_rotation_s, tag, now
    )
    answers = GossipAnswers(config, tag, own_record, samples, tokens, scopes)
    mix = RanksFirst() if defences.ranked_peers else AllInTurn()
    return PeerNetwork(config, rng, membership, dhts, own_record, verifier, rounds, answers, mix)


def _book_secret(membership: Membership) -> bytes:
    """The same in every run, and nobody else's business."""
    return hashlib.blake2b(b"address book", key=membership.identity.seed, digest_size=32).digest()
