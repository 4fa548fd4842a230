"""Nodes on a network in memory that keep their state in a folder."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kadisc.config import Config
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork

from ..lab import CONFIG, address


def config_in(folder: Path, **changes: Any) -> Config:
    return replace(CONFIG, state_dir=str(folder), **changes)


@asynccontextmanager
async def open_with_state(
    net: MemoryNetwork,
    folder: Path,
    number: int = 30,
    *,
    bootstrap: bool = True,
    is_optional: bool = False,
    **changes: Any,
) -> AsyncIterator[Node]:
    hosts = [address(1)] if bootstrap else []
    rng = random.Random(number)
    async with open_node(
        config_in(folder, **changes),
        bootstrap=hosts,
        ports=[net.port(address(number))],
        clock=TrioClock(),
        rng=rng,
        state_is_optional=is_optional,
    ) as node:
        yield node
