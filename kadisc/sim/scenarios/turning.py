"""Adversaries that behave until they are in tables, slots and address books, and then turn: do
lookups succeed, what do honest nodes send, what is the adversaries' share, and does the network
recover?

``attack.kind`` chooses what they do then. The metrics are those of `probes/turning_probe.py`, three
times: before the turn, for ``minutes`` after it, and when the adversaries have been gone for 3
minutes. ``attack.share=0``: one adversary alone.
"""

from __future__ import annotations

from ...errors import UsageError
from ..adversaries.kinds import AdversaryKind
from ..adversaries.registry import TURNING
from ..attacks.ablation import Variant, ablations, each_off, first_vote_decides, without
from ..attacks.flood import SMALL_VIEW
from ..attacks.turning import turn
from ..lab import Lab
from ..measure.statistics import Metrics
from ..options import SimOptions
from ..probes.gossip_metrics import GOSSIP_SETTINGS
from .scenario import Scenario

COLUMNS = {
    name: name
    for name in (
        "returned_after",
        "recall_after",
        "queries_after",
        "to_adversary_most_after",
        "checks_wasted_after",
        "named_after",
        "slots_after",
        "samples_after",
        "offline_after",
        "wrong_address_after",
        "returned_recovered",
    )
}


def run(lab: Lab) -> Metrics:
    kind = _kind(lab.options.attack.kind)
    return ablations(lab, _variants(lab.options, kind), lambda each: turn(each, kind), COLUMNS)


def _kind(name: str) -> AdversaryKind:
    for kind in TURNING:
        if kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in TURNING)
    raise UsageError(f"attack.kind: there is no kind {name!r}; known are {known}")


def _variants(options: SimOptions, kind: AdversaryKind) -> list[Variant]:
    """Without each of the defences against the kind, and without all of them. Against lies there is
    none but the number of votes that decide.
    """
    variants = [Variant("as set", options)]
    if not options.attack.ablations:
        return variants
    if not kind.against:
        return [*variants, Variant("first vote decides", first_vote_decides(options))]
    variants += each_off(options, kind.against)
    if len(kind.against) > 1:
        variants.append(Variant("none of these", without(options, *kind.against)))
    return variants


SCENARIO = Scenario(
    "turning",
    "10 % of the nodes (--set attack.share) behave for long, and then turn (--set attack.kind)",
    run,
    {
        **GOSSIP_SETTINGS,
        **SMALL_VIEW,
        "core.tests_reach": "off",
        "nodes": "150",
        "attack.share": "0.1",
        "attack.addresses": "100",
        "attack.lookups": "150",
        "warmup_s": "450",
        "minutes": "6",
    },
)
