"""Storing an item (BEP 44): a get lookup, which also tells what is there already, then put with the
token of each of the k closest.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire import error_codes
from ...wire.bencode import MAX_INT
from ...wire.items import Item, target_of_key, target_of_value
from ...wire.messages import Error, Get, Put, Reply
from ..contract.events import LookupResult, OperationId, Outcome, PutFinished
from ..contract.identity import Identity, signed_item
from ..contract.queries import Commands, PendingQuery, QueryFailure, SendQuery
from .item_collector import ItemCollector
from .store import MakeLookup, StoreOperation


@dataclass(frozen=True, slots=True)
class Draft:
    """An item before it is signed. ``value``: canonical bencode. Without an ``identity`` the item
    is immutable. A mutable item is signed when the lookup has found the version that is stored
    already: with ``sequence``, else with one more than the sequence of that version, and with
    ``at_least`` at the least. ``cas``: the sequence that the stored version must have.
    """

    value: bytes
    identity: Identity | None = None
    salt: bytes = b""
    sequence: int | None = None
    at_least: int = 1
    cas: int | None = None

    @property
    def target(self) -> NodeId:
        return (
            target_of_value(self.value)
            if self.identity is None
            else target_of_key(self.identity.public_key, self.salt)
        )

    def item(self, there: Item | None) -> Item:
        if self.identity is None:
            return Item(self.value)
        if self.sequence is not None:
            return signed_item(self.identity, self.value, self.sequence, self.salt)
        if there is not None and there.value == self.value:
            return there
        next_one = min(MAX_INT, there.sequence + 1) if there is not None else 0
        return signed_item(self.identity, self.value, max(self.at_least, next_one), self.salt)

    @property
    def is_bound(self) -> bool:
        """Whether it may be put beside some versions only: a sequence of its own or ``cas``."""
        return self.identity is not None and (self.sequence is not None or self.cas is not None)

    def conflict(self, item: Item, there: Item | None) -> int | None:
        """The error (BEP 44) with which a node that has the version ``there`` would refuse
        ``item``, which was made of this draft; None if it would not.
        """
        if there is None or there.key is None:
            return None
        if self.cas is not None and self.cas != there.sequence:
            return error_codes.CAS_MISMATCH
        if there.sequence > item.sequence or (
            there.sequence == item.sequence and there.value != item.value
        ):
            return error_codes.SEQUENCE_TOO_LOW
        return None


class PutOperation(StoreOperation):
    """Attack: a node refuses every put with "a later version is here". Defence: such an error alone
    is noted as one refusal. The node is asked for the item once more, and only a version that its
    owner has signed is a conflict.
    """

    def __init__(
        self,
        operation: OperationId,
        make_lookup: MakeLookup,
        own_id: NodeId,
        draft: Draft,
        collector: ItemCollector,
    ) -> None:
        """``collector``: of the lookup; answers that come after its end count too."""
        super().__init__(make_lookup, own_id)
        self._operation = operation
        self._draft = draft
        self._collector = collector
        self._item: Item | None = None
        self._is_storing = False
        self._asked_again: set[Endpoint] = set()

    @property
    def method(self) -> str:
        return "put"

    def _found(self, result: LookupResult) -> bool:
        self._item = self._draft.item(result.item)
        # The nodes that hold a later version would refuse this one; one that has lost it would
        # store it, and then there would be two.
        self._is_storing = self._conflict() is None
        return self._is_storing

    def _query(self, target: NodeId, token: bytes) -> Put:
        assert self._item is not None
        return Put(b"", self._own_id, token, self._item, self._draft.cas)

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        if isinstance(pending.command.query, Put):
            return super().answered(pending, reply, now)
        if reply.held is not None:
            self._collector.take(reply.held)
        return self._one_less(pending.endpoint)

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        endpoint = command.endpoint
        if isinstance(command.query, Get):
            return self._one_less(endpoint)
        if not isinstance(reason, Error):
            return super().failed(command, reason, now)
        self._note_refusal(endpoint, reason)
        if (
            reason.code not in (error_codes.CAS_MISMATCH, error_codes.SEQUENCE_TOO_LOW)
            or self._draft.identity is None
            or self._conflict() is not None
            or endpoint in self._asked_again
            or endpoint not in self._waiting
        ):
            return self._one_less(endpoint)
        self._asked_again.add(endpoint)
        query = Get(b"", self._own_id, self._draft.target)
        return [SendQuery(endpoint, command.expected_id, query, self, group=self.group)]

    def outcome(self) -> Outcome:
        return Outcome.ERROR_ANSWER if self._conflict() is not None else super().outcome()

    def _conflict(self) -> tuple[int, Item] | None:
        """The error that a version made by another put is, and that version."""
        there, item = self._collector.item, self._item
        if there is None or item is None:
            return None
        if self._is_storing and there == item:
            return None  # the version that this put has stored
        code = self._draft.conflict(item, there)
        return None if code is None else (code, there)

    def _finished(self, outcome: Outcome) -> PutFinished:
        code, text, there = 0, "", None
        if outcome is Outcome.ERROR_ANSWER and (conflict := self._conflict()) is not None:
            code, there = conflict
            text = sequence_there(there)
        elif self.refused:
            code, text = self.refused[0].code, self.refused[0].text
        return PutFinished(
            self._operation,
            outcome,
            self._item,
            tuple(self.stored),
            self.queries,
            code,
            text,
            tuple(self.refused),
            self.unanswered,
            there,
            self.looked_up,
        )


def sequence_there(item: Item) -> str:
    """The text of a conflict with that version."""
    return f"the sequence there is {item.sequence}"
