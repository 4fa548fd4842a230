"""The eclipse attack of `eclipse_flood.py` by a botnet with one node in each /24. Caps limit nodes
by network, so they have no effect here, as the table shows.
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
    "eclipse-flood with one node in each /24, where caps have no effect: do other defences help?",
    run,
    {"minutes": "1.5", "warmup_s": "20", "attack.lookups": "100"},
)
