"""The same siege by a botnet, one node in each /24. Caps count networks, and here every node is
one: they do nothing, and the table says so.
"""

from __future__ import annotations

from ..attacks.ablation import ablations, variants
from ..attacks.eclipse import COLUMNS, attack_victims
from ..lab import Lab
from ..measure.statistics import Metrics
from .scenario import Scenario

RELEVANT = ("diversity_caps", "lookup_caps", "ping_before_evict")


def run(lab: Lab) -> Metrics:
    return ablations(
        lab,
        variants(lab.options, RELEVANT),
        lambda world: attack_victims(world, world.options.attack.addresses),
        COLUMNS,
    )


SCENARIO = Scenario(
    "botnet",
    "the siege of eclipse-flood with one node in each /24: caps do nothing against it, and what is left of the defences?",
    run,
    {"minutes": "1.5", "warmup_s": "20", "attack.lookups": "100"},
)
