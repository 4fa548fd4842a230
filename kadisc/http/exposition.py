"""Metric families as text: by prometheus-client, with a registry of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from ..observe.histograms import Histogram
from ..observe.metric_family import MetricFamily, Sample

TEXT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class _Collector:
    def __init__(self, families: Callable[[], Iterable[MetricFamily]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return map(_metric, self._families())


class Exposition:
    """Renders what ``families`` returns at that moment, with the metrics of the process."""

    def __init__(self, families: Callable[[], Iterable[MetricFamily]]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._registry.register(_Collector(families))

    def render(self, accept: str) -> tuple[bytes, str]:
        """The body and its content type: OpenMetrics where the header ``Accept`` asks for it, else
        the text format of Prometheus.
        """
        if "application/openmetrics-text" in accept:
            body: bytes = generate_openmetrics(self._registry)  # type: ignore[no-untyped-call]
            return body, OPENMETRICS_TYPE
        return generate_latest(self._registry), TEXT_TYPE


def _metric(family: MetricFamily) -> Metric:
    name, text, labels = family.name, family.help, family.label_names
    if family.kind == "info":
        info = InfoMetricFamily(name, text)
        for sample in family.samples:
            info.add_metric([], dict(zip(labels, sample.labels, strict=True)))
        return info
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(name, text, labels=labels)
        for sample in family.samples:
            _add_histogram(histogram, sample)
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(name, text, labels=labels)
    for sample in family.samples:
        assert not isinstance(sample.value, Histogram)
        metric.add_metric(sample.labels, sample.value)
    return metric


def _add_histogram(metric: HistogramMetricFamily, sample: Sample) -> None:
    assert isinstance(sample.value, Histogram)
    buckets = [
        ("+Inf" if bound == float("inf") else repr(float(bound)), float(count))
        for bound, count in sample.value.cumulative()
    ]
    metric.add_metric(sample.labels, buckets, sum_value=sample.value.total)
