"""The live view: takes snapshots and events, draws when something has changed, does what keys say.

It looks four times a second whether anything happened and draws then, otherwise once a second,
because ages grow. A key or a change of the terminal's size is answered at once.
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
from .frame import draw
from .keys import keys_in
from .scene import Facts, Others, Scene, View
from .screen import Screen
from .tail import Tail
from .traffic import Traffic

LOOK_EVERY_S = 0.25
DRAW_EVERY_S = 1.0
PAGE = 8


class Source(Protocol):
    """Where the picture comes from: a live node, or anything else that has snapshots."""

    def snapshot(self) -> Snapshot: ...

    def pulse(self) -> Hashable:
        """Cheap; not equal to what it was when something has happened that the snapshot shows."""
        ...

    def others(self) -> Others | None: ...


class Dashboard:
    def __init__(self, source: Source, facts: Facts, screen: Screen) -> None:
        self._source = source
        self._facts = facts
        self._screen = screen
        self._tail = Tail()
        self._view = View()
        self._started_at = trio.current_time()
        snapshot = source.snapshot()
        self._traffic = Traffic(snapshot.counters, self._started_at)
        self._scene = Scene(facts, snapshot, 0.0)
        self._pulse: Hashable = None
        self._drawn_at = float("-inf")
        self._happened = False
        self._at_once = trio.Event()
        self._left = trio.Event()
        self._gone = False

    async def run(self, events: AsyncIterator[object]) -> bool:
        """Until it is left with ``q``, or False if the terminal went away."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._until_gone, self._screen.write)
            nursery.start_soon(self._until_gone, self._read_keys)
            nursery.start_soon(self._listen, events)
            nursery.start_soon(self._heed_signals)
            nursery.start_soon(self._draw)
            await self._left.wait()
            nursery.cancel_scope.cancel()
        return not self._gone

    async def _until_gone(self, use_terminal: Callable[[], Awaitable[None]]) -> None:
        try:
            await use_terminal()
        except OSError:
            self._gone = True
            self._left.set()

    # --- drawing ----------------------------------------------------------------------------------

    async def _draw(self) -> None:
        while True:
            if self._screen.is_behind:
                await trio.sleep(
                    LOOK_EVERY_S
                )  # a frame that the terminal cannot take is not worth a snapshot
                continue
            self._draw_if_due(trio.current_time())
            with trio.move_on_after(LOOK_EVERY_S):
                await self._at_once.wait()

    def _draw_if_due(self, now: float) -> None:
        asked = self._at_once.is_set()
        if asked:
            self._at_once = trio.Event()
        if not self._view.paused:
            pulse = self._source.pulse()
            if self._happened or pulse != self._pulse or now >= self._drawn_at + DRAW_EVERY_S:
                self._look(now)
                self._pulse, self._happened, asked = pulse, False, True
        if asked:
            self._drawn_at = now
            width, height = self._screen.size
            self._screen.show(
                draw(replace(self._scene, view=self._view), width, height, self._screen.glyphs)
            )

    def _look(self, now: float) -> None:
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
        )

    # --- what happens -----------------------------------------------------------------------------

    async def _listen(self, events: AsyncIterator[object]) -> None:
        async for event in events:
            if self._tail.add(event, time.strftime("%H:%M:%S"), trio.current_time()):
                self._happened = True

    async def _read_keys(self) -> None:
        while True:
            for key in keys_in(await self._screen.typed()):
                self._press(key)
            self._at_once.set()

    def _press(self, key: str) -> None:
        if key == "q":
            self._left.set()
        elif key == "\x0c":
            self._screen.start_anew()
        else:
            rows = sum(len(dht.buckets) + 1 for dht in self._scene.snapshot.dhts)
            self._view = pressed(self._view, key, rows)

    async def _heed_signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT) as signals:
            async for number in signals:
                if number == signal.SIGTSTP:
                    self._stop()
                self._screen.start_anew()
                self._at_once.set()

    def _stop(self) -> None:
        """Ctrl-Z: the terminal is the shell's until we are told to go on."""
        self._screen.leave()
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # here it stops
        signal.signal(signal.SIGTSTP, ours)
        self._screen.enter_again()


def pressed(view: View, key: str, rows: int) -> View:
    """What a key makes of the view; ``rows`` bounds how far it scrolls."""
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
    changes: dict[str, Callable[[], View]] = {
        "p": lambda: replace(view, paused=not view.paused),
        "?": lambda: replace(view, help=not view.help),
    }
    if key in changes:
        return changes[key]()
    return replace(view, scroll=max(0, min(rows, view.scroll + moves.get(key, 0))))
