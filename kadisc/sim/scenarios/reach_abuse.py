"""Attackers ask all witnesses of the peer network to ping one host that has nothing to do with it:
how many bytes reach that host for each byte that they send?

``bytes_per_byte``: bytes at the victim per byte that the attackers sent in the same time, headers
counted. ``bytes_per_s_from_10000``: what 10,000 witnesses would send to the victim, from what one
sends. Also without the budgets of witnesses.
"""

from __future__ import annotations

from random import Random

from ..adversaries.reach_liar import unused_endpoint
from ..attacks.ablation import Variant, ablations, without
from ..attacks.knocking import knockers
from ..lab import Lab
from ..measure.bytes_at import BytesAt
from ..measure.statistics import Metrics, rounded, share
from ..probes.reach_probe import REACH_SETTINGS
from .scenario import Scenario

MANY_WITNESSES = 10_000


def attack(lab: Lab) -> Metrics:
    lab.settle()
    victim = unused_endpoint(Random(f"victim {lab.options.seed}"))
    counter = BytesAt(victim)
    lab.world.watchers.append(counter)
    seconds = 60.0 * lab.options.minutes
    with lab.measured():
        attackers = knockers(lab, lambda: victim)
        witnesses = sum(host.identity is not None for host in lab.acceptors())
        lab.run(seconds)
    lab.world.watchers.remove(counter)
    return {
        "attackers": len(attackers),
        "witnesses": witnesses,
        "pings_at_victim": counter.datagrams_at_target,
        "bytes_at_victim": counter.at_target,
        "bytes_sent_by_attackers": counter.by_attackers,
        "bytes_per_byte": share(counter.at_target, counter.by_attackers),
        "bytes_per_s_from_10000": rounded(
            MANY_WITNESSES * counter.at_target / max(1, witnesses) / seconds, 1
        ),
    }


def run(lab: Lab) -> Metrics:
    options = lab.options
    which = [Variant("as set", options)]
    if options.attack.ablations:
        which.append(Variant("no witness budgets", without(options, "witness_budgets")))
    columns = {
        "bytes per byte": "bytes_per_byte",
        "pings at the victim": "pings_at_victim",
        "bytes/s from 10,000": "bytes_per_s_from_10000",
    }
    return ablations(lab, which, attack, columns)


SCENARIO = Scenario(
    "reach-abuse",
    "attackers have all witnesses ping one victim: how many bytes reach it per byte sent?",
    run,
    {
        **REACH_SETTINGS,
        "nodes": "100",
        "attack.addresses": "20",
        "attack.interval_s": "10",
        "minutes": "10",
    },
)
