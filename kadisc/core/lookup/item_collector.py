"""The items (BEP 44) that the answers of a lookup bring.

A node can answer with anything: an item counts only if it belongs to the target and its owner
signed it. Old versions are as valid as new ones, so of a mutable item the highest sequence counts
and the lookup goes on to its end. An immutable item has one version, and one copy of it is enough.
"""

from __future__ import annotations

from typing import Any

from ...errors import DecodeError
from ...ids import NodeId
from ...wire.items import Item, item_from
from ..contract.identity import verify_item


class ItemCollector:
    """``salt``: of the mutable item at ``target``, which the answers do not contain. ``item``: the
    version that the node holds itself, before the first query.
    """

    def __init__(self, target: NodeId, salt: bytes = b"", item: Item | None = None) -> None:
        self.target = target
        self.salt = salt
        self.item = item
        self.refused = 0
        """Answers with another item than the one looked up, or with a wrong signature."""

    def is_enough(self) -> bool:
        """Whether an immutable item was found: there is no other version of it."""
        return self.item is not None and self.item.key is None

    def take(self, held: dict[bytes, Any]) -> None:
        """Looks at the fields of one answer."""
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
