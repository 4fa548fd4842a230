"""The pace of maintenance towards one endpoint: checks of contacts and gossip exchanges.

Attack: a contact answers each query in such a way that another one follows, as with another ID each
time, so that this node queries it as fast as it answers: one contact took a core, and all queries
to new addresses that the pacer allows. Defence: whatever the reason of a maintenance query, and
whatever part sends it, `SPACING_S` lie between two of them to one endpoint. A query that comes too
soon waits. The later queries of one gossip exchange belong to its first one; lookups, and what a
caller asks for, are not counted.
"""

from __future__ import annotations

import heapq
from itertools import count
from math import inf
from typing import Final, Protocol

from ...endpoints import Endpoint
from ..contract.queries import SendQuery

SPACING_S: Final = 10.0
"""Seconds from one query to the next one that is no part of the same exchange."""
MAX_ENDPOINTS: Final = 4096
"""How many endpoints are remembered; a node asks some hundred in `SPACING_S`."""


class SpacingRule(Protocol):
    deadline: float
    """When the first of the queries that wait is freed; inf while none waits."""

    def __len__(self) -> int: ...

    def must_wait(self, command: SendQuery, now: float) -> bool: ...

    def sent(self, command: SendQuery, now: float) -> None: ...

    def freed(self, now: float) -> list[SendQuery]: ...

    def drop(self, owner: object) -> None: ...

    def clear(self) -> None: ...


class EndpointSpacing:
    """Is told of spaced queries alone (`SendQuery.spaced`)."""

    __slots__ = ("_free_at", "_order", "_spacing_s", "_waiting", "deadline")

    def __init__(self, timeout_s: float) -> None:
        """``timeout_s``: of a query. The spacing is not shorter, so that at most one query to an
        endpoint is under way.
        """
        self._spacing_s = max(SPACING_S, timeout_s)
        # When each endpoint may be queried again; in the order of these times.
        self._free_at: dict[Endpoint, float] = {}
        self._waiting: list[tuple[float, int, SendQuery]] = []
        self._order = count()
        self.deadline = inf

    def __len__(self) -> int:
        """Queries that wait."""
        return len(self._waiting)

    def must_wait(self, command: SendQuery, now: float) -> bool:
        """Whether the query was put off, because its endpoint was queried too lately."""
        free_at = self._free_at.get(command.endpoint, now)
        if free_at <= now:
            return False
        heapq.heappush(self._waiting, (free_at, next(self._order), command))
        self._set_deadline()
        return True

    def sent(self, command: SendQuery, now: float) -> None:
        free_at = self._free_at
        while free_at:
            oldest = next(iter(free_at))
            if free_at[oldest] > now and len(free_at) < MAX_ENDPOINTS:
                break
            del free_at[oldest]
        endpoint = command.endpoint
        if endpoint in free_at:
            del free_at[endpoint]
        free_at[endpoint] = now + self._spacing_s

    def freed(self, now: float) -> list[SendQuery]:
        """The queries that need not wait any longer."""
        freed: list[SendQuery] = []
        while self._waiting and self._waiting[0][0] <= now:
            freed.append(heapq.heappop(self._waiting)[2])
        self._set_deadline()
        return freed

    def drop(self, owner: object) -> None:
        if self._waiting:
            self._waiting = [each for each in self._waiting if each[2].owner is not owner]
            heapq.heapify(self._waiting)
            self._set_deadline()

    def clear(self) -> None:
        self._waiting.clear()
        self._set_deadline()

    def _set_deadline(self) -> None:
        # Stored, because it is asked for after every datagram.
        self.deadline = self._waiting[0][0] if self._waiting else inf
