"""Storing at the nodes closest to a target: a lookup that brings tokens, then a query to each of
the k closest nodes that gave one; where the lookup was suspicious, to the others of the region of
the target as well (`region.py`).

It is one operation from the first query of the lookup to the last answer: a second lookup that
began at what the first one had found would have to find the IDs of those nodes again, and ended
before all of the k closest had answered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import NodeId
from ...text import one_line
from ...wire.messages import AnnouncePeer, Error, Put, Reply
from ..contract.events import Event, FoundNode, LookupResult, Outcome, StoreRefusal
from ..contract.queries import NO_COMMANDS, Commands, PendingQuery, QueryFailure, SendQuery
from ..contract.query_group import QueryGroup
from .operation import Continuation, LookupOperation

MakeLookup: TypeAlias = Callable[[Continuation], LookupOperation]
"""Makes the lookup that a store operation begins with, and that continues with the operation."""


class StoreOperation(ABC):
    """The owner of the queries that store. ``lookup`` is the lookup that goes before them."""

    def __init__(self, make_lookup: MakeLookup, own_id: NodeId) -> None:
        self.lookup = make_lookup(self)
        self.group = QueryGroup()
        self.refused: list[StoreRefusal] = []
        """The nodes that answered with an error, and which."""
        self.stored: list[Contact] = []
        self.looked_up: LookupResult | None = None
        """What the lookup found."""
        self._own_id = own_id
        self._ended = False
        self._waiting: set[Endpoint] = set()
        self._asked: dict[Endpoint, FoundNode] = {}
        self._retried: set[Endpoint] = set()

    @property
    @abstractmethod
    def method(self) -> str:
        """The KRPC method that stores."""

    @abstractmethod
    def _query(self, target: NodeId, token: bytes) -> AnnouncePeer | Put: ...

    @abstractmethod
    def _finished(self, outcome: Outcome) -> Event:
        """The terminal event."""

    @abstractmethod
    def _found(self, result: LookupResult) -> bool:
        """Takes the result of the lookup before the first store query. Returns whether anything may
        be stored; if not, the operation ends with ERROR_ANSWER.
        """

    def lookup_ended(self, outcome: Outcome, result: LookupResult, now: float) -> Commands:
        """Asks the nodes that gave a token to store."""
        if self._ended:
            return NO_COMMANDS
        self.looked_up = result
        self._asked = {
            node.contact.endpoint: node
            for node in (*result.closest, *result.region)
            if node.token is not None
        }
        may_store = self._found(result)
        if outcome is not Outcome.DONE or not self._asked:
            return self._end(Outcome.NO_ANSWER if outcome is Outcome.DONE else outcome)
        if not may_store:
            return self._end(Outcome.ERROR_ANSWER)
        self._waiting = set(self._asked)
        return [self._store_at(node) for node in self._asked.values()]

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        node = self._asked.get(pending.endpoint)
        if node is not None and pending.endpoint in self._waiting:
            self.stored.append(node.contact)
        return self._one_less(pending.endpoint)

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        if pending.stalls <= 1:
            return NO_COMMANDS
        endpoint, query = pending.endpoint, pending.command.query
        if (
            isinstance(query, (AnnouncePeer, Put))
            and endpoint in self._waiting
            and endpoint not in self._retried
        ):
            # It has answered a moment ago, and losses come in bursts: two do not prove that it is
            # dead. Of 120 announces and puts at 1 % loss one missed a node in this way.
            self._retried.add(endpoint)
            return [self._store_at(self._asked[endpoint], retry=True)]
        # It is not waited for any longer once others have stored; it may still do so.
        return self._one_less(endpoint) if self.stored else NO_COMMANDS

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        if isinstance(reason, Error):
            self._note_refusal(command.endpoint, reason)
        elif command.endpoint in self._retried and not command.fast_retry:
            return NO_COMMANDS  # the later query is still waited for
        return self._one_less(command.endpoint)

    @property
    def queries(self) -> int:
        """Datagrams sent, those of the lookup and retransmissions included."""
        return self.lookup.queries + self.group.queries

    @property
    def unanswered(self) -> tuple[Contact, ...]:
        """The nodes that were asked to store it and neither confirmed nor refused that."""
        answered = {each.endpoint for each in self.stored}
        answered.update(each.contact.endpoint for each in self.refused)
        return tuple(
            node.contact for endpoint, node in self._asked.items() if endpoint not in answered
        )

    @property
    def owners(self) -> tuple[object, ...]:
        return (self, self.lookup)

    def end(self, outcome: Outcome, now: float) -> Commands:
        return [*self._end(outcome), *self.lookup.end(outcome, now)]

    def _store_at(self, node: FoundNode, *, retry: bool = False) -> SendQuery:
        return SendQuery(
            node.contact.endpoint,
            node.contact.id,
            self._query(self.lookup.target, node.token or b""),
            self,
            fast_retry=retry,
            group=self.group,
            purpose=self.lookup.options.purpose,
        )

    def _note_refusal(self, endpoint: Endpoint, error: Error) -> None:
        node = self._asked.get(endpoint)
        if node is not None and endpoint in self._waiting:
            self.refused.append(StoreRefusal(node.contact, error.code, one_line(error.text)))

    def _one_less(self, endpoint: Endpoint) -> Commands:
        self._waiting.discard(endpoint)
        if self._waiting:
            return NO_COMMANDS
        return self._end(self.outcome())

    def outcome(self) -> Outcome:
        """How it ends when no node is waited for any more."""
        if self.stored:
            return Outcome.DONE
        return Outcome.ERROR_ANSWER if self.refused else Outcome.NO_ANSWER

    def _end(self, outcome: Outcome) -> Commands:
        if self._ended:
            return NO_COMMANDS
        self._ended = True
        return [self._finished(outcome)]
