"""Connects the dashboard to the node of this process: its snapshots and events."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Collection, Hashable, Mapping, Sequence

import trio

from ..control.methods.snapshots import PARTS, NodeSnapshot, Part, node_snapshot
from ..control.methods.why import why_document
from ..dashboard.glyphs import glyphs_for
from ..dashboard.live import CHECK_EVERY_S, Dashboard
from ..dashboard.paint import painter_for
from ..dashboard.scene import Others, ViewState
from ..dashboard.screen import Screen, open_terminal
from ..dashboard.tail import SHOWN
from ..errors import KadiscError
from ..net.api.node import Node
from ..net.transport.dispatch import Subscription
from ..net.transport.nurseries import open_flat_nursery
from ..observe.event_document import event_document
from ..observe.event_log import KEPT as PAST
from ..observe.event_names import types_of
from .output import wants_color
from .why import why_lines


class LiveSource:
    """The snapshots of the first node, which is the user's, and the state of the others."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._node, *self._others = nodes
        self._joined = 0
        self._parts: Collection[Part] = PARTS

    def snapshot(self) -> NodeSnapshot:
        return node_snapshot(self._node, self._parts)

    def pulse(self) -> Hashable:
        counters = self._node.counters()
        return counters["received"], counters["sent"], self._joined

    def lost(self) -> str:
        return ""

    def others(self) -> Others | None:
        return Others(len(self._others), self._joined) if self._others else None

    def want(self, interval_s: float, parts: Collection[Part]) -> None:
        """Snapshots are taken when they are asked for, at any interval."""
        self._parts = parts

    async def why(self, peer: str) -> tuple[str, ...]:
        await trio.lowlevel.checkpoint()
        try:
            return tuple(why_lines(why_document(self._node, peer)))
        except KadiscError as error:
            return (str(error),)

    def start(self, nursery: trio.Nursery) -> None:
        for node in self._others:
            nursery.start_soon(self._wait, node)

    async def _wait(self, node: Node) -> None:
        await node.joined()
        self._joined += 1


def open_screen() -> Screen | None:
    """None if stdout is not a terminal that can be drawn on."""
    fd = open_terminal()
    if fd is None:
        return None
    painter = painter_for(sys.stdout, colored=wants_color(sys.stdout))
    return Screen(fd, painter, glyphs_for(os.environ))


async def show_live(nodes: Sequence[Node], screen: Screen, *, is_devnet: bool) -> None:
    """Shows the first node until the user stops it. If the terminal closes, the nodes run on
    without a dashboard.
    """
    if not await _shown_until_quit(nodes, screen, is_devnet=is_devnet):
        await trio.sleep_forever()


async def _shown_until_quit(nodes: Sequence[Node], screen: Screen, *, is_devnet: bool) -> bool:
    node = nodes[0]
    folder = (node.config.state_dir or "") if is_devnet else ""
    source = LiveSource(nodes)
    subscription: Subscription[object] = node.subscribe(*types_of(SHOWN))
    with screen:
        async with subscription as events, open_flat_nursery() as nursery:
            source.start(nursery)
            state = ViewState(interval_s=CHECK_EVERY_S)
            dashboard = Dashboard(source, screen, ends_node=True, folder=folder, state=state)
            past = node.event_log.documents(PAST, types_of(SHOWN))
            is_quit = await dashboard.run(documents_of(past, events))
            nursery.cancel_scope.cancel()
    return is_quit


async def documents_of(
    past: Sequence[Mapping[str, object]], events: AsyncIterator[object]
) -> AsyncIterator[Mapping[str, object]]:
    """The events as `subscribe` tells them."""
    for document in past:
        yield document
    async for event in events:
        yield event_document(event)  # type: ignore[arg-type]
