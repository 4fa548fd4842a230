"""Percentiles, shares and series of many values, named and rounded as metrics.

A metric is a number; or a table, a list of dicts with the same keys; or a list of numbers for
charts, which is not printed and whose name ends in ``_quantiles`` or ``_by_minute``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import TypeAlias

Metrics: TypeAlias = dict[str, object]

QUANTILES, BY_MINUTE = "_quantiles", "_by_minute"
"""Endings of the names of metrics that are lists of numbers."""


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least ``percent`` per cent of the values do not exceed; None if
    there are no values.
    """
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def spread(name: str, values: Sequence[float], digits: int = 3) -> Metrics:
    """The metrics p50, p95 and p99: latencies are never quoted as a mean alone."""
    return {
        f"{name}_p{percent}": rounded(percentile(values, percent), digits)
        for percent in (50, 95, 99)
    }


def quantiles(name: str, values: Sequence[float], digits: int = 3) -> Metrics:
    """The 0th, 1st, ... 100th percentile, for a chart of the whole distribution; an empty list if
    there are no values.
    """
    ordered = sorted(values)
    found: list[float] = []
    if ordered:
        places = [max(0, ceil(len(ordered) * percent / 100) - 1) for percent in range(101)]
        found = [round(ordered[place], digits) for place in places]
    return {f"{name}{QUANTILES}": found}


def by_minute(name: str, parts: Iterable[tuple[float, float, float]], digits: int = 5) -> Metrics:
    """The share part / whole in each minute; None for a minute without data. A last minute with
    less than a tenth of the data of the fullest minute is left out.

    ``parts``: (seconds since measuring began, part, whole).
    """
    sums: dict[int, tuple[float, float]] = {}
    for at_s, part, whole in parts:
        before = sums.get(int(at_s // 60), (0.0, 0.0))
        sums[int(at_s // 60)] = (before[0] + part, before[1] + whole)
    if len(sums) > 1 and sums[max(sums)][1] < 0.1 * max(whole for _, whole in sums.values()):
        del sums[max(sums)]
    return {
        f"{name}{BY_MINUTE}": [
            share(*sums.get(minute, (0.0, 0.0)), digits)
            for minute in range(max(sums, default=-1) + 1)
        ]
    }


def share(part: float, whole: float, digits: int = 5) -> float | None:
    return round(part / whole, digits) if whole else None


def mean(values: Sequence[float], digits: int = 3) -> float | None:
    return round(sum(values) / len(values), digits) if values else None


def rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
