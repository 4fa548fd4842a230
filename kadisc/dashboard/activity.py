"""The activity of the node: traffic, queries by kind, drops by reason, lookups in progress."""

from __future__ import annotations

from collections.abc import Mapping

from ..control.methods.snapshots import WatchedOperation
from ..observe.describe import count
from .figures import byte_rate, number
from .glyphs import Glyphs, sparkline
from .lines import Line, Span, left, right
from .reasons import reason_words
from .scene import Scene
from .tail import TailLine
from .traffic import KEPT_S, Flow

LABEL_CELLS = 10
MAX_LOOKUPS = 4
_TWO_SIDES = 76
"""The width from which in and out share a line."""
_SCALE_CELLS = 15
"""Cells of the text that tells what the highest step of a sparkline stands for."""
_SCALED_FROM = 10
"""Cells of a sparkline from which it has that text."""


def label(text: str) -> tuple[str, str]:
    return left(f" {text}", LABEL_CELLS), "label"


def traffic_lines(scene: Scene, width: int, glyphs: Glyphs) -> list[Line]:
    """In and out: rates, a sparkline of the last minute, and its scale."""
    room = width - LABEL_CELLS - 1
    if width < _TWO_SIDES:
        return [
            (label("in"), *_flow(scene.flow_in, room, glyphs)),
            (label("out"), *_flow(scene.flow_out, room, glyphs)),
        ]
    half = room // 2 - 6
    return [
        (
            label("traffic"),
            ("in  ", "label"),
            *_flow(scene.flow_in, half, glyphs),
            ("  ", ""),
            ("out ", "label"),
            *_flow(scene.flow_out, half, glyphs),
        )
    ]


def _flow(flow: Flow, width: int, glyphs: Glyphs) -> Line:
    rates = f"{right(byte_rate(flow.bytes_per_s), 8)} {right(number(flow.datagrams_per_s), 5)}/s "
    size = max(0, min(KEPT_S, width - len(rates)))
    if size - _SCALE_CELLS >= _SCALED_FROM:
        size = min(size, width - len(rates) - _SCALE_CELLS)
    style = "" if flow.bytes_per_s else "quiet"
    spans: Line = ((rates, style), (left(sparkline(flow.history, size, glyphs), size), "spark"))
    if width - len(rates) - size < _SCALE_CELLS:
        return spans
    scale = f" peak {byte_rate(max(flow.history))}"
    return (*spans, (left(scale, _SCALE_CELLS), "quiet"))


def count_lines(scene: Scene, width: int, most: int = 1) -> list[Line]:
    """Queries by method, and drops by reason, in at most ``most`` lines for each of the four."""
    counters = scene.status.counters
    groups = (
        ("sent", _group(counters, "queries_sent."), ""),
        ("received", _group(counters, "accepted.query."), ""),
        ("dropped", _reasons(counters, "dropped."), "bad"),
        ("ignored", _reasons(counters, "refused."), ""),
    )
    lines: list[Line] = []
    for name, group, style in groups:
        lines += _counts(name, group, style, width, most)
    return lines


def _reasons(counters: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {reason_words(reason): total for reason, total in _group(counters, prefix).items()}


def _group(counters: Mapping[str, int], prefix: str) -> dict[str, int]:
    """The counters of a group by name, the largest first."""
    found = {
        name[len(prefix) :]: total
        for name, total in counters.items()
        if name.startswith(prefix) and total
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _counts(name: str, group: Mapping[str, int], style: str, width: int, most: int) -> list[Line]:
    """As many of the counts as fit into ``most`` lines, and the number of the others."""
    if not group:
        return [(label(name), ("none", "quiet"))]
    lines: list[list[Span]] = [[label(name)]]
    used = LABEL_CELLS
    for place, (what, total) in enumerate(group.items()):
        rest = f"  +{len(group) - place} more"
        text, amount = f"{what} ", number(total)
        size = 2 + len(text) + len(amount)
        is_last = len(lines) == most
        kept = len(rest) if is_last and place + 1 < len(group) else 0
        if used + size + kept > width and used > LABEL_CELLS:
            if is_last:
                lines[-1].append((rest, "note"))
                break
            lines.append([label("")])
            used = LABEL_CELLS
        gap = "  " if used > LABEL_CELLS else ""
        lines[-1] += [(gap + text, "quiet"), (amount, style)]
        used += len(gap) + len(text) + len(amount)
    return [tuple(line) for line in lines]


def lookup_lines(scene: Scene, room: int, glyphs: Glyphs) -> list[Line]:
    """The lookups in progress, the newest first; at least one line."""
    lookups = [operation for operation in scene.operations if operation.target is not None]
    pings = len(scene.operations) - len(lookups)
    own_ids = {each.id for each in scene.status.families}
    lines: list[Line] = []
    for operation in reversed(lookups):
        lines.append((label("" if lines else "lookups"), *_lookup(operation, own_ids, glyphs)))
    if pings:
        lines.append(
            (label("" if lines else "lookups"), (f"{count(pings, 'ping')} in progress", ""))
        )
    if not lines:
        return [(label("lookups"), ("none in progress", "quiet"))]
    if len(lines) > room >= 1:
        hidden = len(lines) - room
        lines = [*lines[: room - 1], (*lines[room - 1], (f"  +{hidden} more", "note"))]
    return lines


def _lookup(operation: WatchedOperation, own_ids: set[str], glyphs: Glyphs) -> Line:
    target = operation.target
    assert target is not None
    target_words = "own ID" if target in own_ids else f"{target[:12]}{glyphs.more}"
    return (
        (f"{operation.what} ", "quiet"),
        (target_words, "strong"),
        (f"  {operation.answered} answered, {count(operation.queries, 'datagram')} sent", ""),
    )


def tail_lines(tail: tuple[TailLine, ...], room: int, glyphs: Glyphs) -> list[Line]:
    """The newest events, the newest last."""
    if room <= 0:
        return []
    if not tail:
        return [(label("events"), ("no events yet", "quiet"))]
    lines: list[Line] = []
    for line in tail[-room:]:
        # The count comes first, because the text may be cut at the edge.
        times = ((f"{glyphs.times}{line.count}, last: ", "note"),) if line.count > 1 else ()
        lines.append(
            (
                (f" {line.clock} ", "quiet"),
                (left(line.name, 10), line.style),
                *times,
                (line.words, ""),
            )
        )
    return lines
