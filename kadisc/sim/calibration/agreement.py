"""The agreement of two runs of the same lookups: counts by their ratio, latencies by the distance
of their distributions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from ..measure.statistics import Metrics, mean, share, spread
from .calibration import Observed

COUNTS_WITHIN = 0.05
"""How far the ratio of two counts may be from 1."""
LATENCY_WITHIN = 0.1
"""The largest allowed Kolmogorov-Smirnov distance. By chance alone, two samples of 1,575 from one
distribution differ by 0.048 in one case of 20.
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """``ratios``: each count on sockets divided by that in the simulator; inf if that is 0."""

    ratios: dict[str, float]
    ks_distance: float

    def within(self, counts: float = COUNTS_WITHIN, latency: float = LATENCY_WITHIN) -> bool:
        return self.ks_distance <= latency and all(
            abs(ratio - 1.0) <= counts for ratio in self.ratios.values()
        )


def agreement(sockets: Observed, simulator: Observed) -> Agreement:
    pairs = {
        "queries_per_lookup": (_mean(sockets.lookup_queries), _mean(simulator.lookup_queries)),
        "queries": (sockets.traffic.queries, simulator.traffic.queries),
        "replies": (sockets.traffic.replies, simulator.traffic.replies),
        "bytes": (sockets.traffic.bytes, simulator.traffic.bytes),
        "received": (sockets.received, simulator.received),
    }
    return Agreement(
        {name: _ratio(real, simulated) for name, (real, simulated) in pairs.items()},
        ks_distance(sockets.elapsed_s, simulator.elapsed_s),
    )


def metrics_of(side: Observed) -> Metrics:
    """The metrics of one side. Times are in seconds; messages are those of the whole network,
    maintenance included, from the first lookup on.
    """
    ended = [elapsed_s for elapsed_s in side.elapsed_s if isfinite(elapsed_s)]
    return {
        "lookups": len(side.elapsed_s),
        "lookups_without_end": len(side.elapsed_s) - len(ended),
        "found_closest": share(side.found_closest, len(side.elapsed_s)),
        "elapsed_s_mean": mean(ended),
        **spread("elapsed_s", ended),
        "queries_per_lookup": mean(side.lookup_queries, 2),
        "hops_mean": mean(side.hops, 2),
        "queries": side.traffic.queries,
        "replies": side.traffic.replies,
        "bytes": side.traffic.bytes,
        "received": side.received,
    }


def ks_distance(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sample Kolmogorov-Smirnov distance: the largest gap between the two empirical
    distribution functions; 1 if only one sample is empty.
    """
    if not first or not second:
        return float(bool(first) != bool(second))
    a, b = sorted(first), sorted(second)
    i = j = 0
    distance = 0.0
    while i < len(a) and j < len(b):
        value = min(a[i], b[j])
        while i < len(a) and a[i] == value:
            i += 1
        while j < len(b) and b[j] == value:
            j += 1
        distance = max(distance, abs(i / len(a) - j / len(b)))
    return distance


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _ratio(real: float, simulated: float) -> float:
    if simulated:
        return real / simulated
    return float("inf") if real else 1.0
