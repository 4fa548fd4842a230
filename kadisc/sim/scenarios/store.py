"""Announces and puts in a network with churn and loss: at how many of the k closest living nodes
they are stored, how long they take and how many datagrams.
"""

from __future__ import annotations

from ..lab import Lab
from ..measure.statistics import Metrics
from ..probes.store_probe import StoreProbe
from .scenario import Scenario


def run(lab: Lab) -> Metrics:
    lab.settle()
    probe = StoreProbe(lab)
    with lab.measured():
        probe.go_on_for(60.0 * lab.options.minutes, lab.options.lookups_per_minute)
    return probe.metrics()


SCENARIO = Scenario(
    "store",
    "announces and puts under churn and loss: stored at all of the closest, latency, queries",
    run,
)
