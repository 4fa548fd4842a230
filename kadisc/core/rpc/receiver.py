"""The first steps of a datagram: whether it may cost anything, and its decoding."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ...config import CoreConfig
from ...endpoints import ENDPOINT_BYTES, INVALID, Endpoint, Family, scope_of
from ...errors import DecodeError
from ...wire import krpc
from ...wire.envelope import tid_near_end
from ...wire.messages import (
    METHODS,
    Error,
    Message,
    Query,
    Reply,
    UnknownQuery,
)
from ..addressing.policy import AddressPolicy
from ..contract.counters import Counters
from ..contract.queries import PendingQuery
from ..limits.asker_tokens import AskerTokenRule
from ..limits.contacted import ContactedHostsRule
from ..limits.costs import SHORT_BYTES, CostRule
from ..limits.probe_lane import ProbeLaneRule
from ..limits.slow_decodes import SlowDecodeRule
from ..limits.traffic import TrafficRule
from .transactions import TransactionRule

SLOW_DECODE: Final = "slow-decode-budget"
QUERY_NAMES: Final[dict[type[Query], str]] = {
    kind: f"query.{name}" for kind, name in METHODS.items()
} | {UnknownQuery: "query.unknown"}


class Receiver:
    """Drops datagrams by size, source and limits, and decodes the others: unusual ones, which are
    expensive to decode, within the budgets of `SlowDecodeRule`.
    """

    __slots__ = (
        "_asker_tokens",
        "_closed",
        "_config",
        "_contacted",
        "_costs",
        "_counters",
        "_max_bytes",
        "_probes",
        "_scopes",
        "_sizes",
        "_slow_decodes",
        "_traffic",
        "_transactions",
    )

    def __init__(
        self,
        config: CoreConfig,
        scopes: AddressPolicy,
        families: Collection[Family],
        counters: Counters,
        transactions: TransactionRule,
        traffic: TrafficRule,
        slow_decodes: SlowDecodeRule,
        asker_tokens: AskerTokenRule,
        costs: CostRule,
        contacted: ContactedHostsRule,
        probes: ProbeLaneRule,
    ) -> None:
        self._closed = False
        self._config = config
        self._max_bytes = config.max_datagram_bytes
        self._scopes = scopes
        self._sizes = tuple(ENDPOINT_BYTES[family] for family in families)
        self._counters = counters
        self._transactions = transactions
        self._traffic = traffic
        self._slow_decodes = slow_decodes
        self._asker_tokens = asker_tokens
        self._costs = costs
        self._contacted = contacted
        self._probes = probes

    def close(self) -> None:
        """Drops every datagram from now on."""
        self._closed = True

    def admits(self, payload: bytes, source: Endpoint, now: float) -> bool:
        """Whether to decode the datagram; otherwise it has been counted as dropped."""
        counters, size = self._counters, len(payload)
        counters.received += 1
        counters.received_bytes += size
        if self._closed:
            counters.drop("closed")
        elif len(source) not in self._sizes:
            counters.drop("wrong-family")
        elif scope_of(source) is INVALID:  # no node can have that address: it is forged
            counters.drop("bad-source")
        elif size > self._max_bytes:
            self.drop("too-long", source, now)
        elif self._scopes.bars_any and self._scopes.is_barred(source):
            self.drop("barred", source, now)
        elif (
            reason := self._traffic.drop_reason(payload, source, now)
        ) is not None and not self._probes.admits(payload):
            self.drop(reason, source, now)
        else:
            return (
                size <= SHORT_BYTES
                or self._traffic.exempts(source)
                or self.charges(self._costs.decoding_s(payload), source, now)
            )
        return False

    def drop(self, reason: str, source: Endpoint, now: float) -> None:
        """Counts a datagram as dropped. It renews the note of its host, as one that is answered
        does by its answer (`ContactedHosts`). The answer to a query of this node need not: that
        query noted the host a few seconds ago.
        """
        self._counters.drop(reason)
        self._contacted.received_from(source, now)

    def charges(self, cost_s: float, source: Endpoint, now: float) -> bool:
        """Whether the time that the datagram just admitted will take is left for its source, and
        has been taken; otherwise the datagram has been counted as dropped.
        """
        if cost_s and (reason := self._traffic.charge(cost_s, source, now)) is not None:
            self.drop(reason, source, now)
            return False
        return True

    def match(self, tid: bytes, source: Endpoint, now: float) -> PendingQuery | None:
        """The query that this answer ends, None if there is none. The answer proves its source."""
        pending = self._transactions.match(tid, source, now)
        if pending is not None:
            self._traffic.proved(source, now)
        return pending

    def add_asker_token(
        self, answer: Reply | Error, query: Query, source: Endpoint, now: float
    ) -> None:
        """Adds to the reply to a ping or find_node what proves the asking endpoint in its later
        queries, if the query has no such token that is current. The query had room for one, so the
        reply grows by no more.
        """
        if query.asker_token is not None and isinstance(answer, Reply):
            answer.asker_token = self._asker_tokens.renewed(query.asker_token, source, now)

    def decode(self, payload: bytes, source: Endpoint, now: float) -> Message:
        """Raises DecodeError."""
        try:
            return krpc.decode(payload, allow_slow=False)
        except DecodeError as refusal:
            # Unsorted keys or garbage: only the slow decoder can tell.
            if refusal.reason != SLOW_DECODE or not self._may_decode_slowly(payload, source, now):
                raise
        message, ignored = krpc.decode_slowly(payload)
        if ignored:
            self._counters.refuse("trailing-data")
        return message

    def _may_decode_slowly(self, payload: bytes, source: Endpoint, now: float) -> bool:
        if self._config.unlimited:
            return True
        tid = tid_near_end(payload)
        awaited = tid is not None and self._transactions.awaits(tid, source)
        return (
            self._slow_decodes.may_decode(len(payload), source, now, awaited=awaited)
            and self._traffic.charge(self._costs.slow_decoding_s(payload), source, now) is None
        )
