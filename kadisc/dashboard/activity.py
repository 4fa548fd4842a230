"""What the node is doing: traffic, queries by kind, drops by reason, lookups in progress."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.snapshot import OperationSnapshot
from ..ids import NodeId, format_id
from ..observe.describe import count
from .figures import byte_rate, number
from .glyphs import Glyphs, sparkline
from .lines import Line, left, right
from .scene import Scene
from .tail import TailLine
from .traffic import KEPT_S, Flow

LABEL_CELLS = 10
MAX_LOOKUPS = 4
_TWO_SIDES = 76
"""Wide enough for in and out beside each other."""


def label(text: str) -> tuple[str, str]:
    return left(f" {text}", LABEL_CELLS), "label"


def traffic_lines(scene: Scene, width: int, glyphs: Glyphs) -> list[Line]:
    sides = (("in", scene.flow_in), ("out", scene.flow_out))
    if width < _TWO_SIDES:
        return [
            (label(name), *_flow(flow, width - LABEL_CELLS - 1, glyphs)) for name, flow in sides
        ]
    half = (width - LABEL_CELLS - 1) // 2
    first, second = (
        (((left(name, 4)), "label"), *_flow(flow, half - 6, glyphs)) for name, flow in sides
    )
    return [(label("traffic"), *first, ("  ", ""), *second)]


def _flow(flow: Flow, width: int, glyphs: Glyphs) -> Line:
    rates = f"{right(byte_rate(flow.bytes_per_s), 8)} {right(number(flow.datagrams_per_s), 5)}/s "
    size = max(0, min(KEPT_S, width - len(rates)))
    return (rates, "" if flow.bytes_per_s else "quiet"), (
        left(sparkline(flow.history, size, glyphs), size),
        "spark",
    )


def count_lines(scene: Scene) -> list[Line]:
    counters = scene.snapshot.counters
    asked, served = _group(counters, "queries_sent."), _group(counters, "accepted.query.")
    dropped, refused = _group(counters, "dropped."), _group(counters, "refused.")
    return [
        (label("asked"), *_counts(asked), ("   ", ""), ("served ", "label"), *_counts(served)),
        (
            label("dropped"),
            *_counts(dropped, "bad"),
            *((("   ", ""), ("passed over ", "label"), *_counts(refused)) if refused else ()),
        ),
    ]


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
        return (("nothing", "quiet"),)
    spans: list[tuple[str, str]] = []
    for name, total in group.items():
        spans += [(", " if spans else "", "quiet"), (f"{name} ", "quiet"), (number(total), style)]
    return tuple(span for span in spans if span[0])


def lookup_lines(scene: Scene, room: int, glyphs: Glyphs) -> list[Line]:
    """The lookups under way, the newest first; at least one line."""
    lookups = [operation for operation in scene.snapshot.operations if operation.target is not None]
    pings = len(scene.snapshot.operations) - len(lookups)
    own_ids = {dht.own_id for dht in scene.snapshot.dhts}
    lines: list[Line] = []
    for operation in reversed(lookups):
        lines.append((label("" if lines else "lookups"), *_lookup(operation, own_ids, glyphs)))
    if pings:
        lines.append((label("" if lines else "lookups"), (f"{count(pings, 'ping')} under way", "")))
    if not lines:
        return [(label("lookups"), ("none under way", "quiet"))]
    if len(lines) > room >= 1:
        hidden = len(lines) - room
        lines = [*lines[: room - 1], (*lines[room - 1], (f"  +{hidden} more", "note"))]
    return lines


def _lookup(operation: OperationSnapshot, own_ids: set[NodeId], glyphs: Glyphs) -> Line:
    target = operation.target
    assert target is not None
    whose = "own ID" if target in own_ids else f"{format_id(target)[:12]}{glyphs.more}"
    return (
        (f"{operation.what} ", "quiet"),
        (whose, "strong"),
        (f"  {operation.answered} answered, {count(operation.queries, 'datagram')} sent", ""),
    )


def tail_lines(tail: tuple[TailLine, ...], room: int, glyphs: Glyphs) -> list[Line]:
    """The newest events, the newest last."""
    if room <= 0:
        return []
    if not tail:
        return [(label("events"), ("nothing has happened yet", "quiet"))]
    lines: list[Line] = []
    for line in tail[-room:]:
        # The number of times comes first: the words may be cut at the edge.
        times = ((f"{glyphs.times}{line.count}, the last: ", "note"),) if line.count > 1 else ()
        lines.append(
            (
                (f" {line.clock} ", "quiet"),
                (left(line.name, 10), line.style),
                *times,
                (line.words, ""),
            )
        )
    return lines
