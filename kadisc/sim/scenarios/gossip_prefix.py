"""Half of all nodes are attackers in 20 subnets of the least used /8s: what share of samples is
theirs, by the kind of slot?
"""

from __future__ import annotations

from ..attacks.ablation import Variant, ablations, variants
from ..attacks.flood import FLOOD_SETTINGS, sampled
from ..lab import Lab
from ..measure.statistics import Metrics
from ..options import SimOptions
from .scenario import Scenario

COLUMNS = {name: name for name in ("part", "slots", "flat", "hierarchical", "peers", "held")}


def run(lab: Lab) -> Metrics:
    return ablations(lab, _variants(lab.options), sampled, COLUMNS)


def _variants(options: SimOptions) -> list[Variant]:
    usual = variants(options, ("hierarchical_slots", "subnet_sampling", "ranked_slots"))
    return usual[:-2] if options.attack.ablations else usual


SCENARIO = Scenario(
    "gossip-prefix",
    "half of all nodes are attackers in 20 /24s of the least used /8s: their share of samples",
    run,
    {
        **FLOOD_SETTINGS,
        "attack.share": "0.5",
        "attack.prefixes": "20",
        "gossip.thin": "on",
        "attack.ablations": "off",
    },
)
