"""Connects the dashboard to a running node, by its control socket."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import msgspec
import trio

from ..control.client import open_client
from ..control.methods.snapshots import PARTS, NodeSnapshot, Part
from ..control.methods.subscribe import SUBSCRIBE, SubscribeParams
from ..control.methods.watch import MAX_INTERVAL_S, WATCH, SnapshotNews, WatchParams
from ..control.methods.why import WHY, WhyParams
from ..dashboard.frame import draw
from ..dashboard.glyphs import ASCII, UNICODE, glyphs_for
from ..dashboard.live import Dashboard
from ..dashboard.log_rows import LogRows
from ..dashboard.paint import painter_for
from ..dashboard.scene import Others, Scene, ViewState
from ..dashboard.screen import Screen
from ..dashboard.tail import SHOWN, Tail
from ..dashboard.traffic import CounterRates, flows_at
from ..dashboard.views import view_named
from ..errors import Closed, KadiscError, UsageError
from ..net.transport.nurseries import open_flat_nursery
from .output import print_json, wants_color
from .why import why_lines

AGAIN_S: Final = 0.5
"""The pause before the next look for a node that is gone."""
SILENCE_S: Final = 10.0
"""A node that sends no snapshot for so long, beside the interval, is lost."""
WHY_S: Final = 5.0
RATES_S: Final = 1.0
"""The time between the two snapshots that a printed frame is made of."""
PAST: Final = 500
"""Events of the time before that are shown, as many as a node keeps."""
EVENTS_KEPT: Final = 1000
"""Events that wait for the next frame; more are left out."""


class SocketSource:
    """The snapshots of the node whose control socket is at ``path``. `run` is its task, which
    attaches again whenever the node is gone.
    """

    def __init__(self, path: Path, first: NodeSnapshot, interval_s: float) -> None:
        self._path = path
        self._last = first
        self._number = 0
        self._lost = ""
        self._interval_s = interval_s
        self._parts: Collection[Part] = ()
        self._again = trio.CancelScope()
        self._told_until = ""
        """The time of the latest event."""
        self._told_before = ""
        """The same when the node was attached to last."""
        self._send, self.events = trio.open_memory_channel[Mapping[str, object]](EVENTS_KEPT)

    def snapshot(self) -> NodeSnapshot:
        return self._last

    def pulse(self) -> Hashable:
        return self._number, self._lost

    def lost(self) -> str:
        return self._lost

    def others(self) -> Others | None:
        return None

    def want(self, interval_s: float, parts: Collection[Part]) -> None:
        if (interval_s, parts) != (self._interval_s, self._parts):
            self._interval_s, self._parts = interval_s, parts
            self._again.cancel()

    async def why(self, peer: str) -> tuple[str, ...]:
        try:
            async with open_client(self._path) as client:
                return tuple(why_lines(await client.call(WHY, WhyParams(peer), silence_s=WHY_S)))
        except KadiscError as error:
            return (str(error),)

    async def run(self) -> None:
        """Takes snapshots and events until it is cancelled."""
        async with open_flat_nursery() as nursery:
            nursery.start_soon(self._take_snapshots)
            nursery.start_soon(self._take_events)

    async def _take_snapshots(self) -> None:
        while True:
            with trio.CancelScope() as self._again:
                try:
                    await watch(self._path, self._interval_s, self._parts, self._take)
                except KadiscError as error:
                    self._lost = str(error)
            if not self._again.cancelled_caught:
                await trio.sleep(AGAIN_S)

    async def _take_events(self) -> None:
        while True:
            with suppress(KadiscError):
                async with open_client(self._path) as client:
                    self._told_before = self._told_until
                    params = SubscribeParams(list(SHOWN), past=PAST)
                    await client.call(SUBSCRIBE, params, tell=self._take_event, silence_s=math.inf)
            await trio.sleep(AGAIN_S)

    def _take_event(self, event: Mapping[str, object]) -> None:
        # Attached again, the node tells of the past again; the times of one node sort as texts.
        at = str(event.get("time"))
        if at <= self._told_before:
            return
        self._told_until = max(at, self._told_until)
        with suppress(trio.WouldBlock):
            self._send.send_nowait(event)

    def _take(self, snapshot: NodeSnapshot) -> None:
        for name in snapshot.__struct_fields__:
            # What is not asked for any more stays as it was: the user may come back to that view.
            if getattr(snapshot, name) is None:
                setattr(snapshot, name, getattr(self._last, name))
        self._last = snapshot
        self._number += 1
        self._lost = ""


async def watch(
    path: Path,
    interval_s: float,
    parts: Collection[Part],
    take: Callable[[NodeSnapshot], None],
) -> NoReturn:
    """Passes snapshots with these parts to ``take`` until it is cancelled. Raises KadiscError when
    the node ends, and if there is none.
    """

    def tell(value: Mapping[str, object]) -> None:
        try:
            take(msgspec.convert(value, SnapshotNews).snapshot)
        except msgspec.ValidationError as error:
            raise KadiscError(
                f"{path}: not the protocol of this version of kadisc: {error}"
            ) from None

    async with open_client(path) as client:
        params = WatchParams(interval_s, detail=True, parts=list(parts))
        try:
            await client.call(WATCH, params, tell=tell, silence_s=interval_s + SILENCE_S)
        except UsageError as error:
            raise KadiscError(
                f"the node at {path} is of another version of kadisc; start it anew ({error})"
            ) from None
    raise Closed(f"the node at {path} ended")


async def first_snapshot(path: Path, parts: Collection[Part] = PARTS) -> NodeSnapshot:
    """Raises KadiscError if there is no node."""
    found: list[NodeSnapshot] = []
    with trio.CancelScope() as scope:

        def take(snapshot: NodeSnapshot) -> None:
            found.append(snapshot)
            scope.cancel()

        await watch(path, MAX_INTERVAL_S, parts, take)
    return found[0]


async def show_watched(path: Path, screen: Screen, view: str, interval_s: float) -> None:
    """Shows the node until the user detaches, or the terminal closes. Raises KadiscError if there
    is no node at first.
    """
    source = SocketSource(path, await first_snapshot(path), interval_s)
    state = ViewState(view=view, interval_s=interval_s)
    with screen:
        async with open_flat_nursery() as nursery:
            nursery.start_soon(source.run)
            dashboard = Dashboard(source, screen, ends_node=False, state=state)
            await dashboard.run(source.events)
            nursery.cancel_scope.cancel()


async def print_frame(path: Path, view: str, width: int, height: int) -> None:
    """Prints one frame of the view, as plain text where stdout is not a terminal in colour."""
    scene = await _printed_scene(path, view)
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    glyphs = UNICODE if encoding == "utf8" and glyphs_for(os.environ) is UNICODE else ASCII
    painter = painter_for(sys.stdout, colored=wants_color(sys.stdout))
    for line in draw(scene, width, height, glyphs):
        print(painter.paint(line).rstrip() or "")
    sys.stdout.flush()


async def _printed_scene(path: Path, view: str) -> Scene:
    """With the events so far, and with rates: of two snapshots, a second after each other."""
    found: list[tuple[float, NodeSnapshot]] = []
    with trio.CancelScope() as scope:

        def take(snapshot: NodeSnapshot) -> None:
            found.append((trio.current_time(), snapshot))
            if len(found) == 2:
                scope.cancel()

        await watch(path, RATES_S, view_named(view).parts, take)
    (at, first), (later, last) = found
    rates = CounterRates(first.status.counters, at)
    rates.sample(last.status.counters, max(later, at + RATES_S))
    tail, log = Tail(), LogRows()
    for event in await _past_events(path):
        tail.add(event, trio.current_time())
        log.add(event)
    return Scene(
        last,
        *flows_at(rates.rates()),
        tail=tail.lines(),
        log=log.rows(),
        rates=rates.rates(),
        state=ViewState(view=view),
    )


async def _past_events(path: Path) -> list[Mapping[str, object]]:
    found: list[Mapping[str, object]] = []
    async with open_client(path) as client:
        params = SubscribeParams(list(SHOWN), past=PAST, follow=False)
        await client.call(SUBSCRIBE, params, tell=found.append, silence_s=SILENCE_S)
    return found


async def print_snapshots(path: Path, interval_s: float, *, once: bool) -> None:
    """Prints snapshots as JSON, a line each, until it is cancelled. Raises KadiscError when the
    node ends, and if there is none.
    """
    if once:
        print_json(await first_snapshot(path))
    else:
        await watch(path, interval_s, PARTS, print_json)
