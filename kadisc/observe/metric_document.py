"""Metric families as JSON documents, and these as the text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from .histograms import Histogram
from .metric_family import MetricFamily, Sample

INFINITY: Final = "+Inf"
_ENDINGS: Final = {"counter": "_total", "info": "_info"}


class MetricBucket(msgspec.Struct):
    """``le``: the upper bound, ``+Inf`` in the last one; ``count``: values that are at most so
    large.
    """

    le: str
    count: int


class MetricSample(msgspec.Struct):
    """One time series. ``labels``: by name. ``value``: null for a histogram, which has ``buckets``
    and the ``sum`` of all values.
    """

    labels: dict[str, str]
    value: float | None = None
    buckets: list[MetricBucket] | None = None
    sum: float | None = None


class MetricFamilyDocument(msgspec.Struct):
    """``name``: that of the time series, less the ending of a counter (``_total``) or an info
    (``_info``).
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    help: str
    samples: list[MetricSample]


def family_document(family: MetricFamily) -> MetricFamilyDocument:
    return MetricFamilyDocument(
        family.name,
        family.kind,  # type: ignore[arg-type]
        family.help,
        [_sample(family, each) for each in family.samples],
    )


def _sample(family: MetricFamily, sample: Sample) -> MetricSample:
    labels = dict(zip(family.label_names, sample.labels, strict=True))
    value = sample.value
    if not isinstance(value, Histogram):
        return MetricSample(labels, value)
    buckets = [MetricBucket(_bound(bound), count) for bound, count in value.cumulative()]
    return MetricSample(labels, None, buckets, value.total)


def _bound(bound: float) -> str:
    return INFINITY if bound == float("inf") else repr(float(bound))


def exposition(families: Iterable[MetricFamilyDocument]) -> str:
    """The text format of Prometheus (0.0.4), as ``/metrics`` serves it."""
    return "".join(f"{line}\n" for family in families for line in _lines(family))


def _lines(family: MetricFamilyDocument) -> Iterator[str]:
    name = family.name + _ENDINGS.get(family.kind, "")
    kind = "gauge" if family.kind == "info" else family.kind
    yield f"# HELP {name} {_escaped(family.help)}"
    yield f"# TYPE {name} {kind}"
    for sample in family.samples:
        if sample.buckets is None:
            yield f"{name}{_labels(sample.labels)} {_number(sample.value or 0.0)}"
            continue
        for bucket in sample.buckets:
            labels = _labels({**sample.labels, "le": bucket.le})
            yield f"{name}_bucket{labels} {_number(bucket.count)}"
        count = sample.buckets[-1].count
        yield f"{name}_count{_labels(sample.labels)} {_number(count)}"
        yield f"{name}_sum{_labels(sample.labels)} {_number(sample.sum or 0.0)}"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    inner = ",".join(
        '{}="{}"'.format(name, _escaped(value).replace('"', '\\"'))
        for name, value in labels.items()
    )
    return f"{{{inner}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return repr(float(value))
