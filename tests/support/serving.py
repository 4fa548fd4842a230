"""A responder without an engine around it."""

from __future__ import annotations

import random

from kadisc.config import CoreConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.assembly import cell_hash_for, tokens_for
from kadisc.core.contract.counters import Counters
from kadisc.core.serving.responder import Responder
from kadisc.core.serving_assembly import responder_for
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Family


def responder_over(
    tables: dict[Family, RoutingTable],
    config: CoreConfig,
    scopes: AddressPolicy,
    counters: Counters | None = None,
) -> Responder:
    rng = random.Random(1)
    tokens = tokens_for(config, rng, 0.0)
    cell_hash = cell_hash_for(config, tokens, scopes)
    return responder_for(config, rng, tables, scopes, counters or Counters(), tokens, cell_hash)
