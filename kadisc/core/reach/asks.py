"""The helper: it draws a witness for each node that asks, and passes on what the witness found.

Attack: a node lets helpers have a third party pinged. Defence: only the address that a query comes
from is tested, after a token has shown that the asker receives there. Attack: helper and witness
are one attacker. Defence: the witness is drawn by lot among the peers that this node has verified,
by netgroup first, and in neither the asker's netgroup nor this node's.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from ...endpoints import Endpoint, family_of, ip_of
from ...errors import DecodeError
from ...wire import error_codes, krpc
from ...wire.messages import (
    TCP_ACCEPTED,
    TCP_REFUSED,
    TCP_SILENT,
    Error,
    Knock,
    Reach,
    ReachResult,
    Reply,
)
from ...wire.records import record_from
from ..contract import purposes
from ..contract.bounded import put_newest
from ..contract.events import DialOutcome, TcpDialWanted
from ..contract.identity import is_signed_by
from ..contract.queries import (
    NO_COMMANDS,
    Commands,
    PendingQuery,
    QueryFailure,
    SendQuery,
    SendReply,
)
from ..contract.times import FOREVER
from ..limits.host_filter import HostFilter
from .help_context import HelpContext, HelpOutcome, at_port
from .reach_query import reach_query

REPEATED_S: Final = 30.0
"""So long the same query gets the same answer again."""
MAX_ANSWERED: Final = 256
"""Answers that are kept at most: the budgets give fewer in 30 s."""
WITNESS_HEARD_S: Final = 300.0
"""A witness must have answered within so many seconds."""
MAX_WITNESSES: Final = 8
"""Witnesses that are asked at most, one after the other, for one asker. In a network of 200 nodes
two of three say that they know it (and one in five among 1,000), and three tries would often find
none that does not.
"""
LEAST_WITNESSES: Final = 2
NETGROUPS_EACH: Final = 6
"""Where witnesses of fewer than 48 netgroups are known, one in so many is asked, and at least
`LEAST_WITNESSES`: in a network of twenty each of them knows the asker.
"""
BUSY_S: Final = 5.0
"""So long a witness is left alone that was busy, or that knew the target: it may know no other."""
UNWILLING_S: Final = 86_400.0
"""So long a witness is left alone that is of another network, or that does not help."""
MAX_LEFT_ALONE: Final = 256
REACH: Final = "reach"
TCP: Final = "tcp"
"""The names under which queries for help are counted; `reach` with a TCP port has its own."""

Answer: TypeAlias = Reply | Error

_ANSWERED_BY_DIAL: Final = {
    DialOutcome.ACCEPTED: TCP_ACCEPTED,
    DialOutcome.REFUSED: TCP_REFUSED,
    DialOutcome.SILENT: TCP_SILENT,
}


class Ask:
    """One query for help, and the owner of what is asked of witnesses for it."""

    __slots__ = (
        "_asks",
        "begun_at",
        "dial",
        "key",
        "known",
        "target",
        "tid",
        "token_renewed",
        "tried",
    )

    def __init__(
        self, asks: Asks, key: tuple[Endpoint, bytes], tid: bytes, target: Endpoint, now: float
    ) -> None:
        """``key``: the source and the nonce of the query. ``target``: what is tested."""
        self._asks = asks
        self.key = key
        self.tid = tid
        self.target = target
        self.begun_at = now
        self.known: HostFilter | None = None
        """The hosts that are no strangers to the asker, as it says."""
        self.dial = 0
        """The number of the TCP connection; 0 where witnesses are asked."""
        self.tried: list[Endpoint] = []
        """The witnesses asked so far; the last one is being asked."""
        self.token_renewed = False
        """Whether that one has given a token in this ask already."""

    @property
    def source(self) -> Endpoint:
        return self.key[0]

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        return self._asks.witness_replied(self, pending, reply, now)

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        return self._asks.witness_failed(self, command, reason, now)


class Asks:
    __slots__ = ("_answered", "_context", "_dials", "_left_alone", "_pending")

    def __init__(self, context: HelpContext) -> None:
        self._context = context
        self._pending: dict[tuple[Endpoint, bytes], Ask] = {}
        """In the order in which they began."""
        self._answered: dict[tuple[Endpoint, bytes], tuple[Answer, float]] = {}
        """The answers, with the times at which their queries came."""
        self._left_alone: dict[Endpoint, float] = {}
        """Witnesses that are not asked, until when."""
        self._dials = 0

    def __len__(self) -> int:
        """Asks under way."""
        return len(self._pending)

    def next_deadline(self) -> float:
        for ask in self._pending.values():
            return ask.begun_at + self._context.config.help_s
        return FOREVER

    def tick(self, now: float) -> Commands:
        """Gives up what has taken too long."""
        commands: list[SendReply] = []
        while self._pending and self.next_deadline() <= now:
            ask = next(iter(self._pending.values()))
            self._count(ask, HelpOutcome.GAVE_UP)
            commands += self._end(ask, self._context.busy(ask.tid, ask.source))
        return commands

    # --- a query for help -------------------------------------------------------------------------

    def begin(self, query: Reach, source: Endpoint, now: float) -> tuple[Answer | None, Commands]:
        """Of a query of the own network with a valid token: the answer to give at once, None if it
        is given later, or not at all; and what follows.
        """
        context, method = self._context, REACH if query.tcp_port is None else TCP
        port = query.port if query.tcp_port is None else query.tcp_port
        target = source if port is None else at_port(source, port)
        if not context.may_test(target):
            context.count(method, HelpOutcome.BARRED)
            return context.error(query.tid, error_codes.PROTOCOL, source), NO_COMMANDS
        key = source, query.nonce
        if key in self._pending:
            context.count(method, HelpOutcome.REPEATED)
            return None, NO_COMMANDS
        answer, at = self._answered.get(key, (None, now))
        if answer is not None and now < at + REPEATED_S:
            context.count(method, HelpOutcome.REPEATED)
            answer.tid = query.tid
            return answer, NO_COMMANDS
        if len(self._pending) >= context.config.max_asks:
            return self._busy(query.tid, source, method, HelpOutcome.BUSY)
        ask = Ask(self, key, query.tid, target, now)
        if query.known is not None:
            ask.known = HostFilter(query.known)
        if query.tcp_port is not None:
            return self._begin_dial(ask, query, now)
        if not context.budgets.may_ask(source, now):
            return self._busy(query.tid, source, method, HelpOutcome.BUSY)
        knock = self._next_knock(ask, now)
        if knock is None:
            return self._busy(query.tid, source, method, HelpOutcome.NO_WITNESS)
        self._pending[key] = ask
        context.count(method, HelpOutcome.STARTED)
        return None, [knock]

    def _busy(
        self, tid: bytes, source: Endpoint, method: str, outcome: HelpOutcome
    ) -> tuple[Answer | None, Commands]:
        self._context.count(method, outcome)
        return self._context.busy(tid, source), NO_COMMANDS

    def _end(self, ask: Ask, answer: Answer) -> list[SendReply]:
        del self._pending[ask.key]
        put_newest(self._answered, ask.key, (answer, ask.begun_at), MAX_ANSWERED)
        return [SendReply(krpc.encode(answer), ask.source)]

    def _count(self, ask: Ask, outcome: HelpOutcome) -> None:
        self._context.count(TCP if ask.dial else REACH, outcome)

    # --- witnesses --------------------------------------------------------------------------------

    def witness_replied(
        self, ask: Ask, pending: PendingQuery, reply: Reply, now: float
    ) -> Commands:
        if self._pending.get(ask.key) is not ask:
            return NO_COMMANDS
        result, witness = reply.reach, pending.endpoint
        if result is not None and result.ok is not None:
            self._count(ask, HelpOutcome.ANSWERED if result.ok else HelpOutcome.UNANSWERED)
            answer = self._context.reply(ask.tid, ask.source)
            answer.reach = ReachResult(result.ok, witness)
            return self._end(ask, answer)
        if reply.token is not None:
            self._context.sources.token_received(witness, reply.token, now)
            if not ask.token_renewed:
                ask.token_renewed = True
                return [self._knock(ask, witness, reply.token)]
        return self._go_on(ask, now)

    def witness_failed(
        self, ask: Ask, command: SendQuery, reason: Error | QueryFailure, now: float
    ) -> Commands:
        if isinstance(reason, Error):
            unwilling = reason.code in (error_codes.GENERIC, error_codes.METHOD_UNKNOWN)
            until = now + (UNWILLING_S if unwilling else BUSY_S)
            put_newest(self._left_alone, command.endpoint, until, MAX_LEFT_ALONE)
        return self._go_on(ask, now) if self._pending.get(ask.key) is ask else NO_COMMANDS

    def _go_on(self, ask: Ask, now: float) -> Commands:
        """Asks the next witness."""
        knock = self._next_knock(ask, now)
        if knock is not None:
            return [knock]
        self._count(ask, HelpOutcome.GAVE_UP)
        return self._end(ask, self._context.busy(ask.tid, ask.source))

    def _next_knock(self, ask: Ask, now: float) -> SendQuery | None:
        witness = self._draw(ask, now)
        if witness is None:
            return None
        ask.tried.append(witness)
        ask.token_renewed = False
        return self._knock(ask, witness, self._context.sources.token_of(witness, now))

    def _knock(self, ask: Ask, witness: Endpoint, token: bytes | None) -> SendQuery:
        context = self._context
        knock = Knock(b"", context.own_id(witness), ask.key[1], context.tag, ask.target, token)
        return reach_query(
            witness, knock, ask, purposes.REACH_HELP, context.config.witness_timeout_s
        )

    def _draw(self, ask: Ask, now: float) -> Endpoint | None:
        """A witness, by netgroup first, so that many peers of one operator count as one."""
        context, netgroup = self._context, self._context.scopes.netgroup
        family = family_of(ask.source)
        barred = {netgroup(ask.source)}
        if (own_ip := context.own_ip(family)) is not None:
            barred.add(netgroup(Endpoint(own_ip + b"\1\1")))
        strangers: dict[bytes, list[Endpoint]] = {}
        others: dict[bytes, list[Endpoint]] = {}
        are_busy = False
        for witness in context.sources.witnesses(family, now - WITNESS_HEARD_S):
            group = netgroup(witness)
            if group in barred or witness in ask.tried or context.is_same_host(witness, ask.source):
                continue
            is_stranger = ask.known is not None and witness not in ask.known
            if self._left_alone.get(witness, now) > now:
                are_busy = are_busy or is_stranger
            else:
                (strangers if is_stranger else others).setdefault(group, []).append(witness)
        most = MAX_WITNESSES
        if not strangers:
            if are_busy:
                return None  # what a known one finds out would tell little, and take its budget
            most = max(LEAST_WITNESSES, (len(others) + len(ask.tried)) // NETGROUPS_EACH)
        drawn_from = strangers or others
        if not drawn_from or len(ask.tried) >= min(most, MAX_WITNESSES):
            return None
        return context.rng.choice(drawn_from[context.rng.choice(list(drawn_from))])

    # --- TCP --------------------------------------------------------------------------------------

    def _begin_dial(self, ask: Ask, query: Reach, now: float) -> tuple[Answer | None, Commands]:
        """Only the source of the query is connected to, at a port that a signed record names."""
        context = self._context
        if not context.budgets.may_dial(ask.source, now):
            return self._busy(query.tid, ask.source, TCP, HelpOutcome.BUSY)
        if not self._names_port(query, ask.source):
            context.count(TCP, HelpOutcome.BARRED)
            return context.error(query.tid, error_codes.PROTOCOL, ask.source), NO_COMMANDS
        self._dials += 1
        ask.dial = self._dials
        self._pending[ask.key] = ask
        context.count(TCP, HelpOutcome.STARTED)
        return None, [TcpDialWanted(ask.dial, ask.target)]

    def _names_port(self, query: Reach, source: Endpoint) -> bool:
        """Whether the record is sound, of the own network, of another node at the asker's address,
        and has a service at that port.
        """
        try:
            record = record_from(query.record)
        except DecodeError:
            return False
        named = record.endpoints.get(family_of(source), source)
        return (
            record.network == self._context.tag
            and record.key != self._context.own_key
            and query.tcp_port in record.services.values()
            and ip_of(named) == ip_of(source)
            and is_signed_by(record.key, record.signed, record.signature)
        )

    def dialled(self, dial: int, outcome: DialOutcome, now: float) -> Commands:
        """What came of a TCP connection."""
        for ask in self._pending.values():
            if ask.dial == dial:
                break
        else:
            return NO_COMMANDS
        if outcome is DialOutcome.NOT_TRIED:
            self._count(ask, HelpOutcome.BUSY)
            return self._end(ask, self._context.busy(ask.tid, ask.source))
        accepted = outcome is DialOutcome.ACCEPTED
        self._count(ask, HelpOutcome.ANSWERED if accepted else HelpOutcome.UNANSWERED)
        answer = self._context.reply(ask.tid, ask.source)
        answer.reach = ReachResult(tcp=_ANSWERED_BY_DIAL[outcome])
        return self._end(ask, answer)
