"""Chooses the limits on traffic by `Defences`, as `assembly.py` does for the other components."""

from __future__ import annotations

from ..config import CoreConfig
from ..endpoints import Endpoint, Family
from .addressing.policy import Scopes
from .contract.counters import Counters
from .dht import Overlay
from .limits.proven_sources import FastLane, LaneRule, OneLane
from .limits.traffic import LiftedLimits, NoLimits, TrafficLimits, TrafficRule
from .rpc.receiver import Intake
from .rpc.send_queue import Outgoing
from .rpc.sender import Outbox
from .rpc.transactions import TransactionRule
from .serving.responder import Responder


def ends_for(
    config: CoreConfig, outgoing: Outgoing, responder: Responder, overlays: dict[Family, Overlay], scopes: Scopes, counters: Counters
) -> tuple[Intake, Outbox]:
    """Where datagrams come in and where they go out, with the same limits at both."""
    traffic = traffic_for(config, responder.secret(b"limits"), outgoing.transactions, overlays, scopes, counters)
    return Intake(config, scopes, overlays.keys(), counters, outgoing.transactions, traffic), Outbox(outgoing, overlays, counters, traffic)


def traffic_for(
    config: CoreConfig, secret: bytes, transactions: TransactionRule, overlays: dict[Family, Overlay], scopes: Scopes, counters: Counters
) -> TrafficRule:
    """``secret``: 16 bytes that nobody else knows."""
    if not config.defences.traffic_limits:
        return NoLimits()
    tables = [overlay.table for overlay in overlays.values()]
    one, other = tables[0].holds, tables[-1].holds  # an endpoint says which family it is of: it is in one of them at most

    def is_contact(endpoint: Endpoint) -> bool:
        return one(endpoint) or other(endpoint)

    if len(tables) == 1:
        is_contact = one

    lanes: LaneRule = FastLane(config.limits, transactions.awaits, is_contact) if config.defences.fast_lane else OneLane()
    kind = LiftedLimits if config.unlimited else TrafficLimits
    return kind(config.limits, secret, lanes, scopes, counters)
