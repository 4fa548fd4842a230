"""Chooses the components of the room `serving` by the `Defences` of the node: the part of
`assembly.py` for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from ..config import CoreConfig
from ..endpoints import Family
from ..ids import NodeId
from ..wire.envelope import MAX_TID_BYTES
from .addressing.policy import AddressPolicy
from .baselines.limits import NoCosts
from .baselines.serving import (
    FirstCome,
    FreshInfoHashSamples,
    NoSignatureBudget,
    NoStoreShares,
    WorthAlone,
)
from .contract.counters import Counters
from .limits.budget import CellHash
from .limits.costs import CostRule, Costs
from .serving.fair_shares import NO_ROOM, NO_ROOM_FOR_INFO_HASH, FairShares, ShareRule
from .serving.info_hash_samples import FixedInfoHashSamples
from .serving.item_service import ItemService, SignatureBudget
from .serving.item_store import ItemStore
from .serving.peer_store import PeerStore
from .serving.responder import ENVELOPE_BYTES, SAMPLE_FIELDS_BYTES, UNBOUNDED, Responder
from .serving.store_shares import StoreShareRule, SubnetShares
from .serving.tokens import TokenIssuer
from .table.routing_table import RoutingTable


def responder_for(
    config: CoreConfig,
    rng: Random,
    tables: dict[Family, RoutingTable],
    scopes: AddressPolicy,
    counters: Counters,
    tokens: TokenIssuer,
    cell_hash: CellHash,
) -> Responder:
    peers = peers_for(config, tables, rng, scopes)
    samples_kind = (
        FixedInfoHashSamples if config.defences.fixed_info_hash_samples else FreshInfoHashSamples
    )
    samples = samples_kind(config.store, rng, peers, sample_bytes(config))
    items = items_for(config, tables, scopes, tokens, cell_hash, counters)
    return Responder(config, tables, scopes, tokens, peers, items, samples, costs_for(config))


def sample_bytes(config: CoreConfig) -> int:
    """How much of an answer the info-hashes of a sample may take."""
    if not config.defences.bounded_answers:
        return UNBOUNDED
    fields = ENVELOPE_BYTES + MAX_TID_BYTES + SAMPLE_FIELDS_BYTES
    return config.serving.max_answer_bytes - fields


def costs_for(config: CoreConfig) -> CostRule:
    return Costs() if config.defences.charged_time else NoCosts()


def own_ids_of(tables: dict[Family, RoutingTable]) -> Callable[[], list[NodeId]]:
    return lambda: [table.own_id for table in tables.values()]


def peers_for(
    config: CoreConfig, tables: dict[Family, RoutingTable], rng: Random, scopes: AddressPolicy
) -> PeerStore:
    serving = config.serving
    shares: StoreShareRule = NoStoreShares(rng)
    share_of_keys: ShareRule = FirstCome(NO_ROOM_FOR_INFO_HASH)
    if config.defences.store_shares:
        shares = SubnetShares(serving, rng, scopes)
        share_of_keys = FairShares(
            serving.max_info_hashes_per_subnet,
            serving.max_info_hashes_per_netgroup,
            NO_ROOM_FOR_INFO_HASH,
        )
    else:
        all_of_it = serving.max_peers_stored
        serving = replace(
            serving, max_stored_per_subnet=all_of_it, max_stored_per_netgroup=all_of_it
        )
    return PeerStore(serving, scopes, shares, share_of_keys, own_ids_of(tables))


def items_for(
    config: CoreConfig,
    tables: dict[Family, RoutingTable],
    scopes: AddressPolicy,
    tokens: TokenIssuer,
    cell_hash: CellHash,
    counters: Counters,
) -> ItemService:
    store = config.store
    shares: ShareRule = WorthAlone(NO_ROOM)
    if config.defences.item_shares:
        shares = FairShares(store.items_per_subnet, store.items_per_netgroup, NO_ROOM)
    budgeted = config.defences.signature_budget and not config.unlimited
    items = ItemStore(store, scopes, own_ids_of(tables), shares)
    signatures = SignatureBudget(config.store, cell_hash) if budgeted else NoSignatureBudget()
    return ItemService(items, tokens, signatures, counters)
