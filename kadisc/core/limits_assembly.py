"""Chooses the limits on traffic by `Defences`, as `assembly.py` does for the other components."""

from __future__ import annotations

from ..config import CoreConfig
from ..endpoints import Endpoint, Family
from .addressing.policy import AddressPolicy
from .contract.counters import Counters
from .dht import Dht
from .limits.proven_sources import NoProvenSources, ProvenSources, ProvenSourcesRule
from .limits.traffic import LiftedLimits, NoLimits, TrafficLimits, TrafficRule
from .rpc.receiver import Receiver
from .rpc.send_queue import SendQueue
from .rpc.sender import Sender
from .rpc.transactions import TransactionRule
from .serving.responder import Responder


def ends_for(
    config: CoreConfig,
    outgoing: SendQueue,
    responder: Responder,
    dhts: dict[Family, Dht],
    scopes: AddressPolicy,
    counters: Counters,
) -> tuple[Receiver, Sender]:
    """Where datagrams come in and where they go out, with the same limits at both."""
    traffic = traffic_for(
        config, responder.secret(b"limits"), outgoing.transactions, dhts, scopes, counters
    )
    return Receiver(config, scopes, dhts.keys(), counters, outgoing.transactions, traffic), Sender(
        outgoing, dhts, counters, traffic
    )


def traffic_for(
    config: CoreConfig,
    secret: bytes,
    transactions: TransactionRule,
    dhts: dict[Family, Dht],
    scopes: AddressPolicy,
    counters: Counters,
) -> TrafficRule:
    """``secret``: 16 bytes that nobody else knows."""
    if not config.defences.traffic_limits:
        return NoLimits()
    tables = [dht.table for dht in dhts.values()]
    one, other = (
        tables[0].holds,
        tables[-1].holds,
    )  # an endpoint says which family it is of: it is in one of them at most

    def is_contact(endpoint: Endpoint) -> bool:
        return one(endpoint) or other(endpoint)

    if len(tables) == 1:
        is_contact = one

    lanes: ProvenSourcesRule = (
        ProvenSources(config.limits, transactions.awaits, is_contact)
        if config.defences.proven_sources
        else NoProvenSources()
    )
    kind = LiftedLimits if config.unlimited else TrafficLimits
    return kind(config.limits, secret, lanes, scopes, counters)
