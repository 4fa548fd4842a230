"""The scenarios by name, in the order of `kadisc sim list`."""

from __future__ import annotations

import difflib

from ...errors import UsageError
from . import (
    address_change,
    botnet,
    churn,
    colluders,
    crash,
    discover,
    eclipse_flood,
    flash_crowd,
    freshness,
    gossip_flood,
    gossip_lookups,
    gossip_only,
    gossip_prefix,
    gossip_restart,
    gossip_spread,
    hidden_store,
    idle_cost,
    join,
    lookup,
    nat_majority,
    one_operator,
    partition,
    reach_abuse,
    reach_cost,
    reach_drain,
    reach_flood,
    reach_keepalive,
    reach_liars,
    reach_move,
    reach_pairs,
    reach_small,
    reach_toggle,
    reach_verdict,
    restart,
    silent,
    spoofed_votes,
    store,
    turning,
)
from .scenario import Scenario

_NETWORK = (
    join,
    restart,
    lookup,
    store,
    churn,
    crash,
    flash_crowd,
    partition,
    idle_cost,
    freshness,
    nat_majority,
    address_change,
)
_ATTACKS = (
    eclipse_flood,
    colluders,
    hidden_store,
    one_operator,
    silent,
    spoofed_votes,
    botnet,
    turning,
)
_GOSSIP = (
    discover,
    gossip_spread,
    gossip_restart,
    gossip_only,
    gossip_flood,
    gossip_prefix,
    gossip_lookups,
)
_REACH = (
    reach_verdict,
    reach_toggle,
    reach_move,
    reach_small,
    reach_pairs,
    reach_cost,
    reach_liars,
    reach_keepalive,
    reach_drain,
    reach_flood,
    reach_abuse,
)
ALL = tuple(module.SCENARIO for module in (*_NETWORK, *_ATTACKS, *_GOSSIP, *_REACH))
SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in ALL}


def scenario_named(name: str) -> Scenario:
    """Raises UsageError for an unknown name."""
    if name not in SCENARIOS:
        near = difflib.get_close_matches(name, SCENARIOS, 1)
        hint = f"did you mean {near[0]}?" if near else "see kadisc sim list"
        raise UsageError(f"there is no scenario {name!r}; {hint}")
    return SCENARIOS[name]
