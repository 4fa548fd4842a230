"""The help that this node gives to other nodes of its network that find out whether strangers reach
them: as helper (`asks.py`), and as witness (`knocks.py`).

Attack: a query with a forged source has this node do something for a victim, or to it. Defence:
without a valid token a query is answered with one, in no more bytes than it had, and nothing else
is done.
"""

from __future__ import annotations

from typing import Protocol

from ...config import CLIENT_VERSION
from ...endpoints import Endpoint
from ...wire import error_codes, krpc
from ...wire.messages import Error, Knock, Reach, Reply
from ..contract.events import DialOutcome
from ..contract.queries import NO_COMMANDS, Commands
from ..contract.served import Served
from ..contract.times import FOREVER
from ..serving.fitting import fitting
from .asks import REACH, TCP, Asks
from .help_context import TEXTS, HelpContext, HelpOutcome
from .knocks import KNOCK, Knocks


class HelpRule(Protocol):
    def serve(
        self, query: Reach | Knock, source: Endpoint, query_bytes: int, now: float
    ) -> Served: ...

    def dialled(self, dial: int, outcome: DialOutcome, now: float) -> Commands: ...


class NoHelp:
    """In a node that is of no network: the methods are unknown, as to nodes of earlier versions."""

    __slots__ = ()

    def serve(self, query: Reach | Knock, source: Endpoint, query_bytes: int, now: float) -> Served:
        code = error_codes.METHOD_UNKNOWN
        return Served(
            fitting(Error(query.tid, code, TEXTS[code], CLIENT_VERSION, source), query_bytes)
        )

    def dialled(self, dial: int, outcome: DialOutcome, now: float) -> Commands:
        return NO_COMMANDS


class Helping:
    __slots__ = ("_context", "_helps", "asks", "deadline", "knocks")

    def __init__(self, context: HelpContext, *, helps: bool) -> None:
        """``helps``: whether this node helps at all, by its configuration."""
        self._context = context
        self._helps = helps
        self.asks = Asks(context)
        self.knocks = Knocks(context)
        self.deadline = FOREVER
        """When to call `tick`: may be early, never late. It is read after every datagram."""

    def serve(self, query: Reach | Knock, source: Endpoint, query_bytes: int, now: float) -> Served:
        """Answers a query for help, which came in a datagram of ``query_bytes``."""
        context, method = self._context, _method_of(query)
        answer: Reply | Error | None
        if not self._helps:
            context.count(method, HelpOutcome.OFF)
            answer = context.error(query.tid, error_codes.METHOD_UNKNOWN, source)
            return Served(fitting(answer, query_bytes))
        if query.network != context.tag:
            context.count(method, HelpOutcome.OTHER_NETWORK)
            answer = context.error(query.tid, error_codes.GENERIC, source)
            return Served(fitting(answer, query_bytes))
        if query.token is None or not context.tokens.accepts(query.token, source, now):
            context.count(method, HelpOutcome.TOKEN)
            answer = context.reply(query.tid, source)
            answer.token = context.tokens.make(source, now)
            return Served(fitting(answer, query_bytes))
        if isinstance(query, Reach):
            answer, commands = self.asks.begin(query, source, now)
        else:
            answer, commands = self.knocks.begin(query, source, now)
        self._plan()
        return Served(None if answer is None else krpc.encode(answer), True, commands)

    def dialled(self, dial: int, outcome: DialOutcome, now: float) -> Commands:
        """What came of a TCP connection that a `TcpDialWanted` asked for."""
        return self.asks.dialled(dial, outcome, now)

    def tick(self, now: float) -> Commands:
        commands = [*self.asks.tick(now), *self.knocks.tick(now)]
        self._plan()
        return commands

    def _plan(self) -> None:
        self.deadline = min(self.asks.next_deadline(), self.knocks.next_deadline())


def _method_of(query: Reach | Knock) -> str:
    if isinstance(query, Knock):
        return KNOCK
    return REACH if query.tcp_port is None else TCP
