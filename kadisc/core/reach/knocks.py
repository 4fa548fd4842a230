"""The witness: it pings an endpoint once, in the name of a helper, and says whether the ping was
answered.

A ping of a node that had to do with the endpoint's host may pass the router there by a flow of
theirs: that it was answered proves nothing, and is not said; the helper asks another witness. That
it was not answered tells as much as from a stranger. In a network of 200 nodes all have to do with
a new one within a minute: without their word none that is closed would get to know it.
"""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint
from ...wire import error_codes, krpc
from ...wire.messages import Error, Knock, Ping, ReachResult, Reply
from ..contract import purposes
from ..contract.queries import (
    NO_COMMANDS,
    Commands,
    PendingQuery,
    QueryFailure,
    SendQuery,
    SendReply,
)
from ..contract.times import FOREVER
from .help_context import HelpContext, HelpOutcome
from .reach_query import reach_query

KNOCK: Final = "knock"
"""The name under which such queries are counted."""


class Witnessing:
    """One ping for a helper, and its owner."""

    __slots__ = ("_knocks", "begun_at", "helper", "is_known", "tid")

    def __init__(
        self, knocks: Knocks, tid: bytes, helper: Endpoint, is_known: bool, now: float
    ) -> None:
        """``is_known``: whether this node had to do with the target."""
        self._knocks = knocks
        self.is_known = is_known
        self.tid = tid
        self.helper = helper
        self.begun_at = now

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        return self._knocks.ended(self, ok=True)

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        if reason is QueryFailure.NOT_SENT:
            return self._knocks.not_sent(self)
        # An error came from the endpoint that was pinged, with the transaction ID of the ping.
        return self._knocks.ended(self, ok=isinstance(reason, Error))


class Knocks:
    __slots__ = ("_context", "_pending")

    def __init__(self, context: HelpContext) -> None:
        self._context = context
        self._pending: dict[Witnessing, None] = {}
        """In the order in which they began."""

    def __len__(self) -> int:
        """Pings under way."""
        return len(self._pending)

    def next_deadline(self) -> float:
        for witnessing in self._pending:
            return witnessing.begun_at + self._context.config.help_s
        return FOREVER

    def tick(self, now: float) -> Commands:
        """Gives up pings that waited for their turn too long: the helper waits no longer."""
        while self._pending and self.next_deadline() <= now:
            del self._pending[next(iter(self._pending))]
            self._context.count(KNOCK, HelpOutcome.GAVE_UP)
        return NO_COMMANDS

    def begin(
        self, query: Knock, source: Endpoint, now: float
    ) -> tuple[Reply | Error | None, Commands]:
        """Of a query of the own network with a valid token: the answer to give at once, None if it
        is given later; and what follows.
        """
        context, target = self._context, query.to
        if len(target) != len(source) or not context.may_test(target):
            context.count(KNOCK, HelpOutcome.BARRED)
            return context.error(query.tid, error_codes.PROTOCOL, source), NO_COMMANDS
        if len(self._pending) >= context.config.max_pings or not context.budgets.may_ping(
            source, target, now
        ):
            return self._busy(query, source, HelpOutcome.BUSY)
        is_known = not context.contacted.is_stranger(target, now)
        witnessing = Witnessing(self, query.tid, source, is_known, now)
        self._pending[witnessing] = None
        context.count(KNOCK, HelpOutcome.STARTED)
        ping = reach_query(
            target,
            Ping(b"", context.own_id(target), query.nonce),
            witnessing,
            purposes.REACH_HELP,
            context.config.witness_wait_s,
        )
        return None, [ping]

    def _busy(
        self, query: Knock, source: Endpoint, outcome: HelpOutcome
    ) -> tuple[Reply | Error | None, Commands]:
        self._context.count(KNOCK, outcome)
        return self._context.busy(query.tid, source), NO_COMMANDS

    def ended(self, witnessing: Witnessing, *, ok: bool) -> Commands:
        if witnessing not in self._pending:
            return NO_COMMANDS
        del self._pending[witnessing]
        if ok and witnessing.is_known:
            return self._says_busy(witnessing, HelpOutcome.KNOWN)
        self._context.count(KNOCK, HelpOutcome.ANSWERED if ok else HelpOutcome.UNANSWERED)
        reply = self._context.reply(witnessing.tid, witnessing.helper)
        reply.reach = ReachResult(ok)
        return [SendReply(krpc.encode(reply), witnessing.helper)]

    def not_sent(self, witnessing: Witnessing) -> Commands:
        """The fault is on this side, so the helper asks another witness."""
        if witnessing not in self._pending:
            return NO_COMMANDS
        del self._pending[witnessing]
        return self._says_busy(witnessing, HelpOutcome.BUSY)

    def _says_busy(self, witnessing: Witnessing, outcome: HelpOutcome) -> Commands:
        self._context.count(KNOCK, outcome)
        busy = self._context.busy(witnessing.tid, witnessing.helper)
        return [SendReply(krpc.encode(busy), witnessing.helper)]
