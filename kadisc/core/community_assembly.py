"""Chooses the components of a community by the node's `Defences`, as `assembly.py` does for the DHT."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from random import Random

from ..config import CoreConfig
from ..endpoints import Family
from .assembly import book_for, view_for
from .backoff import Backoff, Credit, EndlessCredit, NoBackoff
from .bucket_shares import AnyShare, BucketShares
from .community import Community
from .counters import Counters
from .even_draws import each_by_itself
from .gossip import GossipRounds
from .gossip_answers import AnySample, FixedSamples, GossipAnswers, GossipTokens, NoTokens
from .gossip_candidates import FirstComeCandidates, GossipCandidates
from .mourning import Mourning, NoMourning
from .overlay import Overlay
from .own_record import Membership, OwnRecord
from .partners import Partners
from .peer_mix import AllInTurn, RanksFirst
from .proving import Parts, Proving
from .push_reservoir import EveryPush, PushReservoir
from .record_rules import AnyRecord, RecordRules
from .scopes import Scopes
from .tombstones import NoTombstones, Tombstones


def community_for(
    membership: Membership, config: CoreConfig, rng: Random, overlays: Mapping[Family, Overlay], scopes: Scopes, counters: Counters, now: float
) -> Community:
    """Raises UsageError for services that no record can hold."""
    defences, gossip, tag = config.defences, config.gossip, membership.tag
    own_record = OwnRecord(membership, now)
    parts = Parts(
        view=view_for(config, rng, scopes),
        book=book_for(config, rng, _book_secret(membership), scopes),
        rules=RecordRules(tag, membership.identity.public_key) if defences.record_rules else AnyRecord(),
        candidates=GossipCandidates(gossip, rng, scopes) if defences.peer_candidate_limits else FirstComeCandidates(gossip),
        tombstones=Tombstones(gossip) if defences.tombstones else NoTombstones(),
        backoff=Backoff(gossip) if defences.gossip_backoff else NoBackoff(),
        credit=Credit(gossip) if defences.gossip_backoff else EndlessCredit(),
        shares=BucketShares(gossip.bucket_share) if defences.bucket_shares else AnyShare(),
        partners=Partners(gossip),
        scopes=scopes,
        counters=counters,
        own_record=own_record,
        mourning=Mourning() if defences.mourning else NoMourning(),
    )
    network_of = scopes.narrow if defences.even_networks else each_by_itself
    proving = Proving(config, parts, network_of, overlays)
    reservoir = PushReservoir(gossip, rng, scopes.unit, scopes.wide) if defences.push_reservoir else EveryPush(gossip)
    rounds = GossipRounds(config, rng, tag, proving, reservoir, network_of, overlays, now)
    samples = FixedSamples(gossip.answer_fixed_s, rng, scopes, network_of) if defences.fixed_samples else AnySample(rng)
    tokens = (GossipTokens if defences.gossip_tokens else NoTokens)(rng, config.serving.token_rotation_s, tag, now)
    answers = GossipAnswers(config, tag, own_record, samples, tokens, scopes)
    mix = RanksFirst() if defences.ranked_peers else AllInTurn()
    return Community(config, rng, membership, overlays, own_record, proving, rounds, answers, mix)


def _book_secret(membership: Membership) -> bytes:
    """The same in every run, and nobody else's business."""
    return hashlib.blake2b(b"address book", key=membership.identity.seed, digest_size=32).digest()
