"""A quarter of the helpers and witnesses say of every node that no stranger reaches it: do nodes
that strangers do reach take themselves for closed?

``false_no``: verdicts ``no`` of nodes that strangers reach. Also without the second round.
"""

from __future__ import annotations

from random import Random

from ..adversaries.reach_liar import ReachLiar
from ..attacks.ablation import Variant, ablations, without
from ..attacks.attackers import part_of
from ..attacks.reach_attackers import member_attackers
from ..lab import Lab
from ..measure.statistics import Metrics
from ..probes.reach_probe import REACH_SETTINGS, Subjects, table_of, verdict_metrics
from .scenario import Scenario


def attack(lab: Lab) -> Metrics:
    rng = Random(f"reach liars {lab.options.seed}")
    liars = member_attackers(lab, part_of(lab.options), lambda node, number: ReachLiar(node, rng))
    lab.settle(adversaries=liars)
    subjects = Subjects(lab)
    with lab.measured():
        subjects.start_all()
        subjects.run(60.0 * lab.options.minutes)
    return {
        "liars": len(liars),
        **verdict_metrics(subjects),
        "kinds": table_of(subjects, lab.options.reach.chosen()),
    }


def run(lab: Lab) -> Metrics:
    options = lab.options
    which = [Variant("as set", options)]
    if options.attack.ablations:
        which.append(Variant("no two rounds", without(options, "two_rounds")))
    columns = {"yes": "yes", "no": "no", "false yes": "false_yes", "false no": "false_no"}
    return ablations(lab, which, attack, columns)


SCENARIO = Scenario(
    "reach-liars",
    "25 % of the helpers and witnesses (--set attack.share) deny that strangers get in",
    run,
    {**REACH_SETTINGS, "attack.share": "0.25", "minutes": "5"},
)
