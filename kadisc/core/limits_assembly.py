"""Chooses the limits on traffic by `Defences`, as `assembly.py` does for the other components."""

from __future__ import annotations

from ..config import CoreConfig
from ..endpoints import Endpoint, Family
from .addressing.policy import AddressPolicy
from .baselines.limits import NoLimits, NoProvenSources
from .contract.counters import Counters
from .dht import Dht
from .limits.proven_sources import ProvenSources, ProvenSourcesRule
from .limits.traffic import LiftedLimits, TrafficLimits, TrafficRule
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
    policy: AddressPolicy,
    counters: Counters,
) -> tuple[Receiver, Sender]:
    """The receiver and the sender of datagrams, which share one object of limits."""
    transactions = outgoing.transactions
    traffic = traffic_for(config, responder.secret(b"limits"), transactions, dhts, policy, counters)
    receiver = Receiver(config, policy, dhts.keys(), counters, transactions, traffic)
    return receiver, Sender(outgoing, dhts, counters, traffic)


def traffic_for(
    config: CoreConfig,
    secret: bytes,
    transactions: TransactionRule,
    dhts: dict[Family, Dht],
    policy: AddressPolicy,
    counters: Counters,
) -> TrafficRule:
    """``secret``: 16 bytes that only this node knows."""
    if not config.defences.traffic_limits:
        return NoLimits()
    tables = [dht.table for dht in dhts.values()]
    # An endpoint is of one family, so at most one of the two tables holds it.
    one = tables[0].holds
    other = tables[-1].holds

    def is_contact(endpoint: Endpoint) -> bool:
        return one(endpoint) or other(endpoint)

    if len(tables) == 1:
        is_contact = one

    proven_sources: ProvenSourcesRule = (
        ProvenSources(config.limits, transactions.awaits, is_contact)
        if config.defences.proven_sources
        else NoProvenSources()
    )
    kind = LiftedLimits if config.unlimited else TrafficLimits
    return kind(config.limits, secret, proven_sources, policy, counters)
