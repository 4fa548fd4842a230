"""Numbers out of many: percentiles and shares, named and rounded as they go into a report."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TypeAlias

Metrics: TypeAlias = dict[str, object]


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest of the values that ``percent`` of them do not exceed; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def spread(name: str, values: Sequence[float], digits: int = 3) -> Metrics:
    """p50, p95 and p99: latencies are never quoted as a mean alone."""
    return {f"{name}_p{percent}": rounded(percentile(values, percent), digits) for percent in (50, 95, 99)}


def share(part: float, whole: float, digits: int = 5) -> float | None:
    return round(part / whole, digits) if whole else None


def mean(values: Sequence[float], digits: int = 3) -> float | None:
    return round(sum(values) / len(values), digits) if values else None


def rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)
