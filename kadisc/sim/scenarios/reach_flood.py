"""Nodes that strangers reach are flooded with queries from forged sources while they test that,
more than they take from everywhere: do they find it out, and do they take themselves for closed?

Also with witnesses' pings under the same limits as all other queries (no probe lane). The flood is
fifty times what a node takes; both are a hundredth of what they could be, to save time.
"""

from __future__ import annotations

from random import Random

from ...ids import random_id
from ..adversaries.query_flood import QueryFlood
from ..adversaries.unresponsive import UnresponsiveNode
from ..attacks.ablation import with_and_without
from ..lab import Lab
from ..measure.statistics import Metrics
from ..probes.reach_probe import REACH_SETTINGS, Subjects, table_of, verdict_metrics
from .scenario import Scenario


def attack(lab: Lab) -> Metrics:
    lab.settle()
    options, rng = lab.options, Random(f"flood {lab.options.seed}")
    sender = lab.new_adversary(UnresponsiveNode(random_id(rng), rng, float("inf")))
    flood = QueryFlood(lab.world, sender, options.attack.forged_per_s, rng)
    subjects = Subjects(lab)
    with lab.measured():
        flooded = []
        for _ in range(options.reach.each):
            for kind in options.reach.chosen():
                flooded.append(subjects.start(kind).host)
                flood.stop()
                flood.start([host.outside for host in flooded])
                subjects.run(options.reach.between_s)
        subjects.run(60.0 * options.minutes)
        flood.stop()
    dropped = sum(
        count
        for host in flooded
        for reason, count in host.node.counters.dropped.items()
        if reason.startswith("limit.")
    )
    return {
        "dropped_by_limits": dropped,
        **verdict_metrics(subjects),
        "kinds": table_of(subjects, options.reach.chosen()),
    }


def run(lab: Lab) -> Metrics:
    columns = {
        "yes": "yes",
        "yes_s p50": "yes_helped_s_p50",
        "no": "no",
        "false no": "false_no",
    }
    return with_and_without(lab, "probe_lane", attack, columns)


SCENARIO = Scenario(
    "reach-flood",
    "nodes are flooded with forged queries while they test whether strangers reach them",
    run,
    {
        **REACH_SETTINGS,
        "nodes": "100",
        "reach.kinds": "public,open,restricted",
        "reach.each": "2",
        "attack.forged_per_s": "1000",
        "core.limits.total_queries_per_s": "20",
        "core.limits.total_query_burst": "20",
        "minutes": "2",
    },
)
