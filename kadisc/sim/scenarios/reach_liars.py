"""A quarter of the helpers and witnesses say of every node that no stranger reaches it: do nodes
that strangers do reach take themselves for closed?

``false_no``: verdicts ``no`` of nodes that strangers reach. Also without the second round.
``alone_...``: the test of one endpoint without a network, ``attack.trials`` times.
"""

from __future__ import annotations

from random import Random

from ..adversaries.reach_liar import ReachLiar
from ..attacks.ablation import with_and_without
from ..attacks.attackers import part_of
from ..attacks.member_attackers import member_attackers, node_of
from ..lab import Lab
from ..measure.statistics import Metrics
from ..measure.verdict_count import count_verdicts
from ..options import SimOptions
from ..probes.reach_probe import REACH_SETTINGS, Subjects, table_of, verdict_metrics
from .scenario import Scenario


def attack(lab: Lab) -> Metrics:
    rng = Random(f"reach liars {lab.options.seed}")
    liars = member_attackers(
        lab, part_of(lab.options), lambda parts, number: ReachLiar(node_of(parts), rng)
    )
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


def alone(options: SimOptions) -> Metrics:
    """Wrong verdicts of the test alone: with honest helpers only, among liars, and among liars
    after one round.
    """
    trials, found = options.attack.trials, Metrics(alone_trials=options.attack.trials)
    for name, liars, rounds in (
        ("honest", 0.0, 2),
        ("liars", options.attack.share, 2),
        ("liars_one_round", options.attack.share, 1),
    ):
        count = count_verdicts(
            options.core.reach,
            liars=liars,
            loss=options.network.loss.mean,
            rounds=rounds,
            trials=trials,
            rng=Random(f"verdicts {options.seed} {name}"),
        )
        found[f"alone_false_no_{name}"] = count.no
        found[f"alone_undecided_{name}"] = count.undecided
    return found


def run(lab: Lab) -> Metrics:
    columns = {"yes": "yes", "no": "no", "false yes": "false_yes", "false no": "false_no"}
    return {**alone(lab.options), **with_and_without(lab, "two_rounds", attack, columns)}


SCENARIO = Scenario(
    "reach-liars",
    "25 % of the helpers and witnesses (--set attack.share) deny that strangers get in",
    run,
    {**REACH_SETTINGS, "attack.share": "0.25", "attack.trials": "30000", "minutes": "5"},
)
