"""The routing table with a row for each bucket: its fill, the states and ages of its contacts,
RTTs.

The width decides which columns are shown; the bar takes the rest. A run of empty buckets is one
row.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..control.methods.snapshots import WatchedContact
from ..endpoints import Family
from ..observe.describe import family_name
from .figures import age, delay
from .glyphs import Glyphs
from .lines import Line, Span, cells, left, right
from .scene import BucketContacts, Scene

BAR_MIN = 8
BAR_MAX = 64
_BAR_PLACE = 1
_AGE_PLACE = 10
AGE_CELLS = 16
AGE_MAX = 64

_FRESH_S = 120.0
_SETTLED_S = 1000.0
_STALE_S = 1900.0
"""Limits of the colours of an age. A verified contact is checked, and a bucket refreshed, every 15
minutes, so an age up to ``_SETTLED_S`` is normal.
"""
_NEAR_S = 0.05
_FAR_S = 0.15
_VERY_FAR_S = 0.4
"""Limits of the colours of a round-trip time."""


def age_style(seconds: float) -> str:
    return _graded(seconds, _FRESH_S, _SETTLED_S, _STALE_S)


def delay_style(seconds: float | None) -> str:
    return "quiet" if seconds is None else _graded(seconds, _NEAR_S, _FAR_S, _VERY_FAR_S)


def _graded(value: float, good: float, fair: float, poor: float) -> str:
    for limit, style in ((good, "good"), (fair, "fair"), (poor, "poor")):
        if value <= limit:
            return style
    return "bad"


@dataclass(frozen=True, slots=True)
class BucketHealth:
    """The number of contacts in each state; each contact is in exactly one. ``ok``: answered the
    last query. ``unconfirmed``: only seen as the sender of queries and their answers, so it may be
    behind a NAT. ``failing``: did not answer the last query.
    """

    ok: int
    unconfirmed: int
    failing: int


def bucket_health(entries: Sequence[WatchedContact]) -> BucketHealth:
    failing = sum(1 for entry in entries if entry.failures)
    unconfirmed = sum(1 for entry in entries if entry.inbound and not entry.failures)
    return BucketHealth(len(entries) - failing - unconfirmed, unconfirmed, failing)


# --- columns --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    width: int
    cell: Callable[[BucketContacts, BucketHealth], Sequence[Span]]
    """Spans of exactly ``width`` cells."""
    is_number: bool = True


def _number(text: str, width: int, style: str) -> Sequence[Span]:
    return ((right(text, width), style),)


def _last_used(bucket: BucketContacts) -> Sequence[Span]:
    return _number(age(bucket.bucket.touched_s_ago), 9, age_style(bucket.bucket.touched_s_ago))


def _count(number: int, width: int, style: str) -> Sequence[Span]:
    return _number(str(number) if number else "-", width, style if number else "quiet")


def _verified(bucket: BucketContacts, glyphs: Glyphs) -> Sequence[Span]:
    ages = [entry.verified_s_ago for entry in bucket.contacts]
    youngest, oldest = min(ages), max(ages)
    if age(youngest) == age(oldest):
        return _number(age(oldest), 9, age_style(oldest))
    text = age(youngest)
    return (
        (right(text, 8 - len(age(oldest))), age_style(youngest)),
        (glyphs.to, "quiet"),
        (age(oldest), age_style(oldest)),
    )


def _median_rtt(bucket: BucketContacts) -> float | None:
    times = [entry.rtt_ms for entry in bucket.contacts if entry.rtt_ms is not None]
    return statistics.median(times) / 1000 if times else None


def _rtt(bucket: BucketContacts) -> Sequence[Span]:
    median = _median_rtt(bucket)
    return _number(delay(median), 7, delay_style(median))


def _ages(bucket: BucketContacts, width: int, glyphs: Glyphs) -> Sequence[Span]:
    """A cell for each contact, or for several, sorted by age with the youngest at the left. A
    higher cell is a younger one.
    """
    ages = sorted(entry.verified_s_ago for entry in bucket.contacts)
    size = min(len(ages), width)
    top = len(glyphs.steps) - 1
    spans: list[Span] = []
    text, style = "", ""
    for cell in range(size):
        oldest = ages[(cell + 1) * len(ages) // size - 1]
        if style != (now := age_style(oldest)):
            spans.append((text, style))
            text, style = "", now
        text += glyphs.steps[max(1, min(top, round(top * (1.0 - oldest / _STALE_S))))]
    return (*spans[1:], (text, style), (" " * (width - size), ""))


def _bar(
    bucket: BucketContacts, health: BucketHealth, width: int, glyphs: Glyphs
) -> Sequence[Span]:
    """Each state that occurs gets one cell at least; if there are fewer cells than states, the most
    frequent states get them.
    """
    size = min(width, max(1, round(len(bucket.contacts) / bucket.bucket.capacity * width)))
    counts = {"failing": health.failing, "unconfirmed": health.unconfirmed, "ok": health.ok}
    occurring = [state for state, count in counts.items() if count]
    by_count = sorted(occurring, key=lambda state: -counts[state])[:size]
    shares = dict.fromkeys(counts, 0)
    free = size
    for state in reversed(by_count):  # the smallest first; the largest takes what is left
        share = max(1, round(size * counts[state] / len(bucket.contacts)))
        shares[state] = free if state == by_count[0] else share
        free -= shares[state]
    spans = (
        (glyphs.ok * shares["ok"], "good"),
        (glyphs.unconfirmed * shares["unconfirmed"], "note"),
        (glyphs.failing * shares["failing"], "bad"),
        (glyphs.vacant * (width - size), "quiet"),
    )
    return tuple(span for span in spans if span[0])


def columns_for(width: int, glyphs: Glyphs) -> list[Column]:
    """The columns that fit, by importance, in the order in which they are shown."""
    wanted: list[tuple[int, Column]] = [  # with the place in the row
        (0, Column("bucket", 6, lambda b, h: _number(str(b.bucket.index), 6, "strong"))),
        (
            2,
            Column(
                "filled", 7, lambda b, h: _number(f"{len(b.contacts)}/{b.bucket.capacity}", 7, "")
            ),
        ),
        (_BAR_PLACE, Column("", BAR_MIN, lambda b, h: (), is_number=False)),
        (8, Column("rtt", 7, lambda b, h: _rtt(b))),
        (7, Column("verified", 9, lambda b, h: _verified(b, glyphs))),
        (4, Column("failing", 7, lambda b, h: _count(h.failing, 7, "bad"))),
        (3, Column("ok", 4, lambda b, h: _count(h.ok, 4, "good"))),
        (5, Column("unconfirmed", 11, lambda b, h: _count(h.unconfirmed, 11, "note"))),
        (9, Column("last-used", 9, lambda b, h: _last_used(b))),
        (6, Column("standby", 7, lambda b, h: _count(b.bucket.standby, 7, ""))),
        (_AGE_PLACE, Column("ages", AGE_CELLS, lambda b, h: (), is_number=False)),
    ]
    fitting: dict[int, Column] = {}
    room = width
    for place, column in wanted:
        if column.width + 1 > room:
            break
        fitting[place] = column
        room -= column.width + 1
    if _BAR_PLACE in fitting:
        cells_of_bar = min(BAR_MAX, BAR_MIN + room)
        room -= cells_of_bar - BAR_MIN
        fitting[_BAR_PLACE] = Column(
            "", cells_of_bar, lambda b, h: _bar(b, h, cells_of_bar, glyphs), is_number=False
        )
    if _AGE_PLACE in fitting:
        cells_of_ages = min(AGE_MAX, AGE_CELLS + room)
        fitting[_AGE_PLACE] = Column(
            "ages",
            cells_of_ages,
            lambda b, h: _ages(b, cells_of_ages, glyphs),
            is_number=False,
        )
    return [fitting[place] for place in sorted(fitting)]


# --- rows -----------------------------------------------------------------------------------------


def head_line(columns: Sequence[Column], label: str) -> Line:
    """The heads of the columns; ``label`` is the head of the bar."""
    parts = [
        right(column.head, column.width)
        if column.is_number
        else left((column.head or label)[: column.width], column.width)
        for column in columns
    ]
    return ((" " + " ".join(parts), "label"),) if parts else ((" bucket", "label"),)


def bucket_rows(
    buckets: Sequence[BucketContacts], columns: Sequence[Column], glyphs: Glyphs
) -> list[Line]:
    """A row for each bucket with contacts, the deepest last, and one for each run of empty buckets
    between them.
    """
    filled = [bucket for bucket in buckets if bucket.contacts]
    if not filled:
        return [((f"      {'-'}  no contacts yet", "quiet"),)]
    rows: list[Line] = []
    if filled[0].bucket.index:
        rows.append(_empty_row(0, filled[0].bucket.index - 1, glyphs))
    rows.append(_bucket_row(filled[0], columns))
    for previous, bucket in pairwise(filled):
        if bucket.bucket.index > previous.bucket.index + 1:
            rows.append(_empty_row(previous.bucket.index + 1, bucket.bucket.index - 1, glyphs))
        rows.append(_bucket_row(bucket, columns))
    return rows


def _bucket_row(bucket: BucketContacts, columns: Sequence[Column]) -> Line:
    health = bucket_health(bucket.contacts)
    spans: list[Span] = []
    for column in columns:
        spans.append((" ", ""))
        spans += column.cell(bucket, health)
    return tuple(spans)


def _empty_row(first: int, last: int, glyphs: Glyphs) -> Line:
    indexes = str(first) if first == last else f"{first}{glyphs.to}{last}"
    return ((f" {right(indexes, max(6, cells(indexes)))} empty", "quiet"),)


def window(rows: Sequence[Line], room: int, scroll: int) -> list[Line]:
    """The rows that fit, from the deepest or ``scroll`` rows above it, and a line with the number
    of hidden rows.
    """
    if len(rows) <= room:
        return list(rows)
    if room <= 1:
        return list(rows[-1:])[:room]
    shown = room - 1
    above = max(0, len(rows) - shown - max(0, scroll))
    below = len(rows) - shown - above
    places = [
        f"{number} {where}" for number, where in ((above, "above"), (below, "below")) if number
    ]
    return [
        ((f"        +{above + below} more ({', '.join(places)})", "note"),),
        *rows[above : above + shown],
    ]


def bucket_section(scene: Scene, width: int, room: int, scroll: int, glyphs: Glyphs) -> list[Line]:
    """The head and the rows of each family, in at most ``room`` lines."""
    if room <= 0:
        return []
    columns = columns_for(width - 1, glyphs)
    families = [each.family for each in scene.status.families]
    tables = [(each, bucket_rows(scene.buckets(each), columns, glyphs)) for each in families]
    rooms = _shares(room, [len(rows) + 1 for _, rows in tables])
    lines: list[Line] = []
    for (family, rows), share in zip(tables, rooms, strict=True):
        if share:
            name = family_name(Family(family)) if len(families) > 1 else ""
            lines += [head_line(columns, name), *window(rows, share - 1, scroll)]
    return lines


def section_height(scene: Scene) -> int:
    """The number of lines that all rows take."""
    return sum(1 + _row_count(scene.buckets(each.family)) for each in scene.status.families)


def _row_count(buckets: Sequence[BucketContacts]) -> int:
    """As many as `bucket_rows` makes."""
    filled = [each.bucket.index for each in buckets if each.contacts]
    gaps = sum(after > before + 1 for before, after in pairwise([-1, *filled]))
    return max(1, len(filled) + gaps)


def _shares(room: int, wanted: Sequence[int]) -> list[int]:
    """Equal shares, but no table gets more than it wants; the others share the rest."""
    shares = [0] * len(wanted)
    while room > 0 and any(share < wish for share, wish in zip(shares, wanted, strict=True)):
        for index, wish in enumerate(wanted):
            if room > 0 and shares[index] < wish:
                shares[index] += 1
                room -= 1
    return shares
