"""A new node knows one contact: when has it filled its table, and at what cost?"""

from __future__ import annotations

from dataclasses import dataclass

from ...ids import ID_BITS
from ..lab import Lab
from ..measure.statistics import Metrics, mean, quantiles, share, spread
from ..model.host import Host
from .scenario import Scenario

LOOK_EVERY_S = 0.05
"""The time between two observations."""
PATIENCE_S = 60.0
"""How long a node is observed."""
ENOUGH_IN_BUCKET = 4
"""Entries with which a bucket counts as filled."""
WIDE_S = 300.0
"""After how long the wide buckets are observed."""
DEEPEST = 24
"""The deepest bucket that is not empty in any simulated network."""
RIGHT = 0.95
"""The share of the k closest nodes that a node must know."""


@dataclass(slots=True)
class TimedJoin:
    """One node that joins, with the time that it took."""

    host: Host
    started_at: float
    neighbours_s: float | None = None
    complete_s: float | None = None
    queries: int = 0
    wide_half_full: bool = False


def run(lab: Lab) -> Metrics:
    lab.settle()
    joins: list[TimedJoin] = []
    with lab.measured():
        every_s = 60.0 * lab.options.minutes / lab.options.joins
        for _ in range(lab.options.joins):
            host = lab.new_host(reachable=True)
            lab.join(host, contacts=1)
            join = TimedJoin(host, lab.world.now)
            joins.append(join)
            look(lab, join)
            lab.world.at(lab.world.now + WIDE_S, look_at_wide_buckets, lab, join)
            lab.run(every_s)
        lab.run(WIDE_S)
    complete = [each for each in joins if each.complete_s is not None]
    neighbours = [each.neighbours_s / lab.mrtt_s for each in joins if each.neighbours_s is not None]
    complete_mrtt = [
        each.complete_s / lab.mrtt_s for each in complete if each.complete_s is not None
    ]
    return {
        "mrtt_ms": round(lab.mrtt_s * 1000, 1),
        "joins": len(joins),
        "complete": share(len(complete), len(joins)),
        "wide_half_full": share(sum(each.wide_half_full for each in joins), len(joins)),
        **spread("neighbours_mrtt", neighbours, 2),
        **spread("complete_mrtt", complete_mrtt, 2),
        "queries_until_complete_mean": mean([each.queries for each in complete], 1),
        **spread("queries_until_complete", [each.queries for each in complete], 0),
        **quantiles("neighbours_mrtt", neighbours, 2),
        **quantiles("complete_mrtt", complete_mrtt, 2),
    }


def look(lab: Lab, join: TimedJoin) -> None:
    """Observes the node until its table is complete, or until `PATIENCE_S` has passed."""
    host, now = join.host, lab.world.now
    if join.neighbours_s is None and knows_its_neighbours(lab, host):
        join.neighbours_s = now - join.started_at
    if join.neighbours_s is not None and fills_its_buckets(lab, host):
        join.complete_s = now - join.started_at
        join.queries = sum(host.node.counters.queries_sent.values())
    elif now < join.started_at + PATIENCE_S and host.up:
        lab.world.at(now + LOOK_EVERY_S, look, lab, join)


def look_at_wide_buckets(lab: Lab, join: TimedJoin) -> None:
    """Notes whether each wide bucket is half full, or holds half of the nodes that fit into it."""
    table, sizes = join.host.dht.table, lab.options.core.table.bucket_sizes
    wide = [index for index, size in enumerate(sizes) if size > sizes[-1]]
    join.wide_half_full = all(
        2 * table.count(index) >= lab.oracle.count_in(join.host.id, index, table.capacity(index))
        for index in wide
    )


def knows_its_neighbours(lab: Lab, host: Host) -> bool:
    table, k = host.dht.table, lab.options.core.table.k
    truth = lab.oracle.closest(host.id, k, besides=host)
    return bool(truth) and sum(table.get(other.id) is not None for other in truth) >= RIGHT * len(
        truth
    )


def fills_its_buckets(lab: Lab, host: Host) -> bool:
    """Whether there are at least 4 entries in every bucket for which there are 4 settled nodes that
    accept unsolicited queries.
    """
    buckets = {bucket.index: len(bucket.entries) for bucket in host.dht.table.buckets()}
    for index in range(ID_BITS):
        possible = lab.oracle.count_in(host.id, index, ENOUGH_IN_BUCKET)
        if possible >= ENOUGH_IN_BUCKET and buckets.get(index, 0) < ENOUGH_IN_BUCKET:
            return False
        if not possible and index > DEEPEST:
            break
    return True


SCENARIO = Scenario(
    "join",
    "new nodes with one contact: time and queries until neighbours are known and buckets filled",
    run,
    {"minutes": "10"},
)
