"""Queries that wait for an answer, matched exactly, with their deadlines.

Attack: a forged answer to a query that was never sent chooses the contacts of a node and its idea
of its own address. Old clients use constant or counting transaction IDs, or ignore the source of an
answer; one forged packet then makes a good contact. Defence: an answer counts only if 4 random
bytes and the exact endpoint (and so the family) match a query that still waits.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import count
from random import Random
from typing import Final, Protocol

from ...config import QueryConfig
from ...endpoints import Endpoint
from ...wire.envelope import TID_BYTES
from ..contract.queries import PendingQuery
from ..contract.times import FOREVER


class Overdue(Enum):
    STALLED = "stalled"  # to be sent once more
    STALLED_AGAIN = "stalled again"
    EXPIRED = "expired"


STALLED: Final = Overdue.STALLED
STALLED_AGAIN: Final = Overdue.STALLED_AGAIN
EXPIRED: Final = Overdue.EXPIRED
"""Read at most ticks: see `endpoints.IPV4`."""


class TransactionRule(Protocol):
    """How replies find their queries; `Transactions` is the one to use."""

    def __len__(self) -> int: ...

    def new_id(self, method: str) -> bytes: ...

    def is_free(self, tid: bytes) -> bool: ...

    def in_flight(self, tid: bytes) -> PendingQuery | None: ...

    def open(self, pending: PendingQuery, tid: bytes) -> None: ...

    def awaits(self, tid: bytes, source: Endpoint) -> bool: ...

    def admits(self, tid: bytes, source: Endpoint) -> bool: ...

    def match(self, tid: bytes, source: Endpoint, now: float) -> PendingQuery | None: ...

    def due(self, now: float) -> Iterator[tuple[PendingQuery, Overdue]]: ...

    def hurry(self, endpoint: Endpoint, stall_s: float, now: float) -> None: ...

    def forget(self, unwanted: Callable[[PendingQuery], bool]) -> list[PendingQuery]: ...

    def next_deadline(self) -> float: ...


class Transactions:
    """At most one query for each transaction ID. The heap may hold IDs of answered queries, which
    are skipped when their time comes.
    """

    __slots__ = ("_config", "_deadlines", "_order", "_outstanding", "_rng")

    def __init__(self, config: QueryConfig, rng: Random) -> None:
        self._config = config
        self._rng = rng
        self._outstanding: dict[bytes, PendingQuery] = {}
        self._deadlines: list[tuple[float, int, bytes, PendingQuery]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._outstanding)

    def new_id(self, method: str) -> bytes:
        while True:
            tid = self._rng.getrandbits(8 * TID_BYTES).to_bytes(TID_BYTES, "big")
            if tid not in self._outstanding:
                return tid

    def is_free(self, tid: bytes) -> bool:
        """Whether no query that waits for an answer has that transaction ID."""
        return tid not in self._outstanding

    def in_flight(self, tid: bytes) -> PendingQuery | None:
        """The query that waits for an answer with that transaction ID."""
        return self._outstanding.get(tid)

    def open(self, pending: PendingQuery, tid: bytes) -> None:
        self._outstanding[tid] = pending
        self._push(pending.stall_at, tid, pending)

    def awaits(self, tid: bytes, source: Endpoint) -> bool:
        """Whether `match` would find a query; costs one look into a dict."""
        pending = self._outstanding.get(tid)
        return pending is not None and pending.endpoint == source

    def admits(self, tid: bytes, source: Endpoint) -> bool:
        """Whether a datagram with that transaction ID passes the limits on traffic: the first one
        for each query does, so that the node asked cannot flood this node with one ID.
        """
        pending = self._outstanding.get(tid)
        if pending is None or pending.answer_admitted or pending.endpoint != source:
            return False
        pending.answer_admitted = True
        return True

    def match(self, tid: bytes, source: Endpoint, now: float) -> PendingQuery | None:
        """The query that this answer ends, which waits no longer then; None if there is none."""
        pending = self._outstanding.get(tid)
        if pending is None or pending.endpoint != source:
            return None
        del self._outstanding[tid]
        return pending

    def due(self, now: float) -> Iterator[tuple[PendingQuery, Overdue]]:
        """All overdue queries, each with its state; their next deadlines are set."""
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, _, tid, pending = heapq.heappop(self._deadlines)
            if self._outstanding.get(tid) is not pending or deadline != pending.due_at:
                continue
            if now >= pending.expires_at:
                del self._outstanding[tid]
                yield pending, EXPIRED
                continue
            pending.stalls += 1
            if pending.stalls == 1:
                # Deadlines are stored and compared, never recomputed from differences: rounding
                # would make them differ.
                self._push(
                    min(pending.expires_at, now + pending.stall_at - pending.sent_at), tid, pending
                )
                yield pending, STALLED
            else:
                self._push(pending.expires_at, tid, pending)
                yield pending, STALLED_AGAIN

    def forget(self, unwanted: Callable[[PendingQuery], bool]) -> list[PendingQuery]:
        """Removes and returns all unwanted queries; their answers will match nothing."""
        gone = [(tid, pending) for tid, pending in self._outstanding.items() if unwanted(pending)]
        for tid, _ in gone:
            del self._outstanding[tid]
        return [pending for _, pending in gone]

    def next_deadline(self) -> float:
        deadlines = self._deadlines
        while deadlines:
            deadline, _, tid, pending = deadlines[0]
            if self._outstanding.get(tid) is pending and deadline == pending.due_at:
                return deadline
            heapq.heappop(deadlines)
        return FOREVER

    def hurry(self, endpoint: Endpoint, stall_s: float, now: float) -> None:
        """Lets queries to that endpoint that have not stalled yet stall after ``stall_s``, if that
        is sooner. Looks at every waiting query.
        """
        for tid, pending in self._outstanding.items():
            if (
                pending.endpoint == endpoint
                and not pending.stalls
                and (stall_at := max(now, pending.sent_at + stall_s)) < pending.stall_at
            ):
                pending.stall_at = stall_at
                self._push(stall_at, tid, pending)

    def _push(self, deadline: float, tid: bytes, pending: PendingQuery) -> None:
        pending.due_at = deadline
        heapq.heappush(self._deadlines, (deadline, next(self._order), tid, pending))
