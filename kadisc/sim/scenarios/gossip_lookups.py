"""Attackers in both DHT and gossip mislead lookups that start from slots too: is the closest honest
node found?
"""

from __future__ import annotations

from ..attacks.ablation import ablations, variants
from ..attacks.flood import FLOOD_SETTINGS, settle_with_flooders
from ..lab import Lab
from ..measure.statistics import Metrics
from ..probes.honest_probe import HonestProbe
from .scenario import Scenario

COLUMNS = {
    name: name for name in ("found", "returned", "captured", "queries_mean", "elapsed_s_mean")
}


def run(lab: Lab) -> Metrics:
    return ablations(lab, variants(lab.options, ("ranked_slots", "lookup_caps")), mislead, COLUMNS)


def mislead(lab: Lab) -> Metrics:
    _, hosts = settle_with_flooders(lab)
    probe = HonestProbe(lab)
    with lab.measured():
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.attack.lookups)
    return {"colluders": len(hosts), **probe.metrics()}


SCENARIO = Scenario(
    "gossip-lookups",
    "20 % colluders that gossip too (--set attack.share): do lookups find the closest honest node?",
    run,
    {
        **FLOOD_SETTINGS,
        "attack.share": "0.2",
        "attack.paths": "8",
        "attack.k": "16",
        "minutes": "2",
        "attack.ablations": "off",
    },
)
