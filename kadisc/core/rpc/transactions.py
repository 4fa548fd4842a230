"""Outstanding queries, matched exactly, with their deadlines.

The attack: whoever can make us believe an answer that we did not ask for chooses our neighbours and our idea of our own address. Old
clients use constant or counting transaction ids, or do not look at the source; one forged packet is then a good node. Here an answer
counts only if 4 random bytes and the exact endpoint (and so the family) match a query that is still outstanding.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import count
from math import inf
from random import Random
from typing import Final, Protocol

from ...config import QueryConfig
from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import FindNode
from ..contract.queries import Exchange, Owner

TID_BYTES: Final = 4


class Overdue(Enum):
    STALLED = "stalled"  # send it once more
    STALLED_AGAIN = "stalled again"
    EXPIRED = "expired"


class TransactionRule(Protocol):
    """How replies find their queries; `Transactions` is the one to use."""

    def __len__(self) -> int: ...

    def new_id(self, method: str) -> bytes: ...

    def open(self, exchange: Exchange, tid: bytes) -> None: ...

    def awaits(self, tid: bytes, source: Endpoint) -> bool: ...

    def match(self, tid: bytes, source: Endpoint, now: float) -> Exchange | None: ...

    def due(self, now: float) -> Iterator[tuple[Exchange, Overdue]]: ...

    def hurry(self, endpoint: Endpoint, stall_s: float, now: float) -> None: ...

    def forget(self, unwanted: Callable[[Exchange], bool]) -> list[Exchange]: ...

    def next_deadline(self) -> float: ...


class Transactions:
    """At most one exchange an id; the heap may hold ids that were answered, they are skipped when their time comes."""

    __slots__ = ("_config", "_deadlines", "_order", "_outstanding", "_rng")

    def __init__(self, config: QueryConfig, rng: Random) -> None:
        self._config = config
        self._rng = rng
        self._outstanding: dict[bytes, Exchange] = {}
        self._deadlines: list[tuple[float, int, bytes, Exchange]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._outstanding)

    def new_id(self, method: str) -> bytes:
        while True:
            tid = self._rng.getrandbits(8 * TID_BYTES).to_bytes(TID_BYTES, "big")
            if tid not in self._outstanding:
                return tid

    def open(self, exchange: Exchange, tid: bytes) -> None:
        self._outstanding[tid] = exchange
        self._push(exchange.stall_at, tid, exchange)

    def awaits(self, tid: bytes, source: Endpoint) -> bool:
        """Whether `match` would find an exchange: at the cost of a look into a dict."""
        exchange = self._outstanding.get(tid)
        return exchange is not None and exchange.endpoint == source

    def match(self, tid: bytes, source: Endpoint, now: float) -> Exchange | None:
        """The exchange that this answer ends, which is no longer outstanding then; None if there is none."""
        exchange = self._outstanding.get(tid)
        if exchange is None or exchange.endpoint != source:
            return None
        del self._outstanding[tid]
        return exchange

    def due(self, now: float) -> Iterator[tuple[Exchange, Overdue]]:
        """All that is overdue, each with what it is now and its next deadline set."""
        while self._deadlines and self._deadlines[0][0] <= now:
            deadline, _, tid, exchange = heapq.heappop(self._deadlines)
            if self._outstanding.get(tid) is not exchange or deadline != exchange.due_at:
                continue
            if now >= exchange.expires_at:
                del self._outstanding[tid]
                yield exchange, Overdue.EXPIRED
                continue
            exchange.stalls += 1
            if exchange.stalls == 1:
                # A deadline is stored and compared, never recomputed from a difference: floats do not agree with themselves.
                self._push(min(exchange.expires_at, now + exchange.stall_at - exchange.sent_at), tid, exchange)
                yield exchange, Overdue.STALLED
            else:
                self._push(exchange.expires_at, tid, exchange)
                yield exchange, Overdue.STALLED_AGAIN

    def forget(self, unwanted: Callable[[Exchange], bool]) -> list[Exchange]:
        """Takes out all that are unwanted, and returns them; their answers will match nothing."""
        gone = [(tid, exchange) for tid, exchange in self._outstanding.items() if unwanted(exchange)]
        for tid, _ in gone:
            del self._outstanding[tid]
        return [exchange for _, exchange in gone]

    def next_deadline(self) -> float:
        deadlines = self._deadlines
        while deadlines:
            deadline, _, tid, exchange = deadlines[0]
            if self._outstanding.get(tid) is exchange and deadline == exchange.due_at:
                return deadline
            heapq.heappop(deadlines)
        return inf

    def hurry(self, endpoint: Endpoint, stall_s: float, now: float) -> None:
        """The queries to that endpoint that have not stalled yet do so after ``stall_s``, if that is sooner. Looks at all that are outstanding."""
        for tid, exchange in self._outstanding.items():
            if exchange.endpoint == endpoint and not exchange.stalls and (stall_at := max(now, exchange.sent_at + stall_s)) < exchange.stall_at:
                exchange.stall_at = stall_at
                self._push(stall_at, tid, exchange)

    def _push(self, deadline: float, tid: bytes, exchange: Exchange) -> None:
        exchange.due_at = deadline
        heapq.heappush(self._deadlines, (deadline, next(self._order), tid, exchange))


class TrustingTransactions(Transactions):
    """What exact matching is measured against: ids that count up, and an answer to nothing is one all the same."""

    def __init__(self, config: QueryConfig, rng: Random, nobody: Owner, own_id: NodeId) -> None:
        super().__init__(config, rng)
        self._nobody = nobody
        self._own_id = own_id
        self._last_id = 0

    def new_id(self, method: str) -> bytes:
        self._last_id = (self._last_id + 1) & 0xFFFF
        return self._last_id.to_bytes(2, "big")

    def match(self, tid: bytes, source: Endpoint, now: float) -> Exchange | None:
        exchange = super().match(tid, source, now)
        if exchange is None:
            exchange = Exchange(source, None, FindNode(tid, self._own_id, self._own_id), self._nobody, b"", now, now, now, unaided=True)
        return exchange
