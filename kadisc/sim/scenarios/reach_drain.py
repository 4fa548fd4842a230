"""Attackers have all witnesses of the peer network ping other endpoints all the time, until these
have spent what they may ping: do new nodes still find out whether strangers reach them?

The verdicts of new nodes under the attack; ``undecided``: of those whose verdict should be yes or
no, the share that has none at the end.
"""

from __future__ import annotations

from random import Random

from ..attacks.knocking import knockers
from ..lab import Lab
from ..measure.statistics import Metrics, share
from ..model.population import unused_endpoint
from ..probes.reach_probe import (
    CLOSED,
    REACH_SETTINGS,
    REACHED,
    Subjects,
    table_of,
    verdict_metrics,
)
from .scenario import Scenario


def run(lab: Lab) -> Metrics:
    lab.settle()
    rng = Random(f"targets {lab.options.seed}")
    subjects = Subjects(lab)
    with lab.measured():
        attackers = knockers(lab, lambda: unused_endpoint(rng, lab.family))
        subjects.run(60.0)
        subjects.start_all()
        subjects.run(60.0 * lab.options.minutes)
    decidable = subjects.of((*REACHED, *CLOSED))
    undecided = sum(each.verdict.value in ("unknown", "likely") for each in decidable)
    return {
        "attackers": len(attackers),
        **verdict_metrics(subjects),
        "undecided": share(undecided, len(decidable)),
        "kinds": table_of(subjects, lab.options.reach.chosen()),
    }


SCENARIO = Scenario(
    "reach-drain",
    "attackers spend the budgets of all witnesses: do new nodes still get a verdict?",
    run,
    {
        **REACH_SETTINGS,
        "attack.addresses": "20",
        "attack.interval_s": "10",
        "minutes": "10",
    },
)
