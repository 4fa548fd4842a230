"""Outstanding queries, matched exactly, with their deadlines.

The attack: whoever can make us believe an answer that we did not ask for chooses our neighbours and
our idea of our own address. Old clients use constant or counting transaction ids, or do not look at
the source; one forged packet is then a good node. Here an answer counts only if 4 random bytes and
the exact endpoint (and so the family) match a query that is still outstanding.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import count
from math import inf
from random import Random
from typing import Protocol

from ...config import QueryConfig
from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.envelope import TID_BYTES
from ...wire.messages import FindNode
from ..contract.queries import Owner, PendingQuery, SendQuery


class Overdue(Enum):
    STALLED = "stalled"  # send it once more
    STALLED_AGAIN = "stalled again"
    EXPIRED = "expired"


class TransactionRule(Protocol):
    """How replies find their queries; `Transactions` is the one to use."""

    def __len__(self) -> int: ...

    def new_id(self, method: str) -> bytes: ...

    def open(self, pending: PendingQuery, tid: bytes) -> None: ...

    def awaits(self, tid: bytes, source: Endpoint) -> bool: ...

    def match(self, tid: bytes, source: Endpoint, now: float) -> PendingQuery | None: ...

    def due(self, now: float) -> Iterator[tuple[PendingQuery, Overdue]]: ...

    def hurry(self, endpoint: Endpoint, stall_s: float, now: float) -> None: ...

    def forget(self, unwanted: Callable[[PendingQuery], bool]) -> list[PendingQuery]: ...

    def next_deadline(self) -> float: ...


class Transactions:
    """At most one exchange an id; the heap may hold ids that were answered, they are skipped when
    their time comes.
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

    def open(self, pending: PendingQuery, tid: bytes) -> None:
        self._outstanding[tid] = pending
        self._push(pending.stall_at, tid, pending)

    def awaits(self, tid: bytes, source: Endpoint) -> bool:
        """Whether `match` would find an exchange: at the cost of a look into a dict."""
        pending = self._outstanding.get(tid)
        return pending is not None and pending.endpoint == source

    def match(self, tid: bytes, source: Endpoint, now: float) -> PendingQuery | None:
        """The exchange that this answer ends, which is no longer outstanding then; None if there is
        none.
        """
        pending = self._outstanding.get(tid)
        if pending is None or pending.endpoint != source:
            return None
        del self._outstanding[tid]
        return pending

    def due(self, now: float) -> Iterator[tuple[PendingQuery, Overdue]]:
        """All that is overdue, each with what it is now and its next deadline set."""
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, _, tid, pending = heapq.heappop(self._deadlines)
            if self._outstanding.get(tid) is not pending or deadline != pending.due_at:
                continue
            if now >= pending.expires_at:
                del self._outstanding[tid]
                yield pending, Overdue.EXPIRED
                continue
            pending.stalls += 1
            if pending.stalls == 1:
                # A deadline is stored and compared, never recomputed from a difference: floats do
                # not agree with themselves.
                self._push(
                    min(pending.expires_at, now + pending.stall_at - pending.sent_at), tid, pending
                )
                yield pending, Overdue.STALLED
            else:
                self._push(pending.expires_at, tid, pending)
                yield pending, Overdue.STALLED_AGAIN

    def forget(self, unwanted: Callable[[PendingQuery], bool]) -> list[PendingQuery]:
        """Takes out all that are unwanted, and returns them; their answers will match nothing."""
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
        return inf

    def hurry(self, endpoint: Endpoint, stall_s: float, now: float) -> None:
        """The queries to that endpoint that have not stalled yet do so after ``stall_s``, if that
        is sooner. Looks at all that are outstanding.
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


class TrustingTransactions(Transactions):
    """What exact matching is measured against: ids that count up, and an answer to nothing is one
    all the same.
    """

    def __init__(self, config: QueryConfig, rng: Random, nobody: Owner, own_id: NodeId) -> None:
        super().__init__(config, rng)
        self._nobody = nobody
        self._own_id = own_id
        self._last_id = 0

    def new_id(self, method: str) -> bytes:
        self._last_id = (self._last_id + 1) & 0xFFFF
        return self._last_id.to_bytes(2, "big")

    def match(self, tid: bytes, source: Endpoint, now: float) -> PendingQuery | None:
        pending = super().match(tid, source, now)
        if pending is None:
            pending = PendingQuery(
                SendQuery(source, None, FindNode(tid, self._own_id, self._own_id), self._nobody),
                b"",
                now,
                now,
                now,
                proves_reachability=True,
            )
        return pending
