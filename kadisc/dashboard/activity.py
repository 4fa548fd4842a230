"""The activity of the node: traffic, queries by kind, drops by reason, lookups in progress."""

from __future__ import annotations

from collections.abc import Mapping

from ..control.methods.snapshots import WatchedOperation
from ..observe.describe import count
from .figures import byte_rate, number
from .glyphs import Glyphs, sparkline
from .lines import Line, left, right
from .reasons import reason_words
from .scene import Scene
from .tail import TailLine
from .traffic import KEPT_S, Flow

LABEL_CELLS = 10
MAX_LOOKUPS = 4
_TWO_SIDES = 76
"""The width from which in and out share a line."""


def label(text: str) -> tuple[str, str]:
    return left(f" {text}", LABEL_CELLS), "label"


def traffic_lines(scene: Scene, width: int, glyphs: Glyphs) -> list[Line]:
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
    style = "" if flow.bytes_per_s else "quiet"
    return (rates, style), (left(sparkline(flow.history, size, glyphs), size), "spark")


def count_lines(scene: Scene) -> list[Line]:
    counters = scene.status.counters
    sent = _group(counters, "queries_sent.")
    received = _group(counters, "accepted.query.")
    queries: Line = (
        label("queries"),
        ("sent ", "label"),
        *_counts(sent),
        ("   received ", "label"),
        *_counts(received),
    )
    drops: Line = (label("dropped"), *_counts(_reasons(counters, "dropped."), "bad"))
    ignored = _reasons(counters, "refused.")
    if ignored:
        drops = (*drops, ("   ignored: ", "label"), *_counts(ignored))
    return [queries, drops]


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


def _counts(group: Mapping[str, int], style: str = "") -> Line:
    if not group:
        return (("none", "quiet"),)
    spans: list[tuple[str, str]] = []
    for name, total in group.items():
        spans += [(", " if spans else "", "quiet"), (f"{name} ", "quiet"), (number(total), style)]
    return tuple(span for span in spans if span[0])


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
