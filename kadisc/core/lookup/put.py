"""Storing an item (BEP 44): a get lookup, which also tells what is there already, then put with the
token of each of the k closest.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...ids import NodeId
from ...text import one_line
from ...wire import error_codes
from ...wire.bencode import MAX_INT
from ...wire.items import Item, target_of_key, target_of_value
from ...wire.messages import Error, Put
from ..contract.events import LookupResult, OperationId, Outcome, PutFinished
from ..contract.identity import Identity, signed_item
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


class PutOperation(StoreOperation):
    def __init__(
        self, operation: OperationId, make_lookup: MakeLookup, own_id: NodeId, draft: Draft
    ) -> None:
        super().__init__(make_lookup, own_id)
        self._operation = operation
        self._draft = draft
        self._item: Item | None = None

    def _found(self, result: LookupResult) -> Error | None:
        there = result.item
        item = self._item = self._draft.item(there)
        if there is None or there.key is None:
            return None
        # The nodes that hold the item would refuse it; one that has lost it would store it, and
        # then there would be two versions.
        if self._draft.cas is not None and self._draft.cas != there.sequence:
            return Error(b"", error_codes.CAS_MISMATCH, f"the sequence there is {there.sequence}")
        if item.sequence < there.sequence or (
            item.sequence == there.sequence and item.value != there.value
        ):
            return Error(
                b"", error_codes.SEQUENCE_TOO_LOW, f"the sequence there is {there.sequence}"
            )
        return None

    def _query(self, target: NodeId, token: bytes) -> Put:
        assert self._item is not None
        return Put(b"", self._own_id, token, self._item, self._draft.cas)

    def _finished(self, outcome: Outcome) -> PutFinished:
        code, text = (
            (self.errors[0].code, one_line(self.errors[0].text)) if self.errors else (0, "")
        )
        return PutFinished(
            self._operation,
            outcome,
            self._item,
            tuple(self.stored),
            self.lookup.queries + self.queries,
            code,
            one_line(text),
        )
