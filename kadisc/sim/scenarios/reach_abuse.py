"""Attackers ask all witnesses of the peer network to ping hosts that have nothing to do with it:
how many bytes reach these for each byte that the attackers send?

The victims are ``attack.victims`` hosts of one /24, named in turn. The attack goes on for
``minutes``, so that what may be pinged at once is spent (``pings_per_witness_at_first``), and then
as long again, which is counted. ``bytes_per_byte``: bytes at the victims per byte of the attackers,
headers counted; ``bytes_per_byte_of_served``: the same of the knocks alone that a ping followed.
``bytes_per_s_from_10000``: what 10,000 witnesses would send to the victims. Also without the
budgets of witnesses.
"""

from __future__ import annotations

from itertools import cycle
from random import Random

from ...endpoints import Endpoint
from ..attacks.ablation import with_and_without
from ..attacks.knocking import KNOCK_BYTES, knockers
from ..lab import Lab
from ..measure.bytes_at import BytesAt
from ..measure.statistics import Metrics, rounded, share
from ..model.population import unused_endpoint
from ..probes.reach_probe import REACH_SETTINGS
from .scenario import Scenario

MANY_WITNESSES = 10_000


def attack(lab: Lab) -> Metrics:
    lab.settle()
    some = unused_endpoint(Random(f"victims {lab.options.seed}"))
    victims = [
        Endpoint(some[:3] + bytes((number,)) + some[4:])
        for number in range(1, 1 + lab.options.attack.victims)
    ]
    turns = cycle(victims)
    first, counter = BytesAt(victims), BytesAt(victims)
    seconds = 60.0 * lab.options.minutes
    with lab.measured():
        attackers = knockers(lab, lambda: next(turns))
        witnesses = sum(host.identity is not None for host in lab.acceptors())
        lab.world.watchers.append(first)
        lab.run(seconds)
        lab.world.watchers[-1] = counter
        lab.run(seconds)
        lab.world.watchers.remove(counter)
    return {
        "attackers": len(attackers),
        "witnesses": witnesses,
        "victims": len(victims),
        "pings_per_witness_at_first": rounded(first.datagrams_at_targets / max(1, witnesses), 2),
        "pings_at_victims": counter.datagrams_at_targets,
        "pings_per_witness_and_hour": rounded(
            3600.0 * counter.datagrams_at_targets / max(1, witnesses) / seconds, 2
        ),
        "bytes_at_victims": counter.at_targets,
        "bytes_sent_by_attackers": counter.by_attackers,
        "bytes_per_byte": share(counter.at_targets, counter.by_attackers),
        "bytes_per_byte_of_served": share(
            first.at_targets + counter.at_targets,
            KNOCK_BYTES * (first.datagrams_at_targets + counter.datagrams_at_targets),
        ),
        "bytes_per_s_from_10000": rounded(
            MANY_WITNESSES * counter.at_targets / max(1, witnesses) / seconds, 1
        ),
    }


def run(lab: Lab) -> Metrics:
    columns = {
        "bytes per byte": "bytes_per_byte",
        "pings at the victims": "pings_at_victims",
        "bytes/s from 10,000": "bytes_per_s_from_10000",
    }
    return with_and_without(lab, "witness_budgets", attack, columns)


SCENARIO = Scenario(
    "reach-abuse",
    "attackers have all witnesses ping a victim: how many bytes reach it for each byte sent?",
    run,
    {
        **REACH_SETTINGS,
        "nodes": "100",
        "population.reachable": "0.8",
        "attack.victims": "1",
        "attack.addresses": "20",
        "attack.interval_s": "60",
        "minutes": "60",
    },
)
