"""What a lookup of an item (BEP 44) has found so far.

Whoever answers can say anything: an item counts only if it is the one that was asked for and its
owner signed it. Old versions are as genuine as new ones, so of a mutable item the highest sequence
counts, and the lookup goes on to its end; of an immutable one there is one, and that is enough.
"""

from __future__ import annotations

from typing import Any

from ...errors import DecodeError
from ...ids import NodeId
from ...wire.items import Item, item_from
from ..contract.identity import verify_item


class ItemCollector:
    """``salt``: of the mutable item at ``target``, which its answers do not name. ``item``: what is
    known before anybody was asked.
    """

    def __init__(self, target: NodeId, salt: bytes = b"", item: Item | None = None) -> None:
        self.target = target
        self.salt = salt
        self.item = item
        self.refused = 0
        """Answers with something else than what was asked for, or with a wrong signature."""

    @property
    def is_final(self) -> bool:
        return self.item is not None and self.item.key is None

    def heard(self, held: dict[bytes, Any]) -> None:
        """What one answer had."""
        if b"v" not in held:
            return
        try:
            item = item_from(held, self.salt)
        except DecodeError:
            self.refused += 1
            return
        known = self.item
        if item == known or (
            known is not None and item.target == self.target and item.sequence <= known.sequence
        ):
            return
        if item.target != self.target or not verify_item(item):
            self.refused += 1
            return
        self.item = item
