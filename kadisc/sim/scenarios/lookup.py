"""Lookups in a settled network: latency, cost and recall of the nodes closest to a random ID."""

from __future__ import annotations

from ..lab import Lab
from ..measure.statistics import Metrics
from ..probes.lookup_probe import LookupProbe
from .scenario import Scenario


def run(lab: Lab) -> Metrics:
    lab.settle()
    probe = LookupProbe(lab)
    with lab.measured():
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.lookups_per_minute)
    return probe.metrics()


SCENARIO = Scenario(
    "lookup",
    "lookups of random IDs in a settled network under churn and loss: latency, queries, recall",
    run,
)
