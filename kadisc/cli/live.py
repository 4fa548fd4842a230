"""Connects the dashboard to a live node: its snapshots and events."""

from __future__ import annotations

import os
import sys
from collections.abc import Hashable, Sequence
from dataclasses import replace

import trio

from ..core.snapshot import Snapshot
from ..dashboard.glyphs import glyphs_for
from ..dashboard.live import Dashboard
from ..dashboard.paint import painter_for
from ..dashboard.scene import Facts, Others
from ..dashboard.screen import Screen, open_terminal
from ..dashboard.tail import SHOWN
from ..endpoints import format_endpoint
from ..net.api.node import Node
from ..net.transport.dispatch import Subscription
from ..net.transport.nurseries import open_flat_nursery
from ..observe.lan import LanSnapshot
from ..observe.mappings import MappingSnapshot
from ..version import __version__
from .output import wants_color


class LiveSource:
    """The snapshots of the first node, which is the user's, and the state of the others."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._node, *self._others = nodes
        self._joined = 0

    def snapshot(self) -> Snapshot:
        snapshot = replace(self._node.snapshot(), counters=self._node.counters())
        # A node that does not test whether it is reached has nothing to say of it.
        tests = self._node.config.core.tests_reachability
        return snapshot if tests else replace(snapshot, reach=())

    def mappings(self) -> tuple[MappingSnapshot, ...]:
        return self._node.mappings()

    def lan(self) -> LanSnapshot:
        return self._node.lan()

    def pulse(self) -> Hashable:
        counters = self._node.counters()
        return counters["received"], counters["sent"], self._joined

    def others(self) -> Others | None:
        return Others(len(self._others), self._joined) if self._others else None

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
    """Shows the first node until the user presses ``q``. If the terminal closes, the nodes run on
    without a dashboard.
    """
    if not await _shown_until_quit(nodes, screen, is_devnet=is_devnet):
        await trio.sleep_forever()


async def _shown_until_quit(nodes: Sequence[Node], screen: Screen, *, is_devnet: bool) -> bool:
    node = nodes[0]
    facts = Facts(
        __version__,
        node.config.network,
        {family: format_endpoint(endpoint) for family, endpoint in node.local_endpoints.items()},
        (node.config.state_dir or "") if is_devnet else "",
    )
    source = LiveSource(nodes)
    subscription: Subscription[object] = node.subscribe(*SHOWN)
    with screen:
        async with subscription as events, open_flat_nursery() as nursery:
            source.start(nursery)
            quit_pressed = await Dashboard(source, facts, screen).run(events)
            nursery.cancel_scope.cancel()
    return quit_pressed
