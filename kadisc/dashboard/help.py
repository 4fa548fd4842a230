"""The help: all keys, and the meaning of glyphs and colours."""

from __future__ import annotations

from .lines import Line
from .panels import wrapped
from .scene import Room
from .view import View
from .views import VIEWS

_KEYS = (
    ("Tab Shift-Tab", "next, previous view"),
    ("j k arrows", "down, up; PgDn PgUp a page; g G first, last"),
    ("Enter", "details of the row, and why the node knows it; Esc back"),
    ("/", "filter: rows that contain all words; Enter keeps it, Esc removes it"),
    ("s r", "sort by the next column, reverse"),
    ("p", "pause"),
    ("m", "mask addresses"),
    ("+ -", "longer, shorter interval"),
    ("Ctrl-L", "draw the screen anew"),
    ("q", "stop the node, after a question; in kadisc watch: detach"),
)


def help_lines(view: View, room: Room) -> list[Line]:
    lines: list[Line] = [((" keys", "section"),)]
    lines += [((f"   {keys:<15}", "key"), (what, "quiet")) for keys, what in _KEYS]
    views: list[Line] = [
        ((f"   {each.key} {each.name:<13}", "key"), (each.title, "quiet")) for each in VIEWS
    ]
    legend: list[Line] = [(), ((" colours", "section"),), *legend_lines(room)]
    if len(lines) + 2 + len(views) + len(legend) > room.height:
        names = "  ".join(f"{each.key} {each.name}" for each in VIEWS)
        views = [((f"   {text}", "key"),) for text in wrapped(names, max(20, room.width - 4))]
    return [*lines, (), ((" views", "section"),), *views, *legend]


def legend_lines(room: Room) -> list[Line]:
    """The meaning of the glyphs and colours."""
    glyphs = room.glyphs
    return [
        (
            ("   bar      ", "label"),
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
            ("   verified ", "label"),
            (f"youngest{glyphs.to}oldest ", "quiet"),
            ("<2m ", "good"),
            ("<16m ", "fair"),
            ("<32m ", "poor"),
            ("older", "bad"),
        ),
        (
            ("   rtt      ", "label"),
            ("median ", "quiet"),
            ("<50 ", "good"),
            ("<150 ", "fair"),
            ("<400 ms ", "poor"),
            ("more", "bad"),
        ),
    ]
