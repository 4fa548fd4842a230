"""A family of metrics as plain values, and how one is made. No label has an address, an ID or a
key; the values of a label are of a closed set, and at most `MAX_VALUES` of one are told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .histograms import Histogram

MAX_VALUES: Final = 60
"""Values of one label of one family that are told apart; the others are ``other``."""
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One time series. ``labels``: the values, in the order of the names of its family. ``value``:
    a number, or a histogram of a family of that kind.
    """

    labels: Labels
    value: float | Histogram


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """``kind``: ``counter``, ``gauge``, ``histogram`` or ``info``. ``name`` is that of the time
    series, less the ending that a counter has (``_total``) or an info (``_info``).
    """

    name: str
    kind: str
    help: str
    label_names: tuple[str, ...]
    samples: tuple[Sample, ...]


def family(
    name: str,
    kind: str,
    text: str,
    label_names: tuple[str, ...],
    values: Mapping[Any, float],
) -> MetricFamily:
    samples = tuple(Sample(labels, float(value)) for labels, value in _bounded(values).items())
    return MetricFamily(f"kadisc_{name}", kind, text, label_names, samples)


def one(name: str, kind: str, text: str, value: float) -> MetricFamily:
    return family(name, kind, text, (), {(): value})


def histograms(
    name: str, text: str, label_names: tuple[str, ...], values: Mapping[Any, Histogram]
) -> MetricFamily:
    samples = tuple(Sample(labels, each) for labels, each in sorted(values.items()))
    return MetricFamily(f"kadisc_{name}", "histogram", text, label_names, samples)


def group(
    counters: Mapping[str, int], group: str, name: str, label: str, text: str
) -> MetricFamily:
    values = {(key,): count for key, count in within(counters, group).items()}
    return family(name, "counter", text, (label,), values)


def within(counters: Mapping[str, int], group: str) -> dict[str, int]:
    """The counters of a group by the rest of their names."""
    start = f"{group}."
    return {
        name.removeprefix(start): count
        for name, count in counters.items()
        if name.startswith(start)
    }


def _bounded(values: Mapping[Labels, float]) -> Mapping[Labels, float]:
    """The least common beyond `MAX_VALUES` are added up as ``other``."""
    if len(values) <= MAX_VALUES:
        return dict(sorted(values.items()))
    kept = sorted(values.items(), key=lambda each: (-each[1], each[0]))[:MAX_VALUES]
    rest = sum(values.values()) - sum(value for _, value in kept)
    other = ("other",) * len(kept[0][0])
    return dict(sorted(kept)) | {other: rest}
