"""The overview: identity, buckets, traffic, events.

If the height is too small, events are left out first, then activity, then all but the deepest
buckets.
"""

from __future__ import annotations

from ..activity import MAX_LOOKUPS, count_lines, lookup_lines, tail_lines, traffic_lines
from ..buckets import bucket_section, section_height
from ..header import folder_line, identity_lines, network_line
from ..lines import Line
from ..scene import Room, Scene
from ..view import View

_ROOMY = 14
"""The height from which each family has two lines."""
_BUCKETS_MIN = 4
_EVENTS_MIN = 3


def _draw(scene: Scene, room: Room) -> list[Line]:
    width, height, glyphs = room.width, room.height, room.glyphs
    top = identity_lines(scene, 2 if height >= _ROOMY else 1, glyphs)
    if height >= _ROOMY:
        top += [*network_line(scene), *folder_line(scene)]
    space = height - len(top)

    wanted = section_height(scene, width, glyphs)
    activity = [*traffic_lines(scene, width, glyphs), *count_lines(scene)]
    activity += lookup_lines(
        scene, MAX_LOOKUPS if space - wanted - len(activity) >= MAX_LOOKUPS + 6 else 1, glyphs
    )
    activity = activity[: max(0, space - min(wanted, _BUCKETS_MIN))]
    space -= len(activity)
    events = _EVENTS_MIN if space >= _BUCKETS_MIN + _EVENTS_MIN else 0
    scroll = scene.state.table.scroll
    buckets = bucket_section(scene, width, min(wanted, space - events), scroll, glyphs)
    space -= len(buckets)

    blank: list[Line] = [()] if space >= 6 else []
    tail = tail_lines(scene.tail, space - 2 * len(blank), glyphs)
    return [*top, *buckets, *blank, *activity, *blank, *tail]


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
