"""The traffic: rates, queries by method, what was dropped or refused and why, the limits in force,
and the subnets that send most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...observe.limit_rows import LimitRow
from ...observe.loudest import LoudSubnet
from ..activity import traffic_lines
from ..figures import byte_rate, number
from ..glyphs import Glyphs
from ..lines import Line, left, right
from ..panels import bar, beside
from ..reasons import reason_words
from ..row_table import RowColumn, RowTable, section_line, table_lines
from ..scene import Room, Scene
from ..view import View

_GROUPS: Final = (
    ("accepted.query.", "queries in", ""),
    ("queries_sent.", "queries out", ""),
    ("queries_for.", "sent for", "quiet"),
    ("accepted.", "answers in", ""),
    ("dropped.", "dropped", "bad"),
    ("refused.", "ignored", "poor"),
    ("reach_served.", "help given", "quiet"),
    ("goodbyes.", "goodbyes", "quiet"),
)
"""Each group of counters with its words and its style. A counter is of the first that fits."""
_OTHERS: Final = (
    ("send_dropped", "no room in the socket", "bad"),
    ("send_refused", "the system refused to send", "bad"),
    ("events_dropped", "event that a subscriber was too slow for", "poor"),
    ("retransmissions", "sent a second time", "quiet"),
)
_WIDE: Final = 118
"""The width from which limits and subnets stand beside the counters."""
_LEFT_CELLS: Final = 60
_TABLE_MIN: Final = 9
_SUBNETS: Final = 6
_BAR_CELLS: Final = 10
_BAR_CELLS_MOST: Final = 40
_ALL_LIMITS: Final = 9
_LEVELS: Final = ("host", "subnet", "netgroup", "total")
_ALL_LEVELS_FROM: Final = 70
_WHAT: Final = {
    "queries": "queries read",
    "replies": "bytes replied",
    "asked": "bytes asked",
    "time": "processor",
}


@dataclass(frozen=True, slots=True)
class TrafficRow:
    """One counter: its group, its name in words, its total, its rate lately and since the start."""

    key: str
    group: str
    words: str
    style: str
    total: int
    per_s: float | None
    mean_per_s: float


def traffic_rows(scene: Scene) -> list[TrafficRow]:
    """The counters that are not 0, by group."""
    counters, uptime_s = scene.status.counters, max(1.0, scene.status.uptime_s)
    rows = []
    for name, total in counters.items():
        found = _place_of(name) if total else None
        if found is not None:
            group, words, style = found
            per_s = scene.rates.get(name, 0.0) if scene.rates else None
            rows.append(TrafficRow(name, group, words, style, total, per_s, total / uptime_s))
    order = {group: place for place, (_, group, _) in enumerate(_GROUPS)}
    rows.sort(key=lambda row: (order.get(row.group, len(order)), -row.total, row.words))
    return rows


def _place_of(name: str) -> tuple[str, str, str] | None:
    for prefix, group, style in _GROUPS:
        if name.startswith(prefix):
            rest = name[len(prefix) :]
            is_reason = group in ("dropped", "ignored")
            return group, reason_words(rest) if is_reason else rest, style
    for counter, words, style in _OTHERS:
        if name == counter:
            return "other", words, style
    return None


def _per_s(value: float | None) -> str:
    if value is None:
        return "-"
    if 0 < value < 0.005:
        return "<.01"
    return number(value) if value >= 0.095 or not value else f"{value:.2f}"


_COLUMNS: Final = (
    RowColumn[TrafficRow]("group", lambda it: it.group, 11, style=lambda it: "label"),
    RowColumn[TrafficRow]("what", lambda it: it.words, 19, grows_to=42, style=lambda it: it.style),
    RowColumn[TrafficRow](
        "per s",
        lambda it: _per_s(it.per_s),
        6,
        is_number=True,
        rank=1,
        value=lambda it: it.per_s,
        style=lambda it: "strong" if it.per_s else "quiet",
        largest_first=True,
    ),
    RowColumn[TrafficRow](
        "mean/s",
        lambda it: _per_s(it.mean_per_s),
        6,
        is_number=True,
        rank=3,
        value=lambda it: it.mean_per_s,
        style=lambda it: "quiet",
        largest_first=True,
    ),
    RowColumn[TrafficRow](
        "total",
        lambda it: number(it.total),
        6,
        is_number=True,
        rank=2,
        value=lambda it: it.total,
        largest_first=True,
    ),
)


def counter_table(scene: Scene) -> RowTable[TrafficRow]:
    return RowTable(
        "counters",
        _COLUMNS,
        traffic_rows(scene),
        key=lambda it: it.key,
        empty="nothing was sent or received yet",
    )


# --- limits ---------------------------------------------------------------------------------------


def limit_lines(scene: Scene, room: Room) -> list[Line]:
    """The limits in force, and how often each was reached; two lines where there is no room."""
    if room.height <= 0:
        return []
    seen, counters = scene.observations, scene.status.counters
    notes = "lifted: they only count (--unlimited)" if seen.limits_lifted else "a second"
    title = section_line("limits", notes, room)
    if room.height <= _ALL_LIMITS:
        lines = [title, *(_summary(of, seen.limits, scene) for of in ("unproven", "proven"))]
        return lines[: room.height]
    names = [name for name in _LEVELS if room.width > _ALL_LEVELS_FROM or name != "netgroup"]
    heads = "".join(f"{'all' if name == 'total' else name:>9}" for name in names)
    lines = [title, ((f" {'of':<9}{'what':<14}{heads}{'reached':>9}", "label"),)]
    for row in seen.limits:
        levels = [getattr(row, name) for name in names]
        reached = row.turned_away(counters)
        lines.append(
            (
                (f" {row.of:<9}{_WHAT[row.what]:<14}", ""),
                ("".join(f"{_amount(row, each):>9}" for each in levels), "quiet"),
                (f"{number(reached) if reached else '-':>9}", "bad" if reached else "quiet"),
            )
        )
    return lines[: room.height]


def _summary(of: str, limits: Sequence[LimitRow], scene: Scene) -> Line:
    rows = [row for row in limits if row.of == of]
    reached = sum(row.turned_away(scene.status.counters) for row in rows)
    queries = next((row for row in rows if row.what == "queries"), None)
    words = f" {of:<9} none"
    if queries is not None:
        words = (
            f" {of:<9} queries/s of a host {_amount(queries, queries.host)}, a subnet "
            f"{_amount(queries, queries.subnet)}, all {_amount(queries, queries.total)}"
        )
    times = f"; reached {number(reached)} times" if reached else "; none reached"
    return (words, ""), (times, "bad" if reached else "quiet")


def _amount(row: LimitRow, value: float | None) -> str:
    if value is None:
        return "-"
    if row.what == "queries":
        return f"{value:g}"
    return f"{100 * value:g} %" if row.what == "time" else byte_rate(value)


# --- the loudest subnets --------------------------------------------------------------------------


def loudest_lines(scene: Scene, room: Room) -> list[Line]:
    """The subnets that sent most in the last minutes."""
    loudest = scene.observations.loudest
    if room.height <= 0:
        return []
    lines = [section_line("loudest subnets", "received in the last two minutes, at least", room)]
    if not loudest:
        return [*lines, ((" nothing was received", "quiet"),)][: room.height]
    widest = max(18, *(len(each.subnet) for each in loudest[: room.height]))
    size = max(_BAR_CELLS, min(_BAR_CELLS_MOST, room.width - widest - 28))
    return [
        *lines,
        *(_subnet(each, widest, size, room.glyphs) for each in loudest[: room.height - 1]),
    ]


def _subnet(each: LoudSubnet, widest: int, size: int, glyphs: Glyphs) -> Line:
    return (
        (f" {left(each.subnet, widest)} ", ""),
        *bar(each.share, size, glyphs, "spark"),
        (f" {100 * each.share:3.0f} %", ""),
        (f" {right(_per_s(each.datagrams_per_s), 6)}/s", "strong"),
        (f" {right(byte_rate(each.bytes_per_s), 9)}", "quiet"),
    )


# --- the whole ------------------------------------------------------------------------------------


def _draw(scene: Scene, room: Room) -> list[Line]:
    width, glyphs = room.width, room.glyphs
    top = traffic_lines(scene, width, glyphs) if room.height >= _TABLE_MIN else []
    height = room.height - len(top)
    if width >= _WIDE:
        left_width = min(max(_LEFT_CELLS, width - 70), 90)
        table = table_lines(counter_table(scene), scene, Room(left_width - 1, height, glyphs))
        right_room = Room(width - left_width, height, glyphs)
        limits = limit_lines(scene, right_room) if height >= 2 * _SUBNETS else []
        space = Room(right_room.width, height - len(limits) - bool(limits), glyphs)
        blank: list[Line] = [()] if limits else []
        others = [*limits, *blank, *loudest_lines(scene, space)]
        return [*top, *beside(table, others, left_width, glyphs.more)]
    limits, loudest = [], []
    if height >= _TABLE_MIN + 3 + _SUBNETS:
        is_high = height >= 2 * _TABLE_MIN + _ALL_LIMITS + 3 + _SUBNETS
        limits = limit_lines(scene, Room(width, _ALL_LIMITS + 1 if is_high else 3, glyphs))
        loudest = loudest_lines(scene, Room(width, _SUBNETS, glyphs))
    space = Room(width, height - len(limits) - len(loudest), glyphs)
    return [*top, *table_lines(counter_table(scene), scene, space), *limits, *loudest]


TRAFFIC = View(
    "5",
    "traffic",
    "queries by method, drops by reason, limits, loudest subnets",
    _draw,
    table=counter_table,
    parts=frozenset(("observations",)),
)
