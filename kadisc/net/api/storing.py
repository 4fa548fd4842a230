"""One announce or put while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ...core.contract.events import (
    AnnounceFinished,
    Finished,
    OperationId,
    PutFinished,
)
from ..transport.dispatch import Waiter
from ..transport.pump import Pump


class Storing:
    """An announce or a put in one family; see `kadisc.net.api.node.Node.operations`."""

    def __init__(self, waiter: Waiter) -> None:
        self._waiter = waiter

    @property
    def operations(self) -> tuple[OperationId, ...]:
        """Its number, as events and snapshots have it."""
        return (self._waiter.operation,)

    @property
    def queries(self) -> int:
        """Datagrams sent; 0 while it runs, when `Node.operations` tells it."""
        finished = self._waiter.finished
        return finished.queries if isinstance(finished, (AnnounceFinished, PutFinished)) else 0


Follow: TypeAlias = Callable[[Storing], None]
"""Is told of an operation as soon as it has begun."""


async def finish_storing(
    pump: Pump, start: Callable[[float], OperationId], follow: Follow | None
) -> Finished:
    """Runs an announce or a put to its end. Raises Closed if the node is closed before."""

    def begun(waiter: Waiter) -> None:
        if follow is not None:
            follow(Storing(waiter))

    return await pump.finish(start, begun)
