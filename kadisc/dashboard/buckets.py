"""The routing table, a row for each bucket: how full, how sure, how fresh, how near.

Columns come and go with the width; the bar takes what is left. Buckets without entries are folded
into one row a run.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..core.snapshot import BucketSnapshot, DhtSnapshot, EntrySnapshot
from ..observe.describe import family_name
from .figures import age, delay
from .glyphs import Glyphs
from .lines import Line, Span, cells, left, right

BAR_MIN, BAR_MAX = 8, 40
FRESHNESS_CELLS = 16

_FRESH_S, _SETTLED_S, _STALE_S = 120.0, 1000.0, 1900.0
"""A contact that proved itself is asked every 15 minutes, a bucket is refreshed as often: up to
there all is well.
"""
_NEAR_S, _FAR_S, _VERY_FAR_S = 0.05, 0.15, 0.4


def age_style(seconds: float) -> str:
    return _graded(seconds, _FRESH_S, _SETTLED_S, _STALE_S)


def delay_style(seconds: float | None) -> str:
    return "quiet" if seconds is None else _graded(seconds, _NEAR_S, _FAR_S, _VERY_FAR_S)


def _graded(value: float, good: float, fair: float, poor: float) -> str:
    return (
        "good" if value <= good else "fair" if value <= fair else "poor" if value <= poor else "bad"
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How many entries of a bucket are of which kind; each is of exactly one."""

    proven: int
    inbound: int
    doubtful: int


def standing(entries: Sequence[EntrySnapshot]) -> Standing:
    doubtful = sum(1 for entry in entries if entry.failures)
    inbound = sum(1 for entry in entries if entry.inbound and not entry.failures)
    return Standing(len(entries) - doubtful - inbound, inbound, doubtful)


# --- columns --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    head: str
    width: int
    cell: Callable[[BucketSnapshot, Standing], Sequence[Span]]
    """Spans of exactly ``width`` cells."""
    is_number: bool = True


def _number(text: str, width: int, style: str) -> Sequence[Span]:
    return ((right(text, width), style),)


def _count(number: int, width: int, style: str) -> Sequence[Span]:
    return _number(str(number) if number else "-", width, style if number else "quiet")


def _verified(bucket: BucketSnapshot, glyphs: Glyphs) -> Sequence[Span]:
    ages = [entry.verified_s_ago for entry in bucket.entries]
    youngest, oldest = min(ages), max(ages)
    if age(youngest) == age(oldest):
        return _number(age(oldest), 9, age_style(oldest))
    text = age(youngest)
    return (
        (right(text, 8 - len(age(oldest))), age_style(youngest)),
        (glyphs.to, "quiet"),
        (age(oldest), age_style(oldest)),
    )


def _median_rtt(bucket: BucketSnapshot) -> float | None:
    times = [entry.rtt_s for entry in bucket.entries if entry.rtt_s is not None]
    return statistics.median(times) if times else None


def _rtt(bucket: BucketSnapshot) -> Sequence[Span]:
    median = _median_rtt(bucket)
    return _number(delay(median), 7, delay_style(median))


