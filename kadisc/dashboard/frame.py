"""Draws a scene as lines that fit into a given width and height: the title, the names of the views,
the view itself, and the keys.
"""

from __future__ import annotations

import textwrap

from ..observe.describe import count
from .figures import duration
from .glyphs import Glyphs
from .help import help_lines
from .lines import Line, clean, fit, joined, line_cells, spread
from .masking import masked_text
from .scene import USUAL_INTERVAL_S, Others, Room, Scene
from .view import View
from .views import VIEWS, view_named

_NAMES_FROM = 6
"""The height from which the names of the views are shown."""
_KEYS_FROM = 4
_TEXT_AT = 12
"""Where the texts of `why` begin, after their labels."""


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The lines of one frame, from the top. From a height of 4 the last row has the keys."""
    if width <= 0 or height <= 0:
        return []
    state, view = scene.state, view_named(scene.state.view)
    top = [title_line(scene, width, glyphs)]
    if height >= _NAMES_FROM:
        top.append(names_line(view, width))
    bottom = [keys_line(scene, view, width)] if height >= _KEYS_FROM else []
    room = Room(width, body_height(height), glyphs)
    if state.help:
        body = help_lines(view, room)
    elif state.row:
        body = row_lines(scene, view, room)
    else:
        body = view.draw(scene, room)
    body = body[: room.height]
    if scene.lost and room.height:
        reason: Line = ((f" {clean(scene.lost)}", "bad"),)
        body = [*body, *([()] * (room.height - len(body)))]
        body[-1] = reason
    lines = [*top, *body, *([()] * (room.height - len(body))), *bottom]
    if state.masked:
        lines = [tuple((masked_text(text), style) for text, style in line) for line in lines]
    return [fit(line, width, glyphs.more) for line in lines[:height]]


def body_height(height: int) -> int:
    """How many lines a view has in a frame of that height."""
    taken = 1 + (height >= _NAMES_FROM) + (height >= _KEYS_FROM)
    return max(0, height - taken)


def title_line(scene: Scene, width: int, glyphs: Glyphs) -> Line:
    status, state = scene.status, scene.state
    name = f" kadisc {status.version}  {clean(status.network)}  up {duration(status.uptime_s)}"
    said = ""
    if scene.lost:
        said = "lost the node; looking for it "
    elif state.paused:
        said = "paused "
    elif state.interval_s > USUAL_INTERVAL_S:
        said = f"every {state.interval_s:g} s "
    elif scene.others:
        said = others_words(scene.others) + " "
    if scene.lost:
        return (*_reversed(fit(((name, ""),), width - len(said) - 1, glyphs.more), width, said),)
    spans = spread(((name, ""),), ((said, ""),), width)
    return tuple((text, "title") for text, _ in spans if text)


def _reversed(name: Line, width: int, said: str) -> Line:
    gap = max(1, width - line_cells(name) - len(said))
    return (*((text, "title") for text, _ in name), (" " * gap, "title"), (said, "alarm"))


def others_words(others: Others) -> str:
    return f"devnet: {count(others.alive, 'other')}, {others.joined} joined"


def names_line(shown: View, width: int) -> Line:
    """The names of the views with their keys; only keys where names do not fit. The brackets tell
    which view is shown also without colour.
    """
    for gap, with_names in (("   ", True), (" ", True), (" ", False)):
        parts: list[Line] = []
        for view in VIEWS:
            text = f"{view.key} {view.name}" if with_names or view is shown else view.key
            here = view is shown
            parts.append(((f"[{text}]" if here else text, "here" if here else "quiet"),))
        names = ((" ", ""), *joined(parts, gap))
        if line_cells(names) <= width:
            break
    return names


def row_lines(scene: Scene, view: View, room: Room) -> list[Line]:
    """All that is known of the row that was chosen with Enter."""
    row, answer = scene.state.row, scene.answer
    lines: list[Line] = [((f" {clean(row)}", "strong"),), ()]
    if view.table is not None:
        table = view.table(scene)
        for each in table.rows:
            if table.key(each) == row:
                lines += [
                    (
                        (f" {column.title:<12} ", "label"),
                        (clean(column.text(each)), column.style(each) if column.style else ""),
                    )
                    for column in table.columns
                ]
                break
        else:
            lines.append(((" not there any more", "quiet"),))
    if answer is not None and answer.row == row:
        lines.append(())
        if answer.lines is None:
            lines.append(((" asking the node", "quiet"),))
        for text in answer.lines or ():
            lines += _wrapped(clean(text), room.width)
    return lines


def _wrapped(text: str, width: int) -> list[Line]:
    """The text below its label where it needs several lines."""
    parts = textwrap.wrap(
        text,
        max(20, width - 2),
        initial_indent=text[: len(text) - len(text.lstrip())],
        subsequent_indent=" " * _TEXT_AT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [((f" {part}", ""),) for part in parts]


def keys_line(scene: Scene, view: View, width: int) -> Line:
    state = scene.state
    if state.asks_to_stop:
        return ((" stop the node? ", "alarm"), (" y", "key"), (" stop   ", "quiet"), *_any_other())
    if state.typing:
        shown = clean(state.table.filter)
        ends = ((" Enter", "key"), (" keep   ", "quiet"), ("Esc", "key"), (" remove", "quiet"))
        return ((" filter: ", "label"), (f"{shown}_  ", "strong"), *ends)
    keys = [("q", "quit" if scene.ends_node else "detach")]
    if state.row or state.help:
        keys.append(("Esc", "back"))
    elif view.table is not None:
        keys += [("j k", "move"), ("Enter", "details"), ("/", "filter"), ("s r", "sort")]
    else:
        keys.append(("j k", "scroll"))
    keys += [("p", "resume" if state.paused else "pause"), ("Tab", "next view"), ("m", "mask")]
    # The help knows those that do not fit.
    help_key = _key("?", "help")
    spans: Line = ((" ", ""), *_key(*keys[0]))
    for each in keys[1:]:
        longer = joined([spans, _key(*each)], "   ")
        if line_cells(longer) + line_cells(help_key) + 3 > width:
            break
        spans = longer
    return joined([spans, help_key], "   ")


def _key(key: str, what: str) -> Line:
    return ((key, "key"), (f" {what}", "quiet"))


def _any_other() -> Line:
    return (("any other key", "key"), (" go on", "quiet"))
