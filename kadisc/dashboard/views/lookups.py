"""The lookups of the node: those in flight, and the last ones that ended, a row each."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ...observe.describe import count
from ...observe.lookup_history import FinishedLookup
from ...observe.observations import RunningLookup
from ..figures import age, delay
from ..glyphs import Glyphs, sparkline
from ..lines import Line
from ..row_table import RowColumn, RowTable, table_lines
from ..scene import Room, Scene
from ..view import View

_OUTCOMES: Final = {
    "running": "fair",
    "done": "good",
    "no answer": "bad",
    "error answer": "bad",
    "no contacts": "poor",
    "cancelled": "quiet",
    "closed": "quiet",
}
_SLOW_S: Final = 3.0
_FAIR_S: Final = 1.0
_SUMMARY_FROM: Final = 5
"""The height from which there is a summary above the table."""
_SPARK_CELLS: Final = 50


@dataclass(frozen=True, slots=True)
class LookupRow:
    """``ended_s_ago``: negative while it runs, so that these come first. ``hops``, ``found``: None
    while it runs.
    """

    key: str
    ended_s_ago: float
    what: str
    purpose: str
    outcome: str
    took_s: float
    hops: int | None
    queries: int
    answered: int
    found: int | None
    suspicious: bool
    family: str
    target: str


def _running(lookup: RunningLookup) -> LookupRow:
    return LookupRow(
        f"{lookup.what} {lookup.target} number {lookup.operation}",
        -1.0 / (1.0 + lookup.elapsed_s),
        lookup.what,
        lookup.purpose,
        "running",
        lookup.elapsed_s,
        None,
        lookup.queries,
        lookup.answered,
        None,
        False,
        lookup.family.value,
        lookup.target,
    )


def _finished(lookup: FinishedLookup) -> LookupRow:
    return LookupRow(
        f"{lookup.what} {lookup.target} number {lookup.operation}",
        lookup.ended_s_ago,
        lookup.what,
        lookup.purpose,
        lookup.outcome.value,
        lookup.elapsed_s,
        lookup.hops,
        lookup.queries,
        lookup.answered,
        lookup.found,
        lookup.suspicious,
        lookup.family.value,
        lookup.target,
    )


def _took_style(row: LookupRow) -> str:
    if row.outcome == "running" and row.took_s < _SLOW_S:
        return ""
    return "good" if row.took_s < _FAIR_S else "fair" if row.took_s < _SLOW_S else "poor"


def _number(
    title: str,
    value: Callable[[LookupRow], int | None],
    width: int,
    rank: int,
) -> RowColumn[LookupRow]:
    def text(row: LookupRow) -> str:
        number = value(row)
        return "-" if number is None else str(number)

    return RowColumn(title, text, width, is_number=True, rank=rank, value=value, largest_first=True)


_COLUMNS: Final = (
    RowColumn[LookupRow](
        "ended",
        lambda it: "now" if it.ended_s_ago < 0 else age(it.ended_s_ago),
        5,
        is_number=True,
        value=lambda it: it.ended_s_ago,
        style=lambda it: "strong" if it.ended_s_ago < 0 else "quiet",
    ),
    RowColumn[LookupRow]("method", lambda it: it.what, 13, rank=1),
    RowColumn[LookupRow]("for", lambda it: it.purpose or "-", 11, rank=6, grows_to=16),
    RowColumn[LookupRow](
        "outcome",
        lambda it: it.outcome,
        9,
        grows_to=12,
        rank=2,
        style=lambda it: _OUTCOMES.get(it.outcome, ""),
    ),
    RowColumn[LookupRow](
        "took",
        lambda it: delay(it.took_s),
        7,
        is_number=True,
        rank=3,
        value=lambda it: it.took_s,
        style=_took_style,
        largest_first=True,
    ),
    _number("hops", lambda it: it.hops, 4, 5),
    _number("queries", lambda it: it.queries, 7, 4),
    _number("answered", lambda it: it.answered, 8, 8),
    _number("found", lambda it: it.found, 5, 7),
    RowColumn[LookupRow](
        "suspicious",
        lambda it: "suspicious" if it.suspicious else "-",
        10,
        rank=9,
        value=lambda it: it.suspicious,
        style=lambda it: "bad" if it.suspicious else "quiet",
        largest_first=True,
    ),
    RowColumn[LookupRow]("target", lambda it: it.target, 12, grows_to=40, rank=10),
    RowColumn[LookupRow]("family", lambda it: it.family, 6, rank=11),
)


def lookup_table(scene: Scene) -> RowTable[LookupRow]:
    seen = scene.observations
    return RowTable(
        "lookups",
        _COLUMNS,
        [*map(_running, seen.running), *map(_finished, seen.finished)],
        key=lambda it: it.key,
        sort="ended",
        empty="no lookup yet",
    )


def summary_lines(scene: Scene, room: Room) -> list[Line]:
    """What runs, and what the lookups that ended took."""
    seen = scene.observations
    parts: list[tuple[str, str]] = [
        (" in flight   ", "label"),
        (count(len(seen.running), "lookup"), "strong" if seen.running else "quiet"),
        (f", {count(seen.pings, 'ping')}, {count(seen.checks, 'check of a peer', _CHECKS)}", ""),
    ]
    lines: list[Line] = [tuple(parts)]
    if seen.finished:
        lines.append(_ended(seen.finished, room))
    return lines


_CHECKS: Final = "checks of peers"


def _ended(finished: Sequence[FinishedLookup], room: Room) -> Line:
    times = [each.elapsed_s for each in finished]
    done = sum(1 for each in finished if each.outcome.value == "done")
    suspicious = sum(1 for each in finished if each.suspicious)
    spans: list[tuple[str, str]] = [
        (f" the last {len(times):<3}", "label"),
        (f"{done} done", "good" if done == len(times) else "poor"),
        (f", median {delay(statistics.median(times))}, slowest {delay(max(times))}", ""),
        (f", {statistics.median(each.queries for each in finished):.0f} queries", ""),
        (
            f", {suspicious} suspicious" if suspicious else "",
            "bad",
        ),
        *_spark(times, room.width - 85, room.glyphs),
    ]
    return tuple(span for span in spans if span[0])


def _spark(times: Sequence[float], room: int, glyphs: Glyphs) -> Line:
    """The times of the lookups, the last one at the right, with their scale."""
    size = min(_SPARK_CELLS, room)
    if size < 10 or max(times) <= 0:
        return ()
    shown = list(reversed(times[:size]))
    return (
        ("   times ", "label"),
        (sparkline(shown, size, glyphs), "spark"),
        (f" up to {delay(max(shown))}", "quiet"),
    )


def _draw(scene: Scene, room: Room) -> list[Line]:
    top = summary_lines(scene, room) if room.height >= _SUMMARY_FROM else []
    rest = Room(room.width, room.height - len(top), room.glyphs)
    return [*top, *table_lines(lookup_table(scene), scene, rest)]


LOOKUPS = View(
    "4",
    "lookups",
    "lookups in flight, and the last 50 with what each took",
    _draw,
    table=lookup_table,
    parts=frozenset(("observations",)),
)
