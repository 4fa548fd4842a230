"""Draws a scene as lines that fit into a given width and height.

From the top: title, identity, buckets, activity, events, keys. If the height is too small, events
are left out first, then activity, then all but the deepest buckets.
"""

from __future__ import annotations

from .activity import MAX_LOOKUPS, count_lines, lookup_lines, tail_lines, traffic_lines
from .buckets import bucket_section, section_height
from .glyphs import Glyphs
from .header import folder_line, identity_lines, network_line, title_line
from .lines import Line, fit
from .scene import Scene, View

_ROOMY = 16
"""The height from which each family has two lines."""
_BUCKETS_MIN = 4
_EVENTS_MIN = 3

KEYS = (("q", "quit"), ("p", "pause"), ("j k", "scroll"), ("?", "help"))


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The lines of one frame, from the top. From a height of 4 the last row has the keys."""
    if width <= 0 or height <= 0:
        return []
    dhts = scene.snapshot.dhts
    top = [
        title_line(scene, width, glyphs),
        *identity_lines(scene, 2 if height >= _ROOMY else 1, glyphs),
    ]
    if height >= _ROOMY:
        top += [*network_line(scene), *folder_line(scene)]
    bottom = (
        [
            *(help_lines(glyphs) if scene.view.help and height >= _ROOMY // 2 else ()),
            keys_line(scene.view),
        ]
        if height >= 4
        else []
    )
    room = height - len(top) - len(bottom)

    wanted = section_height(dhts, width, glyphs)
    activity = [*traffic_lines(scene, width, glyphs), *count_lines(scene)]
    activity += lookup_lines(
        scene, MAX_LOOKUPS if room - wanted - len(activity) >= MAX_LOOKUPS + 6 else 1, glyphs
    )
    activity = activity[: max(0, room - min(wanted, _BUCKETS_MIN))]
    room -= len(activity)
    events = _EVENTS_MIN if room >= _BUCKETS_MIN + _EVENTS_MIN else 0
    buckets = bucket_section(dhts, width, min(wanted, room - events), scene.view.scroll, glyphs)
    room -= len(buckets)

    blank: list[Line] = [()] if room >= 6 else []
    tail = tail_lines(scene.tail, room - 2 * len(blank), glyphs)
    middle = [*buckets, *blank, *activity, *blank, *tail]
    space = height - len(top) - len(middle) - len(bottom)
    lines = [*top, *middle, *([()] * space), *bottom]
    return [fit(line, width, glyphs.more) for line in lines[:height]]


def keys_line(view: View) -> Line:
    spans: list[tuple[str, str]] = [(" ", "")]
    for key, what in KEYS:
        what = "resume" if key == "p" and view.paused else what
        spans += [(key, "key"), (f" {what}   ", "quiet")]
    return tuple(spans)


def help_lines(glyphs: Glyphs) -> list[Line]:
    """The meaning of the glyphs and colours."""
    return [
        (
            (" bar ", "label"),
            (glyphs.ok, "good"),
            (" ok  ", "quiet"),
            (glyphs.unconfirmed, "note"),
            (" unconfirmed (inbound only)  ", "quiet"),
            (glyphs.failing, "bad"),
            (" failing (no answer)  ", "quiet"),
            (glyphs.vacant, "quiet"),
            (" vacant", "quiet"),
        ),
        (
            (" verified ", "label"),
            (f"youngest{glyphs.to}oldest ", "quiet"),
            ("<2m ", "good"),
            ("<16m ", "fair"),
            ("<32m ", "poor"),
            ("older", "bad"),
            ("   rtt ", "label"),
            ("median ", "quiet"),
            ("<50 ", "good"),
            ("<150 ", "fair"),
            ("<400 ms ", "poor"),
            ("more", "bad"),
        ),
    ]
