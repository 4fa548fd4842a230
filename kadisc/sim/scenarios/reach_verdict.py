"""New nodes of every kind of NAT find out whether strangers reach them: how soon, and are they
right?

One row for each kind: its verdicts at the end, the one that is expected, and the seconds from the
start of the node until that came first. With ``--set network.loss.mean=0.05`` under more loss.
"""

from __future__ import annotations

from ..lab import Lab
from ..measure.statistics import Metrics
from ..probes.reach_probe import REACH_SETTINGS, Subjects, table_of, verdict_metrics
from .scenario import Scenario


def run(lab: Lab) -> Metrics:
    lab.settle()
    subjects = Subjects(lab)
    with lab.measured():
        subjects.start_all()
        subjects.run(60.0 * lab.options.minutes)
    return {
        **verdict_metrics(subjects),
        "kinds": table_of(subjects, lab.options.reach.chosen()),
    }


SCENARIO = Scenario(
    "reach-verdict",
    "new nodes behind every kind of NAT find out whether strangers reach them: how soon?",
    run,
    {**REACH_SETTINGS, "minutes": "4"},
)
