"""Results ordered by scenario and setting; a point is a setting with all of its seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeAlias

from ...errors import UsageError
from ..measure.statistics import BY_MINUTE, QUANTILES
from ..scenarios.registry import scenario_named
from ..settings import all_settings
from ..sweep.sweep import Record

Value: TypeAlias = str | int | float | bool | None
Values: TypeAlias = tuple[tuple[str, Value], ...]
"""Names and values of options."""
Spread: TypeAlias = tuple[float, float, float]
"""The median over the seeds, the lowest and the highest value."""


@dataclass(slots=True)
class Point:
    values: Values
    runs: list[Record] = field(default_factory=list)
    failed: list[Record] = field(default_factory=list)

    @property
    def label(self) -> str:
        return ", ".join(f"{name} = {shown(value)}" for name, value in self.values) or "all runs"

    @property
    def seeds(self) -> list[int]:
        return sorted(run["seed"] for run in self.runs)

    @property
    def command(self) -> str:
        """The command that reproduces all runs of the point."""
        every = sorted([*self.runs, *self.failed], key=lambda run: int(run["seed"]))
        first = every[0]
        seeds = ",".join(str(run["seed"]) for run in every) + ("," if len(every) == 1 else "")
        return (
            str(first["command"])
            .replace("kadisc sim run", "kadisc sim sweep", 1)
            .replace(f"--seed {first['seed']}", f"--seeds {seeds}", 1)
        )

    def value(self, name: str) -> Value:
        return dict(self.values).get(name)

    def without(self, name: str) -> Values:
        return tuple(each for each in self.values if each[0] != name)


@dataclass(slots=True)
class Row:
    """What is drawn as one mark: a point, or with ``variant`` one row of its ablation table.
    ``measured``: the metrics for each seed.
    """

    point: Point
    variant: str
    measured: list[dict[str, Any]]

    def spread(self, name: str) -> Spread | None:
        found = numbers(row.get(name) for row in self.measured)
        return (median(found), min(found), max(found)) if found else None


@dataclass(slots=True)
class Subject:
    """A scenario, the options in which its runs differ, and a point for each setting."""

    scenario: str
    names: list[str]
    points: list[Point]

    def rows(self) -> list[Row]:
        return [
            Row(point, "", [run["metrics"] for run in point.runs])
            for point in self.points
            if point.runs
        ]

    def tables(self) -> dict[str, list[Row]]:
        """The metrics that are tables, such as ablations: by name, a row for each point and
        variant.
        """
        tables: dict[str, list[Row]] = {}
        for point in self.points:
            for name in dict.fromkeys(
                name
                for run in point.runs
                for name, value in run["metrics"].items()
                if _is_table(value)
            ):
                variants: dict[str, list[dict[str, Any]]] = {}
                for run in point.runs:
                    for row in run["metrics"].get(name, []):
                        variants.setdefault(
                            " ".join(value for value in row.values() if isinstance(value, str)), []
                        ).append(row)
                tables.setdefault(name, []).extend(
                    Row(point, variant, measured) for variant, measured in variants.items()
                )
        return tables

    def lists(self, ending: str) -> dict[str, list[tuple[Point, list[list[float | None]]]]]:
        """The metrics whose names end with ``ending``: by name without the ending, each point with
        the lists of its seeds.
        """
        found: dict[str, list[tuple[Point, list[list[float | None]]]]] = {}
        for point in self.points:
            for name in dict.fromkeys(
                name for run in point.runs for name in run["metrics"] if name.endswith(ending)
            ):
                lists = [run["metrics"][name] for run in point.runs if run["metrics"].get(name)]
                if lists:
                    found.setdefault(name.removesuffix(ending), []).append((point, lists))
        return found


def subjects(records: Iterable[Record]) -> list[Subject]:
    """A subject for each scenario. Of several records of the same run the last one counts."""
    latest: dict[object, Record] = {}
    for record in records:
        latest[record.get("run") or (record["command"], record.get("version"))] = record
    by_scenario: dict[str, list[Record]] = {}
    for record in latest.values():
        by_scenario.setdefault(record["scenario"], []).append(record)
    return [_subject(scenario, found) for scenario, found in by_scenario.items()]


def numeric_columns(rows: Sequence[Row]) -> list[str]:
    """The names of metrics that are single numbers, in the order of the records."""
    names = dict.fromkeys(
        name
        for row in rows
        for measured in row.measured
        for name, value in measured.items()
        if numbers([value])
    )
    return [name for name in names if not name.endswith((QUANTILES, BY_MINUTE))]


def numbers(values: Iterable[Any]) -> list[float]:
    return [
        value for value in values if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def shown(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _subject(scenario: str, records: list[Record]) -> Subject:
    settings = [
        {**record.get("settings", {}), **record.get("varied", {}), "version": record.get("version")}
        for record in records
    ]
    usual = _defaults(scenario)
    names = list(dict.fromkeys(name for each in settings for name in each))
    rows = [[_plain(each.get(name, usual.get(name))) for name in names] for each in settings]
    differing = [index for index in range(len(names)) if len({row[index] for row in rows}) > 1]
    points: dict[Values, Point] = {}
    for record, row in zip(records, rows, strict=True):
        values = tuple((names[index], row[index]) for index in differing)
        point = points.setdefault(values, Point(values))
        (point.failed if "failed" in record else point.runs).append(record)
    return Subject(scenario, [names[index] for index in differing], list(_ordered(points.values())))


def _ordered(points: Iterable[Point]) -> Iterator[Point]:
    """The points by their values where those are numbers, else in the order of the records."""
    points = list(points)
    seen: dict[tuple[str, Value], int] = {}
    for point in points:
        for each in point.values:
            seen.setdefault(each, len(seen))

    def place(point: Point) -> list[float]:
        return [
            float(value) if isinstance(value, int | float) else seen[name, value]
            for name, value in point.values
        ]

    yield from sorted(points, key=place)


def _defaults(scenario: str) -> dict[str, Any]:
    try:
        return all_settings(scenario_named(scenario).options())
    except UsageError:  # results of another version
        return {}


def _plain(value: Any) -> Value:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
