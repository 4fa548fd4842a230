"""What a key changes: a pure function from the scene that the user sees to the next view state."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .row_table import cursor_place, shown_rows
from .scene import Scene, TableState, ViewState
from .view import View
from .views import VIEWS, view_named

INTERVALS_S: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""The intervals that ``+`` and ``-`` choose from; those of the method `watch` have these bounds."""
MAX_FILTER: Final = 60
"""The most characters of a filter."""

_MOVES: Final = {"j": 1, "down": 1, "k": -1, "up": -1}
_PAGES: Final = {"page down": 1, "page up": -1}
_FIRST: Final = ("g", "home")
_LAST: Final = ("G", "end")


def pressed(scene: Scene, key: str, page: int) -> ViewState:
    """The state after a key. ``page``: the number of lines that the view has on the screen. Keys
    that end the program are none of its own: `Dashboard` knows them.
    """
    state = scene.state
    if state.typing:
        return _typed(state, key)
    if state.asks_to_stop:
        return replace(state, asks_to_stop=False)
    if key == "escape":
        return _back(state)
    if state.row:
        # The details of a row take keys of their own: any that leaves them.
        state = replace(state, row="")
        scene = replace(scene, state=state)
        if key == "enter":
            return state
    for view in VIEWS:
        if key == view.key:
            return replace(state, view=view.name)
    view = view_named(state.view)
    match key:
        case "tab" | "right":
            return replace(state, view=_beside(view, 1).name)
        case "shift tab" | "left":
            return replace(state, view=_beside(view, -1).name)
        case "p":
            return replace(state, paused=not state.paused)
        case "m":
            return replace(state, masked=not state.masked)
        case "?":
            return replace(state, help=not state.help)
        case "+" | "=":
            return replace(state, interval_s=_interval(state.interval_s, 1))
        case "-":
            return replace(state, interval_s=_interval(state.interval_s, -1))
    if view.table is None:
        return _scrolled(scene, view, key, page)
    return _in_table(scene, view, key, page)


def _beside(view: View, steps: int) -> View:
    return VIEWS[(VIEWS.index(view) + steps) % len(VIEWS)]


def _interval(interval_s: float, steps: int) -> float:
    nearest = min(range(len(INTERVALS_S)), key=lambda at: abs(INTERVALS_S[at] - interval_s))
    return INTERVALS_S[max(0, min(len(INTERVALS_S) - 1, nearest + steps))]


def _back(state: ViewState) -> ViewState:
    """One step back: from the details, the help, the filter."""
    if state.row:
        return replace(state, row="")
    if state.help:
        return replace(state, help=False)
    return state.with_table(replace(state.table, filter=""))


def _typed(state: ViewState, key: str) -> ViewState:
    table = state.table
    match key:
        case "enter":
            return replace(state, typing=False)
        case "escape":
            return replace(state, typing=False).with_table(replace(table, filter=""))
        case "backspace":
            return state.with_table(replace(table, filter=table.filter[:-1]))
    if len(key) == 1 and key.isprintable() and len(table.filter) < MAX_FILTER:
        return state.with_table(replace(table, filter=table.filter + key))
    return state


def _scrolled(scene: Scene, view: View, key: str, page: int) -> ViewState:
    state, limit = scene.state, view.extent(scene)
    moves = _MOVES.get(key, 0) + _PAGES.get(key, 0) * max(1, page - 1)
    if key in _FIRST:
        moves = -limit
    elif key in _LAST:
        moves = limit
    if view.begins_at_end:
        moves = -moves
    table = state.table
    return state.with_table(replace(table, scroll=max(0, min(limit, table.scroll + moves))))


def _in_table(scene: Scene, view: View, key: str, page: int) -> ViewState:
    assert view.table is not None
    state = scene.state
    of_view, table = state.table, view.table(scene)
    match key:
        case "/":
            return replace(state, typing=True)
        case "r":
            return state.with_table(replace(of_view, reverse=not of_view.reverse))
        case "s":
            titles = [column.title for column in table.columns]
            at = of_view.sort or table.sort
            following = titles[(titles.index(at) + 1) % len(titles)] if at in titles else titles[0]
            return state.with_table(replace(of_view, sort=following, reverse=False))
    rows = shown_rows(table, of_view)
    if not rows:
        return state
    place = cursor_place(table, rows, of_view)
    if key == "enter":
        return replace(
            _at(state, of_view, table.key(rows[place]), place), row=table.key(rows[place])
        )
    place += _MOVES.get(key, 0) + _PAGES.get(key, 0) * max(1, page - 1)
    if key in _FIRST:
        place = 0
    elif key in _LAST:
        place = len(rows) - 1
    place = max(0, min(len(rows) - 1, place))
    return _at(state, of_view, table.key(rows[place]), place)


def _at(state: ViewState, of_view: TableState, key: str, place: int) -> ViewState:
    return state.with_table(replace(of_view, cursor=key, place=place))
