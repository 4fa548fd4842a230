"""Nodes of one application network, on a network in memory."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from kadisc.config import Config
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork

from .lab import CONFIG, address


def member_config(number: int, name: str = "testnet") -> Config:
    """Every third has another service."""
    services: dict[str, int | bytes] = {"eth": 30_000 + number}
    if number % 3 == 0:
        services = {"les": 40_000 + number}
    return replace(CONFIG, network=name, service=services)


@asynccontextmanager
async def open_members(
    net: MemoryNetwork,
    numbers: Sequence[int],
    *,
    place: Callable[[int], str] = address,
    name: str = "testnet",
) -> AsyncIterator[list[Node]]:
    """All join by node 1, which must be open."""
    async with AsyncExitStack() as stack:
        nodes = []
        for number in numbers:
            opened = open_node(
                member_config(number, name),
                bootstrap=[address(1)] if number > 1 else [],
                ports=[net.port(place(number))],
                clock=TrioClock(),
                rng=random.Random(number),
            )
            nodes.append(await stack.enter_async_context(opened))
        yield nodes
