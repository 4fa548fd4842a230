"""A share of the nodes collude and answer lookups only with each other: can they hide the honest
node closest to a target?
"""

from __future__ import annotations

from dataclasses import replace

from ...ids import random_id
from ..adversaries.colluder import Colluder
from ..adversaries.ring import CollusionRing
from ..attacks.ablation import Variant, ablations, variants
from ..attacks.attackers import addresses_in, part_of
from ..lab import Lab
from ..measure.statistics import Metrics
from ..options import SimOptions
from ..probes.honest_probe import HonestProbe
from .scenario import Scenario

COLUMNS = {
    name: name
    for name in ("found", "returned", "captured", "alarms", "queries_mean", "elapsed_s_mean")
}
RELEVANT = ("region_lookups", "bep42_ids", "lookup_caps", "diversity_caps")
PATHS, K = 8, 16


def run(lab: Lab) -> Metrics:
    return ablations(lab, _variants(lab.options), mislead, COLUMNS)


def _variants(options: SimOptions) -> list[Variant]:
    """Besides the defences: a lookup over disjoint paths; colluders that choose among the IDs that
    are valid for their addresses; and colluders that keep one ID.
    """
    usual, attack = variants(options, RELEVANT), options.attack
    if not attack.ablations:
        return usual
    by_paths = Variant(
        f"{PATHS} paths, k = {K}", replace(options, attack=replace(attack, paths=PATHS, k=K))
    )
    brute_forced = Variant("IDs brute-forced", replace(options, attack=replace(attack, grind=True)))
    kept = Variant("IDs not forged", replace(options, attack=replace(attack, fabricate=False)))
    return [*usual[:-2], by_paths, brute_forced, kept, *usual[-2:]]


def mislead(lab: Lab) -> Metrics:
    colluders = settle_among_colluders(lab)
    probe = HonestProbe(lab)
    with lab.measured():
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.attack.lookups)
    return {"colluders": colluders, **probe.metrics()}


def settle_among_colluders(lab: Lab) -> int:
    """Sets up the network, and returns how many of its nodes collude."""
    attack = lab.options.attack
    ring, number = (
        CollusionRing(fabricates=attack.fabricate, brute_forces=attack.grind),
        part_of(lab.options),
    )
    homes = addresses_in(lab, number, attack.prefixes) if attack.prefixes else [None] * number
    members = [Colluder(random_id(lab.rng), ring) for _ in homes]
    hosts = [lab.new_adversary(member, home) for member, home in zip(members, homes, strict=True)]
    ring.enrol(members)
    lab.settle(adversaries=hosts)
    return len(hosts)


SCENARIO = Scenario(
    "colluders",
    "20 % of the nodes (--set attack.share) collude: do lookups find the closest honest node?",
    run,
    {"attack.share": "0.2", "attack.prefixes": "0", "minutes": "1", "warmup_s": "20"},
)
