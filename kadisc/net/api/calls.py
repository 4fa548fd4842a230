"""What a program's calls have in common: an address family that the node serves, an operation of
the core, and its end.
"""

from __future__ import annotations

from collections.abc import Callable

from ...core.contract.events import Finished, OperationId, Outcome
from ...endpoints import Family
from ...errors import Closed, UsageError
from ..transport.pump import Pump


class Calls:
    def __init__(self, pump: Pump) -> None:
        self._pump = pump

    @property
    def families(self) -> list[Family]:
        return list(self._pump.core.own_ids)

    def served(self, family: Family) -> Family:
        if family not in self._pump.core.own_ids:
            raise UsageError(f"this node has no {family.value} socket; give one with bind")
        return family

    def chosen(self, family: Family | None) -> Family:
        """The one asked for, or the first of the node's."""
        return self.served(family) if family is not None else self.families[0]

    async def finish(self, start: Callable[[float], OperationId]) -> Finished:
        """The end of an operation. Raises Closed if the node is closed before."""
        with self._pump.operation(start) as waiter:
            finished = await waiter.wait()
        if finished.outcome in (Outcome.CLOSED, Outcome.CANCELLED):
            raise Closed("the node was closed before the operation could end")
        return finished
