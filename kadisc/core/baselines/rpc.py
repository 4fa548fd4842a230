"""The query layer without exact matching of answers."""

from __future__ import annotations

from math import inf
from random import Random

from ...config import QueryConfig
from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import Error, FindNode, Reply
from ..contract.queries import (
    NO_COMMANDS,
    Commands,
    Owner,
    PendingQuery,
    QueryFailure,
    SendQuery,
)
from ..rpc.transactions import Transactions


class NoOwner:
    """The owner of an answer that matches no query."""

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        return NO_COMMANDS

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        return NO_COMMANDS


class NoSpacing:
    """Queries of maintenance go to one endpoint as often as anything asks for them."""

    __slots__ = ("deadline",)

    def __init__(self) -> None:
        self.deadline = inf

    def __len__(self) -> int:
        return 0

    def must_wait(self, command: SendQuery, now: float) -> bool:
        return False

    def sent(self, command: SendQuery, now: float) -> None:
        pass

    def freed(self, now: float) -> list[SendQuery]:
        return []

    def drop(self, owner: object) -> None:
        pass

    def clear(self) -> None:
        pass


class TrustingTransactions(Transactions):
    """Transaction IDs count up, and an answer that matches no query is accepted as well, as some
    old clients do.
    """

    def __init__(self, config: QueryConfig, rng: Random, no_owner: Owner, own_id: NodeId) -> None:
        super().__init__(config, rng)
        self._no_owner = no_owner
        self._own_id = own_id
        self._last_id = 0

    def new_id(self, method: str) -> bytes:
        self._last_id = (self._last_id + 1) & 0xFFFF
        return self._last_id.to_bytes(2, "big")

    def match(self, tid: bytes, source: Endpoint, now: float) -> PendingQuery | None:
        pending = super().match(tid, source, now)
        if pending is None:
            pending = PendingQuery(
                SendQuery(source, None, FindNode(tid, self._own_id, self._own_id), self._no_owner),
                b"",
                now,
                now,
                now,
                proves_reachability=True,
            )
        return pending


class NoReceivedTokens:
    """In place of `ReceivedTokens`: queries show no token."""

    __slots__ = ()

    def token_for(self, endpoint: Endpoint, is_ping: bool) -> bytes | None:
        return None

    def keep(self, endpoint: Endpoint, token: bytes) -> None:
        pass
