"""Nodes on a network in memory, and a way to cancel a call at each of its moments."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import trio

from kadisc.config import Config, CoreConfig
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork

CONFIG = Config(core=CoreConfig(unlimited=True))
READ_ONLY = replace(CONFIG, core=replace(CONFIG.core, read_only=True))


def network(latency_s: float = 0.01, **faults: float) -> MemoryNetwork:
    return MemoryNetwork(random.Random(1), latency_s=latency_s, **faults)


def address(number: int) -> str:
    """Each in a /16 of its own."""
    return f"{11 + number}.{number}.7.9:6881"


@asynccontextmanager
async def open_at(
    net: MemoryNetwork,
    number: int,
    *,
    bootstrap: Sequence[str] = (),
    config: Config = CONFIG,
    clock: TrioClock | None = None,
) -> AsyncIterator[Node]:
    port = net.port(address(number))
    async with open_node(
        config,
        bootstrap=bootstrap,
        ports=[port],
        clock=clock or TrioClock(),
        rng=random.Random(number),
    ) as node:
        yield node


@asynccontextmanager
async def open_several(
    net: MemoryNetwork, count: int, *, config: Config = CONFIG
) -> AsyncIterator[list[Node]]:
    """Nodes 1 to ``count``; all join by node 1."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(open_at(net, 1, config=config))]
        for number in range(2, count + 1):
            nodes.append(
                await stack.enter_async_context(
                    open_at(net, number, bootstrap=[address(1)], config=config)
                )
            )
        for node in nodes:
            await joined(node)
        yield nodes


async def joined(node: Node) -> None:
    """With an end: in virtual time, to wait for ever is to loop for ever."""
    with trio.fail_after(300):
        await node.joined()


class _CancelAtStep(trio.abc.Instrument):
    """Cancels a scope just before the n-th step that any task takes."""

    def __init__(self, scope: trio.CancelScope, step: int) -> None:
        self._scope = scope
        self._left = step

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._left -= 1
        if self._left == 0:
            self._scope.cancel()


async def cancel_everywhere(
    call: Callable[[], Awaitable[object]],
    check: Callable[[], None],
    *,
    most: int = 2000,
    stride: int = 1,
) -> int:
    """Runs ``call`` again and again, cancelled one moment later each time, until it completes;
    after each ``check`` is called without a checkpoint in between. A moment is any step of any
    task, so that the caller is cancelled before, between and after all that the node does for it.
    With a ``stride``, one moment of so many. Returns how many there were.
    """
    for step in range(1, most, stride):
        with trio.CancelScope() as scope:
            instrument = _CancelAtStep(scope, step)
            trio.lowlevel.add_instrument(instrument)
            completed = False
            try:
                await call()
                completed = True
            finally:
                trio.lowlevel.remove_instrument(instrument)
        check()
        if completed and not scope.cancel_called:
            return step
    raise AssertionError(f"still not complete after {most} moments")
