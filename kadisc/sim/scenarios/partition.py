"""The network is split into two halves for 30 minutes: do lookups find nodes of both halves within
10 minutes after?
"""

from __future__ import annotations

from ..lab import Lab
from ..measure.statistics import Metrics
from ..model.faults import heal, split
from ..probes.lookup_probe import LookupProbe, recall_by_minute
from .scenario import Scenario

PERIODS_S = ((0.0, 60.0), (60.0, 300.0), (300.0, 600.0))
"""The periods after the end of the partition for whose lookups metrics are given."""


def run(lab: Lab) -> Metrics:
    lab.settle()
    metrics: Metrics = {}
    series: list[LookupProbe] = []
    with lab.measured():
        split(lab.world, lab.rng, share=0.5)
        lab.run(lab.options.faults.partition_s)
        heal(lab.world)
        for start_s, end_s in PERIODS_S:
            probe = LookupProbe(lab)
            series.append(probe)
            probe.go_on_for(end_s - start_s, lab.options.lookups_per_minute)
            found = probe.metrics()
            metrics.update(
                {
                    f"{name}_{start_s:.0f}_to_{end_s:.0f}_s": found[name]
                    for name in ("lookups_started", "top1", "recall", "answered_mrtt_p50")
                }
            )
    return {**metrics, **recall_by_minute(series)}


SCENARIO = Scenario(
    "partition",
    "two halves for 30 minutes: success of lookups afterwards (--minutes has no effect)",
    run,
    {"faults.partition_s": "1800"},
)
