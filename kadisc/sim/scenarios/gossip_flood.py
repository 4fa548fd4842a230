"""Attackers inside the peer network push ten times as often as honest members: what share of
samples is theirs?
"""

from __future__ import annotations

from ..attacks.ablation import Variant, variants, without
from ..attacks.ablation import ablations as in_turn
from ..attacks.flood import FLOOD_SETTINGS, SMALL_VIEW, sampled
from ..lab import Lab
from ..measure.statistics import Metrics
from ..options import SimOptions
from .scenario import Scenario

COLUMNS = {
    name: name
    for name in (
        "part",
        "slots",
        "slots_worst_member",
        "peers",
        "peers_unused",
        "stream",
        "hops",
        "held",
        "in_slots_median",
    )
}
RELEVANT = (
    "ranked_slots",
    "ranked_peers",
    "push_reservoir",
    "peer_candidate_limits",
    "gossip_backoff",
)
NAIVE = (
    "ranked_slots",
    "ranked_peers",
    "push_reservoir",
    "peer_candidate_limits",
    "gossip_backoff",
    "fixed_samples",
    "subnet_sampling",
    "tombstones",
)
"""Without these defences it is push-pull gossip with random replacement, as most gossip is: the
last pushes are kept, and every peer that is named is admitted.
"""


def run(lab: Lab) -> Metrics:
    return in_turn(lab, _variants(lab.options), sampled, COLUMNS)


def _variants(options: SimOptions) -> list[Variant]:
    if not options.attack.ablations:
        return variants(options, ())
    return [*variants(options, RELEVANT)[:-2], Variant("naive", without(options, *NAIVE))]


SCENARIO = Scenario(
    "gossip-flood",
    "30 % attackers (--set attack.share) push ten times as often: their share of samples",
    run,
    {**FLOOD_SETTINGS, **SMALL_VIEW, "attack.ablations": "off"},
)
