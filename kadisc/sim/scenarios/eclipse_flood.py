"""An attacker with many addresses in few networks floods nodes that run and nodes that restart: how
much of their tables does it get?
"""

from __future__ import annotations

from ..attacks.ablation import ablations, variants
from ..attacks.eclipse import COLUMNS, attack_victims
from ..lab import Lab
from ..measure.statistics import Metrics
from .scenario import Scenario

RELEVANT = (
    "diversity_caps",
    "ping_before_evict",
    "verified_admission",
    "first_lookup_first",
    "exact_matching",
)


def run(lab: Lab) -> Metrics:
    return ablations(
        lab,
        variants(lab.options, RELEVANT),
        lambda world: attack_victims(world, world.options.attack.prefixes),
        COLUMNS,
    )


SCENARIO = Scenario(
    "eclipse-flood",
    "400 addresses in 20 /24s (--set attack.addresses, attack.prefixes) flood a few nodes",
    run,
    {"minutes": "1.5", "warmup_s": "20", "attack.lookups": "100"},
)
