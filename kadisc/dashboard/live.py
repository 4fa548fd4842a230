"""The live dashboard: takes snapshots and events, draws changes, and handles keys.

It checks four times a second for changes and draws them, at most once in the interval that the user
has chosen; without changes it draws once a second, because ages grow. It responds to a key or a new
terminal size at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import replace
from typing import Protocol

import trio

from ..control.methods.snapshots import NodeSnapshot, Part
from .frame import body_height, draw
from .history import SceneHistory
from .keys import is_unfinished, keys_in
from .pressing import pressed
from .scene import Answer, Others, Scene, ViewState
from .screen import Screen
from .views import view_named

CHECK_EVERY_S = 0.25
UPDATE_EVERY_S = 1.0
"""How often ages are drawn anew where nothing else changes."""
ASK_AGAIN_S = 5.0
"""How often the node is asked about the row whose details are shown."""
REST_OF_KEY_S = 0.05
"""How long the rest of a key that sends several bytes may take; ESC alone is a key too."""


class SnapshotSource(Protocol):
    """Where the snapshots come from: the node of this process, a running one, or a test."""

    def snapshot(self) -> NodeSnapshot:
        """The node with these parts, at this moment or when it was last heard of."""
        ...

    def pulse(self) -> Hashable:
        """A value that changes whenever the snapshot does; cheap to compute."""
        ...

    def lost(self) -> str:
        """Why there is no node at present; empty while there is one."""
        ...

    def others(self) -> Others | None: ...

    def want(self, interval_s: float, parts: Collection[Part]) -> None:
        """How often snapshots are wanted, and with which parts."""
        ...

    async def why(self, peer: str) -> tuple[str, ...]:
        """What the node knows of a peer, or why it knows nothing, as lines of text."""
        ...


class Dashboard:
    """``ends_node``: whether the end of the dashboard is that of the node, so that the user is
    asked before. ``folder``: the state folder that commands must name; empty if none.
    """

    def __init__(
        self,
        source: SnapshotSource,
        screen: Screen,
        *,
        ends_node: bool,
        folder: str = "",
        state: ViewState | None = None,
    ) -> None:
        self._source = source
        self._screen = screen
        state = state or ViewState()
        source.want(state.interval_s, view_named(state.view).parts)
        snapshot = source.snapshot()
        self._history = SceneHistory(snapshot, trio.current_time())
        self._scene = Scene(snapshot, ends_node=ends_node, folder=folder, state=state)
        self._pulse: Hashable = None
        self._updated_at = float("-inf")
        self._has_news = False
        self._is_outdated = False
        """Whether a key has asked for what the last snapshot does not show."""
        self._at_once = trio.Event()
        self._ended = trio.Event()
        self._terminal_closed = False
        self._asked = trio.CancelScope()

    async def run(self, events: AsyncIterator[Mapping[str, object]]) -> bool:
        """Runs until the user ends it (True) or the terminal closes (False). ``events``: as
        `subscribe` tells them.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until_closed, self._screen.write)
            nursery.start_soon(self._until_closed, self._read_keys, nursery)
            nursery.start_soon(self._listen, events)
            nursery.start_soon(self._until_closed, self._handle_signals)
            nursery.start_soon(self._draw)
            await self._ended.wait()
            nursery.cancel_scope.cancel()
        return not self._terminal_closed

    async def _until_closed(
        self, use_terminal: Callable[..., Awaitable[None]], *args: object
    ) -> None:
        try:
            await use_terminal(*args)
        except OSError:
            self._terminal_closed = True
            self._ended.set()

    # --- drawing ----------------------------------------------------------------------------------

    async def _draw(self) -> None:
        while True:
            if self._screen.is_behind:
                # No snapshot for a frame that the terminal cannot take.
                await trio.sleep(CHECK_EVERY_S)
                continue
            self._draw_if_due(trio.current_time())
            with trio.move_on_after(CHECK_EVERY_S):
                await self._at_once.wait()

    def _draw_if_due(self, now: float) -> None:
        due = self._at_once.is_set()
        if due:
            self._at_once = trio.Event()
        pulse = self._source.pulse()
        if self._is_update_due(pulse, now):
            self._update_scene(now)
            self._is_outdated = self._is_outdated and pulse == self._pulse
            self._pulse = pulse
            self._has_news = False
            due = True
        if self._source.lost() != self._scene.lost:
            self._scene = replace(self._scene, lost=self._source.lost())
            due = True
        if due:
            width, height = self._screen.size
            self._screen.show(draw(self._scene, width, height, self._screen.glyphs))

    def _is_update_due(self, pulse: Hashable, now: float) -> bool:
        state = self._scene.state
        if state.paused:
            return self._lacks_parts()
        if self._is_outdated:
            return True
        if pulse != self._pulse or self._has_news:
            return now >= self._updated_at + state.interval_s
        return now >= self._updated_at + max(UPDATE_EVERY_S, state.interval_s)

    def _lacks_parts(self) -> bool:
        """Whether the view was chosen after the last snapshot, which has nothing for it."""
        parts = view_named(self._scene.state.view).parts
        return any(getattr(self._scene.node, part) is None for part in parts)

    def _update_scene(self, now: float) -> None:
        self._updated_at = now
        scene = self._history.updated(self._scene, self._source.snapshot(), now)
        self._scene = replace(scene, others=self._source.others())

    # --- events, keys and signals -----------------------------------------------------------------

    async def _listen(self, events: AsyncIterator[Mapping[str, object]]) -> None:
        async for event in events:
            if self._history.hear(event, trio.current_time()):
                self._has_news = True

    async def _read_keys(self, nursery: trio.Nursery) -> None:
        while True:
            typed = await self._screen.typed()
            with trio.move_on_after(REST_OF_KEY_S):
                while is_unfinished(typed):
                    typed += await self._screen.typed()
            for key in keys_in(typed):
                self._press(key, nursery)
            self._at_once.set()

    def _press(self, key: str, nursery: trio.Nursery) -> None:
        state = self._scene.state
        if key == "\x0c":
            self._screen.redraw()
            return
        if not state.typing:
            if state.asks_to_stop and key in ("y", "Y"):
                self._ended.set()
                return
            if key == "q" and not state.asks_to_stop:
                self._quit()
                return
        _, height = self._screen.size
        after = pressed(self._scene, key, body_height(height))
        self._scene = replace(self._scene, state=after)
        if (after.interval_s, after.view) != (state.interval_s, state.view):
            self._source.want(after.interval_s, view_named(after.view).parts)
            self._is_outdated = True
        if after.row != state.row:
            self._ask_why(nursery)

    def _quit(self) -> None:
        if not self._scene.ends_node:
            self._ended.set()
            return
        self._scene = replace(self._scene, state=replace(self._scene.state, asks_to_stop=True))

    def _ask_why(self, nursery: trio.Nursery) -> None:
        """Asks the node about the row whose details are shown, again and again while they are, and
        drops an earlier question.
        """
        self._asked.cancel()
        state = self._scene.state
        why = view_named(state.view).why
        peer = why(state.row) if state.row and why is not None else ""
        if not peer:
            self._scene = replace(self._scene, answer=None)
            return
        self._scene = replace(self._scene, answer=Answer(state.row))
        self._asked = trio.CancelScope()
        nursery.start_soon(self._answer, state.row, peer, self._asked)

    async def _answer(self, row: str, peer: str, scope: trio.CancelScope) -> None:
        with scope:
            while True:
                answer = self._scene.answer
                if answer is None or answer.lines is None or not self._scene.state.paused:
                    answer = Answer(row, await self._source.why(peer))
                    self._scene = replace(self._scene, answer=answer)
                    self._at_once.set()
                await trio.sleep(ASK_AGAIN_S)

    async def _handle_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT) as signals:
            async for number in signals:
                if number == signal.SIGTSTP:
                    self._stop()
                self._screen.redraw()
                self._at_once.set()

    def _stop(self) -> None:
        """Ctrl-Z: stops the process until SIGCONT and gives the terminal back to the shell."""
        self._screen.leave()
        own_handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # the process stops here
        signal.signal(signal.SIGTSTP, own_handler)
        self._screen.enter_again()
