"""The live dashboard: takes snapshots and events, draws changes, and handles keys.

It checks four times a second for changes and draws them; without changes it draws once a second,
because ages grow. It responds to a key or a new terminal size at once.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import replace
from typing import Protocol

import trio

from ..core.snapshot import Snapshot
from ..observe.lan import LanSnapshot
from ..observe.mappings import MappingSnapshot
from .frame import draw
from .keys import keys_in
from .scene import Facts, Others, Scene, View
from .screen import Screen
from .tail import Tail
from .traffic import TrafficHistory

CHECK_EVERY_S = 0.25
DRAW_EVERY_S = 1.0
PAGE = 8


class SnapshotSource(Protocol):
    """The source of the snapshots: a live node, or a test."""

    def snapshot(self) -> Snapshot: ...

    def pulse(self) -> Hashable:
        """A value that changes whenever the snapshot does; cheap to compute."""
        ...

    def others(self) -> Others | None: ...

    def mappings(self) -> tuple[MappingSnapshot, ...]: ...

    def lan(self) -> LanSnapshot: ...


class Dashboard:
    def __init__(self, source: SnapshotSource, facts: Facts, screen: Screen) -> None:
        self._source = source
        self._facts = facts
        self._screen = screen
        self._tail = Tail()
        self._view = View()
        self._started_at = trio.current_time()
        snapshot = source.snapshot()
        self._traffic = TrafficHistory(snapshot.counters, self._started_at)
        self._scene = Scene(facts, snapshot, 0.0)
        self._pulse: Hashable = None
        self._drawn_at = float("-inf")
        self._has_news = False
        self._at_once = trio.Event()
        self._ended = trio.Event()
        self._terminal_closed = False

    async def run(self, events: AsyncIterator[object]) -> bool:
        """Runs until the user presses ``q`` (True) or the terminal closes (False)."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until_closed, self._screen.write)
            nursery.start_soon(self._until_closed, self._read_keys)
            nursery.start_soon(self._listen, events)
            nursery.start_soon(self._until_closed, self._handle_signals)
            nursery.start_soon(self._draw)
            await self._ended.wait()
            nursery.cancel_scope.cancel()
        return not self._terminal_closed

    async def _until_closed(self, use_terminal: Callable[[], Awaitable[None]]) -> None:
        try:
            await use_terminal()
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
        if not self._view.paused:
            pulse = self._source.pulse()
            if self._has_news or pulse != self._pulse or now >= self._drawn_at + DRAW_EVERY_S:
                self._update_scene(now)
                self._pulse = pulse
                self._has_news = False
                due = True
        if due:
            self._drawn_at = now
            width, height = self._screen.size
            self._screen.show(
                draw(replace(self._scene, view=self._view), width, height, self._screen.glyphs)
            )

    def _update_scene(self, now: float) -> None:
        snapshot = self._source.snapshot()
        self._traffic.sample(snapshot.counters, now)
        flow_in, flow_out = self._traffic.flows()
        self._scene = Scene(
            self._facts,
            snapshot,
            now - self._started_at,
            flow_in,
            flow_out,
            self._tail.lines(),
            self._source.others(),
            self._view,
            self._source.mappings(),
            self._source.lan(),
        )

    # --- events, keys and signals -----------------------------------------------------------------

    async def _listen(self, events: AsyncIterator[object]) -> None:
        async for event in events:
            if self._tail.add(event, time.strftime("%H:%M:%S"), trio.current_time()):
                self._has_news = True

    async def _read_keys(self) -> None:
        while True:
            for key in keys_in(await self._screen.typed()):
                self._press(key)
            self._at_once.set()

    def _press(self, key: str) -> None:
        if key == "q":
            self._ended.set()
        elif key == "\x0c":
            self._screen.redraw()
        else:
            rows = sum(len(dht.buckets) + 1 for dht in self._scene.snapshot.dhts)
            self._view = pressed(self._view, key, rows)

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


def pressed(view: View, key: str, rows: int) -> View:
    """The view after a key; ``rows`` is the limit of scrolling."""
    moves = {
        "k": 1,
        "up": 1,
        "j": -1,
        "down": -1,
        "page up": PAGE,
        "page down": -PAGE,
        "g": rows,
        "home": rows,
        "G": -rows,
        "end": -rows,
    }
    if key == "p":
        return replace(view, paused=not view.paused)
    if key == "?":
        return replace(view, help=not view.help)
    return replace(view, scroll=max(0, min(rows, view.scroll + moves.get(key, 0))))
