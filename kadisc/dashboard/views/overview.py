"""The overview: identity, buckets, traffic, events.

If the height is too small, events are left out first, then activity, then all but the deepest
buckets. If there is more than enough, counts take several lines, and traffic gets a chart.
"""

from __future__ import annotations

from ..activity import MAX_LOOKUPS, count_lines, lookup_lines, tail_lines, traffic_lines
from ..buckets import bucket_section, section_height
from ..chart import SCALE_CELLS, chart_lines, side_by_side
from ..header import folder_line, identity_lines, network_line
from ..lines import Line
from ..row_table import section_line
from ..scene import Room, Scene
from ..traffic import KEPT_S
from ..view import View

_ROOMY = 14
"""The height from which each family has two lines."""
_BUCKETS_MIN = 4
_EVENTS_MIN = 3
_TITLED = 6
"""Lines that must be left for events before parts get titles."""
_EVENTS_WANTED = 8
"""Lines for events before counts take several lines."""
_CHART_ROWS, _CHART_MIN = 6, 3
_CHART_FRAME = 2
"""Lines that a chart has beside its rows."""
_MAX_COUNT_LINES = 3


def _draw(scene: Scene, room: Room) -> list[Line]:
    width, height, glyphs = room.width, room.height, room.glyphs
    top = identity_lines(scene, width, 2 if height >= _ROOMY else 1, glyphs)
    if height >= _ROOMY:
        top += [*network_line(scene), *folder_line(scene)]
    space = height - len(top)

    wanted = section_height(scene)
    activity = _activity(scene, room, space - wanted)[: max(0, space - min(wanted, _BUCKETS_MIN))]
    space -= len(activity)
    events = _EVENTS_MIN if space >= _BUCKETS_MIN + _EVENTS_MIN else 0
    scroll = scene.state.table.scroll
    buckets = bucket_section(scene, width, min(wanted, space - events), scroll, glyphs)
    space -= len(buckets)
    if space < _TITLED:
        return [*top, *buckets, *activity, *tail_lines(scene.tail, space, glyphs)]
    return [
        *top,
        *buckets,
        section_line("traffic", "of the last minute; counts since the start", room),
        *activity,
        section_line("events", "the newest last", room),
        *tail_lines(scene.tail, space - 2, glyphs),
    ]


def _activity(scene: Scene, room: Room, space: int) -> list[Line]:
    """Traffic, counts and lookups; in as few lines as possible where ``space`` is short."""
    width, glyphs = room.width, room.glyphs
    traffic = traffic_lines(scene, width, glyphs)
    counts = count_lines(scene, width)
    events = 2 + max(1, min(_EVENTS_WANTED, len(scene.tail)))  # with two titles
    left = space - len(traffic) - len(counts) - events
    if left > 0:
        counts = count_lines(scene, width, max(1, min(_MAX_COUNT_LINES, 1 + left // 4)))
        left = space - len(traffic) - len(counts) - events
    lookups = lookup_lines(scene, max(1, min(MAX_LOOKUPS, left)), glyphs)
    left -= len(lookups)
    charts = _charts(scene, room, left + len(traffic))
    return [*(charts or traffic), *counts, *lookups]


def _charts(scene: Scene, room: Room, space: int) -> list[Line]:
    """In and out beside each other, where there is room for both."""
    half = room.width // 2
    rows = min(_CHART_ROWS, space - _CHART_FRAME)
    if rows < _CHART_MIN or half < SCALE_CELLS + 1 + KEPT_S:
        return []
    flows = (("in", scene.flow_in), ("out", scene.flow_out))
    charts = [chart_lines(name, flow, half, rows, room.glyphs) for name, flow in flows]
    return side_by_side(charts, half)


def _extent(scene: Scene) -> int:
    return sum(len(scene.buckets(each.family)) + 1 for each in scene.status.families)


OVERVIEW = View(
    "1",
    "overview",
    "identity, buckets, traffic, events",
    _draw,
    extent=_extent,
    begins_at_end=True,
    parts=frozenset(("contacts", "operations")),
)