def _freshness(bucket: BucketSnapshot, glyphs: Glyphs) -> Sequence[Span]:
    """A cell for each entry, or for several, the one verified last at the left: the higher, the
    fresher.
    """
    ages = sorted(entry.verified_s_ago for entry in bucket.entries)
    size = min(len(ages), FRESHNESS_CELLS)
    top = len(glyphs.steps) - 1
    spans: list[Span] = []
    for cell in range(size):
        oldest = ages[(cell + 1) * len(ages) // size - 1]
        height = max(1, min(top, round(top * (1.0 - oldest / _STALE_S))))
        spans.append((glyphs.steps[height], age_style(oldest)))
    return (*spans, (" " * (FRESHNESS_CELLS - size), ""))


def _bar(bucket: BucketSnapshot, kinds: Standing, width: int, glyphs: Glyphs) -> Sequence[Span]:
    """Each kind that there is has a cell at least; where there are fewer cells than kinds, the
    larger ones.
    """
    size = min(width, max(1, round(len(bucket.entries) / bucket.capacity * width)))
    parts = {"doubtful": kinds.doubtful, "inbound": kinds.inbound, "proven": kinds.proven}
    by_size = sorted(
        (name for name, count in parts.items() if count), key=lambda name: -parts[name]
    )[:size]
    shares, free = dict.fromkeys(parts, 0), size
    for name in reversed(by_size):  # the smallest first; the largest takes what is left
        shares[name] = (
            free if name == by_size[0] else max(1, round(size * parts[name] / len(bucket.entries)))
        )
        free -= shares[name]
    styles = {"proven": "good", "inbound": "note", "doubtful": "bad"}
    spans = [
        (getattr(glyphs, name) * shares[name], styles[name])
        for name in ("proven", "inbound", "doubtful")
        if shares[name]
    ]
    return (*spans, (glyphs.vacant * (width - size), "quiet"))


def columns_for(width: int, glyphs: Glyphs) -> list[Column]:
    """Those that fit, the most telling first; in the order in which they are shown."""
    wishes: list[tuple[int, Column]] = [  # with the place in the row
        (0, Column("bucket", 6, lambda b, s: _number(str(b.index), 6, "strong"))),
        (2, Column("filled", 7, lambda b, s: _number(f"{len(b.entries)}/{b.capacity}", 7, ""))),
        (
            1,
            Column("", BAR_MIN, lambda b, s: (), is_number=False),
        ),  # the bar, made when its width is known
        (8, Column("rtt", 7, lambda b, s: _rtt(b))),
        (7, Column("verified", 9, lambda b, s: _verified(b, glyphs))),
        (4, Column("doubt", 5, lambda b, s: _count(s.doubtful, 5, "bad"))),
        (3, Column("proven", 6, lambda b, s: _count(s.proven, 6, "good"))),
        (5, Column("inbound", 7, lambda b, s: _count(s.inbound, 7, "note"))),
        (
            9,
            Column(
                "touched",
                7,
                lambda b, s: _number(age(b.touched_s_ago), 7, age_style(b.touched_s_ago)),
            ),
        ),
        (6, Column("spare", 5, lambda b, s: _count(b.replacements, 5, ""))),
        (
            10,
            Column(
                "freshness", FRESHNESS_CELLS, lambda b, s: _freshness(b, glyphs), is_number=False
            ),
        ),
    ]
    taken: list[tuple[int, Column]] = []
    room = width
    for place, column in wishes:
        if column.width + 1 > room:
            break
        taken.append((place, column))
        room -= column.width + 1
    bar = min(BAR_MAX, BAR_MIN + room)
    return [
        Column("", bar, lambda b, s: _bar(b, s, bar, glyphs), is_number=False)
        if place == 1
        else column
        for place, column in sorted(taken, key=lambda each: each[0])
    ]


# --- rows -----------------------------------------------------------------------------------------


def head_line(columns: Sequence[Column], label: str) -> Line:
    """The heads over their columns; ``label`` stands over the bar."""
    parts = [
        right(column.head, column.width)
        if column.is_number
        else left((column.head or label)[: column.width], column.width)
        for column in columns
    ]
    return ((" " + " ".join(parts), "label"),) if parts else ((" bucket", "label"),)


def bucket_rows(dht: DhtSnapshot, columns: Sequence[Column], glyphs: Glyphs) -> list[Line]:
    """A row for each bucket with entries, the deepest last, and one for each run of empty ones
    between them.
    """
    filled = [bucket for bucket in dht.buckets if bucket.entries]
    if not filled:
        return [((f"      {'-'}  no contacts yet", "quiet"),)]
    rows: list[Line] = []
    if filled[0].index:
        rows.append(_empty_row(0, filled[0].index - 1, glyphs))
    rows.append(_bucket_row(filled[0], columns))
    for previous, bucket in pairwise(filled):
        if bucket.index > previous.index + 1:
            rows.append(_empty_row(previous.index + 1, bucket.index - 1, glyphs))
        rows.append(_bucket_row(bucket, columns))
    return rows


def _bucket_row(bucket: BucketSnapshot, columns: Sequence[Column]) -> Line:
    kinds = standing(bucket.entries)
    spans: list[Span] = []
    for column in columns:
        spans.append((" ", ""))
        spans += column.cell(bucket, kinds)
    return tuple(spans)


def _empty_row(first: int, last: int, glyphs: Glyphs) -> Line:
    indexes = str(first) if first == last else f"{first}{glyphs.to}{last}"
    return ((f" {right(indexes, max(6, cells(indexes)))} empty", "quiet"),)


def window(rows: Sequence[Line], room: int, scroll: int) -> list[Line]:
    """The rows that fit, the deepest ones or ``scroll`` rows above them, and a line that says how
    many more there are.
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


def bucket_section(
    dhts: Sequence[DhtSnapshot], width: int, room: int, scroll: int, glyphs: Glyphs
) -> list[Line]:
    """The head and the rows of every family in at most ``room`` lines."""
    if room <= 0:
        return []
    columns = columns_for(width - 1, glyphs)
    several = len(dhts) > 1
    tables = [(dht, bucket_rows(dht, columns, glyphs)) for dht in dhts]
    rooms = _shares(room, [len(rows) + 1 for _, rows in tables])
    lines: list[Line] = []
    for (dht, rows), share in zip(tables, rooms, strict=True):
        if share:
            lines += [
                head_line(columns, family_name(dht.family) if several else ""),
                *window(rows, share - 1, scroll),
            ]
    return lines


def section_height(dhts: Sequence[DhtSnapshot], width: int, glyphs: Glyphs) -> int:
    """How many lines it takes to show every row."""
    columns = columns_for(width - 1, glyphs)
    return sum(1 + len(bucket_rows(dht, columns, glyphs)) for dht in dhts)


def _shares(room: int, wanted: Sequence[int]) -> list[int]:
    """Evenly, but nobody gets more than is wanted; what one leaves goes to the others."""
    shares = [0] * len(wanted)
    while room > 0 and any(share < wish for share, wish in zip(shares, wanted, strict=True)):
        for index, wish in enumerate(wanted):
            if room > 0 and shares[index] < wish:
                shares[index] += 1
                room -= 1
    return shares
