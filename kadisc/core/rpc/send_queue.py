"""From the command to send a query to its datagram: the pace, transaction IDs and deadlines."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from math import inf
from typing import Final

from ...config import CLIENT_VERSION, CoreConfig
from ...endpoints import LOOPBACK, Endpoint, Family, family_of, scope_of
from ...wire import krpc
from ...wire.envelope import NO_ASKER_TOKEN, TID_BYTES
from ...wire.messages import METHODS, Knock, Ping, Reach, Reply
from ..contract.conduct import Conduct
from ..contract.queries import MAINTENANCE, PendingQuery, SendQuery
from .endpoint_spacing import SpacingRule
from .join_yield import JoinYield
from .pacer import PacingRule
from .received_tokens import ReceivedTokenRule
from .stall_timer import StallTimer
from .transactions import TransactionRule

_OWN_CLIENT: Final = CLIENT_VERSION[:2]
_OF_CALLERS: Final = 0
_OF_MAINTENANCE: Final = 1
PROMPT: Final = 1.5
PROMPT_S: Final = 0.02
"""An answer may take so many times, and so many seconds, longer than the last one from the same
endpoint before another query to it counts as lost."""


class SendQueue:
    """Lets queries go at the pace that the pacer allows; those that had to wait come out of
    ``released``, in order.

    Queries of maintenance (checks and gossip) wait in a line of their own, and the two lines take
    turns: a caller that starts a hundred lookups would otherwise fill the queue for minutes, while
    dead contacts stay in the table. For the same reason lookups leave a share of all places free.
    """

    __slots__ = (
        "_asker_tokens",
        "_conducts",
        "_config",
        "_pacer",
        "_queues",
        "_reserved_share",
        "_separate",
        "_spacing",
        "_turn",
        "join_yield",
        "stall_timer",
        "transactions",
    )

    def __init__(
        self,
        config: CoreConfig,
        transactions: TransactionRule,
        pacer: PacingRule,
        spacing: SpacingRule,
        asker_tokens: ReceivedTokenRule,
        conducts: Mapping[Family, Conduct],
    ) -> None:
        self._conducts = conducts
        self._asker_tokens = asker_tokens
        self.transactions = transactions
        self.stall_timer = StallTimer(config.query)
        self.join_yield = JoinYield(config.query.join_yield_s)
        self._config = config.query
        self._pacer = pacer
        self._spacing = spacing
        # Only lines in which a query waits: an empty deque takes 760 bytes.
        self._queues: dict[int, deque[SendQuery]] = {}
        self._turn = 0
        self._separate = config.defences.separate_queues
        self._reserved_share = config.limits.reserved_share

    def __len__(self) -> int:
        """How many queries are sent and unanswered, or wait to be sent."""
        return len(self.transactions) + self._waiting()

    def too_soon(self, command: SendQuery, now: float) -> bool:
        """Whether a spaced query was put off: another one went to its endpoint too lately."""
        return self._spacing.must_wait(command, now)

    def must_wait(self, command: SendQuery, now: float, *, nat_mapping_open: bool) -> bool:
        """Whether the query was queued for later. ``nat_mapping_open``: a router before this node
        has a mapping for that address.
        """
        if nat_mapping_open or scope_of(command.endpoint) is LOOPBACK:
            return False
        queue = self._queue_of(command)
        if queue in self._queues:  # others wait for their turn
            if self._pacer.has_mapping(command.endpoint, now):
                return False
        elif self._pacer.admit(command.endpoint, now):
            return False
        else:
            self._queues[queue] = deque()
        self._queues[queue].append(command)
        return True

    def is_full(self, command: SendQuery) -> bool:
        """Whether there is no room for this query."""
        share = (
            1.0 - self._reserved_share
            if self._separate and command.priority is not MAINTENANCE
            else 1.0
        )
        if len(self.transactions) >= share * self._config.max_outstanding:
            return True
        any_waits = self._queues or self.join_yield.waiting or self._spacing.deadline < inf
        return bool(any_waits) and self._waiting() >= share * self._config.max_waiting

    def released(self, now: float) -> Sequence[SendQuery]:
        """The queries that need not wait any longer."""
        if not (self._queues or self.join_yield.waiting or self._spacing.deadline <= now):
            return ()  # as at nearly all ticks
        freed = self.join_yield.freed(now)
        if self._spacing.deadline <= now:
            freed += self._spacing.freed(now)
        released = [
            command for command in freed if not self.must_wait(command, now, nat_mapping_open=False)
        ]
        while self._queues:
            turn = 1 - self._turn
            queue = turn if turn in self._queues else 1 - turn
            if not self._pacer.admit(self._queues[queue][0].endpoint, now):
                break
            self._turn = turn
            released.append(self._next_of(queue))
        return released

    def _next_of(self, queue: int) -> SendQuery:
        waiting = self._queues[queue]
        command = waiting.popleft()
        if not waiting:
            del self._queues[queue]
        return command

    def send(
        self,
        command: SendQuery,
        now: float,
        *,
        known_rtt_s: float | None,
        proves_reachability: bool,
    ) -> bytes:
        """The payload to send to the endpoint of the command."""
        if command.spaced:
            self._spacing.sent(command, now)
        query = command.query  # made for this command alone, so it can be filled in here
        kind = type(query)
        tid = self.transactions.new_id(METHODS[kind])
        query.version = CLIENT_VERSION
        query.read_only = self._conducts[family_of(command.endpoint)].marks_queries
        if isinstance(query, Ping) and query.nonce is not None:
            # By the transaction ID, the ping of a witness passes the limits of the asking node.
            wanted = query.nonce[:TID_BYTES]
            tid = wanted if self.transactions.is_free(wanted) else tid
        elif kind is not Reach and kind is not Knock:  # those have a token, or ask for one
            query.asker_token = self._asker_tokens.token_for(command.endpoint, kind is Ping)
        query.tid = tid
        payload = krpc.encode(query)
        timeout_s = self._config.timeout_s if command.timeout_s is None else command.timeout_s
        stall_s = self.stall_timer.stall_s(known_rtt_s) if command.retransmit else timeout_s
        stall_at = now + (stall_s / 2 if command.fast_retry else stall_s)
        pending = PendingQuery(
            command,
            payload,
            now,
            stall_at,
            now + timeout_s,
            proves_reachability,
        )
        self.transactions.open(pending, tid)
        return payload

    def keep_asker_token(self, pending: PendingQuery, reply: Reply) -> None:
        """To be called for each reply of a contact that states its version."""
        if reply.asker_token is not None:
            self._asker_tokens.keep(pending.endpoint, reply.asker_token)
        elif (
            pending.command.query.asker_token is None
            and reply.version is not None
            and reply.version.startswith(_OWN_CLIENT)
        ):
            self._asker_tokens.keep(pending.endpoint, NO_ASKER_TOKEN)

    def measured(self, endpoint: Endpoint, rtt_s: float, now: float) -> None:
        """An answer from that endpoint took ``rtt_s``. If it has answered one of two queries, and
        the other takes half as long again, that one was lost: at the start there may be no other
        contact, and the usual stall would be most of the time of a lookup.
        """
        self.stall_timer.sample(rtt_s)
        if self.join_yield.applies(now):
            self.transactions.hurry(endpoint, PROMPT * rtt_s + PROMPT_S, now)

    def drop_waiting(self, owner: object) -> None:
        """Drops the queries of an owner that has what it needs, unless they were sent."""
        kept = {
            queue: deque(command for command in waiting if command.owner is not owner)
            for queue, waiting in self._queues.items()
        }
        self._queues = {queue: waiting for queue, waiting in kept.items() if waiting}
        self.join_yield.drop(owner)
        self._spacing.drop(owner)

    def close(self) -> None:
        self.transactions.forget(lambda pending: True)
        self._queues.clear()
        self.join_yield.clear()
        self._spacing.clear()

    def forget(self, owner: object) -> None:
        """Drops all queries of an owner whose operation was cancelled, sent or not."""
        self.transactions.forget(lambda pending: pending.owner is owner)
        self.drop_waiting(owner)

    def next_deadline(self) -> float:
        deadline = self.transactions.next_deadline()
        if self.join_yield.waiting:
            deadline = min(deadline, self.join_yield.next_deadline())
        if self._spacing.deadline < deadline:
            deadline = self._spacing.deadline
        return min(deadline, self._pacer.next_at()) if self._queues else deadline

    def _waiting(self) -> int:
        in_line = sum(map(len, self._queues.values())) if self._queues else 0
        return len(self.join_yield.waiting) + len(self._spacing) + in_line

    def _queue_of(self, command: SendQuery) -> int:
        return (
            _OF_MAINTENANCE if self._separate and command.priority is MAINTENANCE else _OF_CALLERS
        )
