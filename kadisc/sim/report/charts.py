"""Chooses the charts of a scenario: all that its results have data for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..measure.statistics import BY_MINUTE, QUANTILES
from . import comparisons, courses
from .points import Row, Subject


@dataclass(frozen=True, slots=True)
class Chart:
    """``title``: what the chart shows. ``caption``: how to read it."""

    title: str
    caption: str
    png: bytes


def charts_of(subject: Subject) -> Iterator[Chart]:
    """Raises UsageError without matplotlib."""
    for name, lists in subject.lists(QUANTILES).items():
        # All zero in a small network, where every node knows the closest one from the start.
        if any(each[-2] for _, found in lists for each in found):
            yield Chart(*courses.distribution(name, lists))
    for name, lists in subject.lists(BY_MINUTE).items():
        if any(len(each) > 1 for _, found in lists for each in found):
            yield Chart(*courses.over_time(name, lists))
    for name, rows in subject.tables().items():
        yield from _comparisons(subject, rows, name)
    yield from _comparisons(subject, subject.rows(), "")


def _comparisons(subject: Subject, rows: list[Row], table: str) -> Iterator[Chart]:
    """Every metric against every option that was varied; if none was, the rows of a table side by
    side.
    """
    options = [name for name in subject.names if len({row.point.value(name) for row in rows}) > 1]
    drawn = [comparisons.against(name, rows) for name in options]
    if not options and table:
        drawn = [comparisons.side_by_side(rows)]
    for chart in drawn:
        if chart is not None:
            yield Chart(*chart)
