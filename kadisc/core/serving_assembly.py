"""Chooses the components of a responder by the node's `Defences`."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from ..config import CoreConfig
from ..endpoints import Family
from .addressing.policy import AddressPolicy
from .contract.counters import Counters
from .dht import Dht
from .serving.info_hash_samples import FixedSamples, FreshSamples
from .serving.item_service import EverySignature, ItemService, SignatureBudget
from .serving.item_store import ItemStore
from .serving.peer_store import PeerStore
from .serving.responder import Responder
from .serving.store_shares import AnyShare, SmallShares
from .serving.tokens import TokenJar
from .table.routing_table import RoutingTable


def responder_for(
    config: CoreConfig,
    rng: Random,
    dhts: dict[Family, Dht],
    scopes: AddressPolicy,
    counters: Counters,
    now: float,
) -> Responder:
    return responder_over(
        {family: dht.table for family, dht in dhts.items()}, config, rng, scopes, counters, now
    )


def responder_over(
    tables: dict[Family, RoutingTable],
    config: CoreConfig,
    rng: Random,
    scopes: AddressPolicy,
    counters: Counters,
    now: float,
) -> Responder:
    peers = PeerStore(
        config.serving,
        scopes,
        SmallShares(config.serving, rng, scopes) if config.defences.store_shares else AnyShare(rng),
    )
    tokens = TokenJar(rng, config.serving.token_rotation_s, now)
    samples = (FixedSamples if config.defences.fixed_info_hash_samples else FreshSamples)(
        config.store, rng, peers
    )
    return Responder(
        config,
        tables,
        scopes,
        tokens,
        peers,
        items_for(config, tables, scopes, tokens, counters),
        samples,
    )


def items_for(
    config: CoreConfig,
    tables: dict[Family, RoutingTable],
    scopes: AddressPolicy,
    tokens: TokenJar,
    counters: Counters,
) -> ItemService:
    store = config.store
    if not config.defences.item_shares:
        store = replace(store, items_per_subnet=store.max_items, items_per_netgroup=store.max_items)
    budgeted = config.defences.signature_budget and not config.unlimited
    kept = ItemStore(store, scopes, lambda: [table.own_id for table in tables.values()])
    return ItemService(
        kept, tokens, SignatureBudget(config, scopes) if budgeted else EverySignature(), counters
    )
