"""The register of running operations, bounded in number; each ends in one terminal event."""

from __future__ import annotations

from itertools import count
from typing import Protocol

from ...contacts import Contact
from ...endpoints import Endpoint
from ...errors import Busy, Closed
from ...text import one_line
from ...wire.messages import Error, Reply
from ..contract.events import Finished, OperationId, Outcome, PingFinished
from ..contract.queries import NO_COMMANDS, Commands, PendingQuery, QueryFailure, SendQuery


class Operation(Protocol):
    @property
    def owners(self) -> tuple[object, ...]:
        """The owners of the queries that are sent for it."""
        ...

    def end(self, outcome: Outcome, now: float) -> Commands:
        """Ends the operation early. The commands hold its terminal event, or are empty if it had
        ended before.
        """
        ...


class Operations:
    """Operations that the node starts itself do not count against the bound of those that callers
    may start.
    """

    __slots__ = ("_closed", "_ids", "_max", "_max_paths", "_own", "_paths", "_running")

    def __init__(self, max_operations: int, max_paths: int) -> None:
        self._max = max_operations
        self._max_paths = max_paths
        self._paths: dict[OperationId, int] = {}
        """Of lookups along several paths: how many beyond the first."""
        self._running: dict[OperationId, Operation] = {}
        self._own: set[OperationId] = set()
        self._ids = count(1)
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, operation: OperationId) -> bool:
        return operation in self._running

    def new_id(self, *, own: bool = False, paths: int = 1) -> OperationId:
        """Raises Closed or Busy; ``own`` operations, of the node itself, are bounded by the
        components that start them. A lookup along several ``paths`` costs as much as several.
        """
        if self._closed:
            raise Closed("the node is closed")
        of_callers = len(self._running) - len(self._own)
        if not own and of_callers >= self._max:
            raise Busy(f"{self._max} operations are in flight already: wait for some to end")
        if not own and of_callers + sum(self._paths.values()) + paths > self._max_paths:
            raise Busy(
                f"a lookup of {paths} paths is too much now: all lookups together have at most"
                f" {self._max_paths}; wait for some to end"
            )
        operation = OperationId(next(self._ids))
        if paths > 1:
            self._paths[operation] = paths - 1
        if own:
            self._own.add(operation)
        return operation

    def started(self, operation: OperationId, what: Operation) -> None:
        self._running[operation] = what

    def get(self, operation: OperationId) -> Operation | None:
        return self._running.get(operation)

    def finished(self, event: Finished) -> Operation | None:
        self._own.discard(event.operation)
        self._paths.pop(event.operation, None)
        return self._running.pop(event.operation, None)

    def items(self) -> list[tuple[OperationId, Operation]]:
        return list(self._running.items())

    def close(self) -> None:
        self._closed = True


class PingOperation:
    """One ping: the owner of its query."""

    def __init__(self, operation: OperationId, endpoint: Endpoint) -> None:
        self._operation = operation
        self._endpoint = endpoint
        self._ended = False

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        contact = Contact(reply.sender, pending.endpoint)
        return self._once(
            PingFinished(
                self._operation,
                Outcome.DONE,
                self._endpoint,
                contact,
                pending.rtt_s(now),
                reply.version,
                reply.seen_as,
            )
        )

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    @property
    def owners(self) -> tuple[object, ...]:
        return (self,)

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        if not isinstance(reason, Error):
            return self.end(Outcome.NO_ANSWER, now)
        return self._once(
            PingFinished(
                self._operation,
                Outcome.ERROR_ANSWER,
                self._endpoint,
                code=reason.code,
                text=one_line(reason.text),
            )
        )

    def end(self, outcome: Outcome, now: float) -> Commands:
        return self._once(PingFinished(self._operation, outcome, self._endpoint))

    def _once(self, event: PingFinished) -> Commands:
        if self._ended:
            return NO_COMMANDS
        self._ended = True
        return [event]
