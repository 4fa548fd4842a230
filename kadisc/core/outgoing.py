"""From the decision to ask to the datagram: transaction ids, deadlines, the pacer's queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ..config import CLIENT_VERSION, CoreConfig
from ..endpoints import Scope, scope_of
from ..wire import krpc
from .exchange import Ask, Exchange
from .pacing import PacingRule
from .rtt import StallTimer
from .transactions import TransactionRule

METHODS = {
    "Ping": "ping",
    "FindNode": "find_node",
    "GetPeers": "get_peers",
    "AnnouncePeer": "announce_peer",
    "Get": "get",
    "Put": "put",
    "Gossip": "gossip",
}


class Outgoing:
    """Sends queries at the pace that the pacer allows; whoever has to wait is sent by ``released``, in order."""

    __slots__ = ("_config", "_pacer", "_read_only", "_waiting", "stall_timer", "transactions")

    def __init__(self, config: CoreConfig, transactions: TransactionRule, pacer: PacingRule) -> None:
        self.transactions = transactions
        self.stall_timer = StallTimer(config.query)
        self._config = config.query
        self._read_only = config.read_only
        self._pacer = pacer
        self._waiting: deque[Ask] = deque()

    def __len__(self) -> int:
        """Queries under way: sent and unanswered, or waiting to be sent."""
        return len(self.transactions) + len(self._waiting)

    def must_wait(self, ask: Ask, now: float, *, familiar: bool) -> bool:
        """Whether the ask has been queued for later. ``familiar``: our router has a mapping for that address, or needs none."""
        if familiar or scope_of(ask.endpoint) is Scope.LOOPBACK or (not self._waiting and self._pacer.admit(now)):
            return False
        self._waiting.append(ask)
        return True

    def is_full(self) -> bool:
        return len(self.transactions) >= self._config.max_outstanding or len(self._waiting) >= self._config.max_waiting

    def released(self, now: float) -> Sequence[Ask]:
        """Those who need not wait any more."""
        released: list[Ask] = []
        while self._waiting and self._pacer.admit(now):
            released.append(self._waiting.popleft())
        return released

    def send(self, ask: Ask, now: float, *, known_rtt_s: float | None, unaided: bool) -> bytes:
        """The payload to send to the endpoint of ``ask``."""
        query = ask.query  # made for this ask alone, so it can be filled in here
        tid = query.tid = self.transactions.new_id(METHODS[type(query).__name__])
        query.version, query.read_only = CLIENT_VERSION, self._read_only
        payload = krpc.encode(query)
        stall_s = self.stall_timer.stall_s(known_rtt_s)
        stall_at = now + (stall_s / 2 if ask.hurried else stall_s)
        exchange = Exchange(ask.endpoint, ask.expected_id, query, ask.owner, payload, now, stall_at, now + self._config.timeout_s, unaided)
        exchange.discreet = ask.discreet
        self.transactions.open(exchange, tid)
        return payload

    def drop_waiting(self, owner: object) -> None:
        """It has what it wanted: what was not sent yet need not be."""
        if self._waiting:
            self._waiting = deque(ask for ask in self._waiting if ask.owner is not owner)

    def close(self) -> None:
        self.transactions.forget(lambda exchange: True)
        self._waiting.clear()

    def forget(self, owner: object) -> None:
        """Nobody waits for these any more: the operation was cancelled."""
        self.transactions.forget(lambda exchange: exchange.owner is owner)
        self.drop_waiting(owner)

    def next_deadline(self) -> float:
        deadline = self.transactions.next_deadline()
        return min(deadline, self._pacer.next_at()) if self._waiting else deadline
