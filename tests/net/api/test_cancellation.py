"""A call that is cancelled at any moment leaves nothing behind: no operation, no transaction, no
waiter, no subscription.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from kadisc.core.contract.events import PingFinished
from kadisc.endpoints import parse_endpoint
from kadisc.errors import NoAnswer
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.state import keeper as state
from kadisc.net.state.state_file import read_state
from kadisc.net.state.state_folder import StateFolder
from kadisc.net.transport.clock import TrioClock

from ..lab import (
    CONFIG,
    READ_ONLY,
    address,
    cancel_everywhere,
    joined,
    network,
    open_at,
    open_several,
)

TARGET = 1 << 159


async def _ping(node: Node) -> None:
    await node.ping(address(1))


async def _ping_details(node: Node) -> None:
    await node.ping_details(address(1))


async def _find_node(node: Node) -> None:
    await node.find_node(TARGET, seeds=[address(1)])


async def _find_node_by_paths(node: Node) -> None:
    await node.find_node(TARGET, paths=3, seeds=[address(1)])


async def _get_peers(node: Node) -> None:
    await node.get_peers(TARGET, seeds=[address(1)])


async def _lookup(node: Node) -> None:
    async with node.lookup(TARGET, seeds=[address(1)]) as answers:
        async for _ in answers:
            pass


async def _find_peers(node: Node) -> None:
    async with node.find_peers(TARGET, seeds=[address(1)]) as peers:
        async for _ in peers:
            pass


async def _announce(node: Node) -> None:
    await node.announce(TARGET, 4444, seeds=[address(1)])


CALLS = [
    _ping,
    _ping_details,
    _find_node,
    _find_node_by_paths,
    _get_peers,
    _lookup,
    _find_peers,
    _announce,
]


def _nothing_left(node: Node) -> None:
    assert node.snapshot().operations == ()
    assert node.pump.core.operations_in_flight == 0
    assert node.pump.dispatch.waiting == 0


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_is_answered(
    call: Callable[[Node], Awaitable[None]], autojump_clock: MockClock
) -> None:
    net = network()
    async with open_several(net, 6), open_at(net, 9, config=READ_ONLY) as node:
        assert await cancel_everywhere(lambda: call(node), lambda: _nothing_left(node)) > 3


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_no_node_answers(
    call: Callable[[Node], Awaitable[None]], autojump_clock: MockClock
) -> None:
    net = network()
    net.port(address(1))

    async def failing(node: Node) -> None:
        with suppress(NoAnswer):
            await call(node)

    async with open_at(net, 9, config=READ_ONLY) as node:

        def check() -> None:
            _nothing_left(node)
            # There is no other node, so a query in flight is one that the call has left behind.
            assert node.snapshot().queries_in_flight == 0

        assert await cancel_everywhere(lambda: failing(node), check) > 3


async def test_waiting_to_have_joined(autojump_clock: MockClock) -> None:
    net = network()
    async with open_at(net, 1), open_at(net, 2, bootstrap=[address(1)]) as node:
        await cancel_everywhere(node.joined, lambda: None)
        assert node.pump.dispatch.waiting == 0


async def test_a_subscription(autojump_clock: MockClock) -> None:
    net = network()
    async with open_at(net, 1), open_at(net, 2) as node:
        await wait_all_tasks_blocked()
        subscribed = node.pump.dispatch.subscribed

        async def watch() -> None:
            async with node.subscribe(PingFinished) as events:
                await node.ping(address(1))
                async for _ in events:
                    return

        def check() -> None:
            assert node.pump.dispatch.subscribed == subscribed

        await cancel_everywhere(watch, check)


async def test_leaving_a_lookup_early_ends_it(autojump_clock: MockClock) -> None:
    net = network()
    async with open_several(net, 6), open_at(net, 9, config=READ_ONLY) as node:
        async with node.lookup(TARGET, seeds=[parse_endpoint(address(1))]) as answers:
            async for _ in answers:
                break
        _nothing_left(node)
        assert answers.result.answered >= 1


async def test_announcing_for_a_while(autojump_clock: MockClock) -> None:
    net = network()
    config = replace(CONFIG, announce_interval_s=1.0)
    async with open_several(net, 4), open_at(net, 9, bootstrap=[address(1)], config=config) as node:
        await joined(node)

        async def announce_twice() -> None:
            async with node.announce_peer(TARGET, 4444) as announcement:
                await announcement.first()
                await trio.sleep(1.2)
                assert announcement.announces >= 2

        assert (
            await cancel_everywhere(announce_twice, lambda: _no_operation_left(node), stride=3) > 3
        )


def _no_operation_left(node: Node) -> None:
    """No lookup of the announce; the node's own lookups go on."""
    assert not [
        operation for operation in node.snapshot().operations if operation.what == "get_peers"
    ]


async def test_finding_peers_in_both_families(autojump_clock: MockClock) -> None:
    net = network()
    ports = [net.port(address(90)), net.port("[2001:db8:90::1]:5")]
    async with (
        open_several(net, 6),
        open_node(READ_ONLY, ports=ports, clock=TrioClock(), rng=random.Random(90)) as node,
    ):
        assert await cancel_everywhere(lambda: _find_peers(node), lambda: _nothing_left(node)) > 3


async def test_opening_a_node_that_keeps_its_state(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that is cancelled at any moment unlocks its folder and leaves a whole file or none."""

    async def call_here(call: Callable[[], Any], **_: bool) -> Any:
        await trio.lowlevel.checkpoint()
        return call()

    monkeypatch.setattr(state, "in_thread", call_here)
    net = network()
    config = replace(CONFIG, state_dir=str(tmp_path))

    async def live() -> None:
        port = net.port(address(9))
        async with open_node(
            config, bootstrap=[address(1)], ports=[port], clock=TrioClock(), rng=random.Random(9)
        ) as node:
            await node.joined()
            await trio.sleep(40)

    def check() -> None:
        read_state(tmp_path / "state.sqlite3")
        folder = StateFolder(tmp_path)
        folder.open()
        folder.close()

    async with open_several(net, 4):
        assert await cancel_everywhere(live, check, stride=7) > 3
