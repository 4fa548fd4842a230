"""Half of the nodes crash at the same time: how soon do lookups succeed again?"""

from __future__ import annotations

from ..lab import Lab
from ..measure.statistics import Metrics
from ..probes.lookup_probe import LookupProbe, recall_by_minute
from .scenario import Scenario

PERIODS_S = ((0.0, 60.0), (60.0, 120.0), (120.0, 300.0))
"""The periods after the crash for whose lookups metrics are given."""


def run(lab: Lab) -> Metrics:
    lab.settle()
    metrics: Metrics = {}
    series: list[LookupProbe] = []
    with lab.measured():
        victims = lab.rng.sample(lab.live(), round(lab.options.crash * len(lab.world.hosts)))
        for host in victims:
            lab.stop(host)
        for start_s, end_s in PERIODS_S:
            if start_s >= 60.0 * lab.options.minutes:
                break
            probe = LookupProbe(lab)
            series.append(probe)
            probe.go_on_for(end_s - start_s, lab.options.lookups_per_minute)
            found = probe.metrics()
            wanted = (
                "lookups_started",
                "top1",
                "recall",
                "answered_mrtt_p50",
                "answered_mrtt_p99",
                "queries_mean",
            )
            metrics.update(
                {f"{name}_{start_s:.0f}_to_{end_s:.0f}_s": found[name] for name in wanted}
            )
    return {"crashed": len(victims), **metrics, **recall_by_minute(series)}


SCENARIO = Scenario(
    "crash",
    "half of the nodes (--set crash) crash at the same time; success of lookups afterwards",
    run,
    {"minutes": "5", "lookups_per_minute": "600"},
)
