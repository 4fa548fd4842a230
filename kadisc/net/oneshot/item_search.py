"""The lookups behind ``kadisc get``, ``put`` and ``resolve``."""

from __future__ import annotations

from collections.abc import Sequence

from ...contacts import Contact
from ...core.contract.events import LookupKind, LookupResult, Outcome
from ...core.lookup.put import Draft
from ...endpoints import Endpoint, Family
from ...errors import ErrorAnswer, NoAnswer
from ...ids import NodeId
from ...wire.items import Item
from ..api.items import latest
from ..api.node import Node
from .multi_family import MultiFamilyLookup


class ItemSearch(MultiFamilyLookup):
    """Looks an item up. ``item`` is the latest version of all families; an immutable item ends the
    lookup as soon as it is found.
    """

    def __init__(self, node: Node, target: NodeId, salt: bytes = b"") -> None:
        super().__init__(node, target)
        self.item: Item | None = None
        self._salt = salt

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        result = await self._look_up(family, seeds)
        if result is not None and self.item is not None and self.item.key is None:
            self.finish()
        return result is not None

    async def _look_up(self, family: Family, seeds: Sequence[Endpoint]) -> LookupResult | None:
        """None where no node answered."""
        answers = await self.follow_to_end(
            self.node.lookup(
                self.target, kind=LookupKind.GET, family=family, seeds=seeds, salt=self._salt
            )
        )
        self.item = latest((self.item, answers.result.item))
        return answers.result if answers.outcome is Outcome.DONE else None


class PutSearch(ItemSearch):
    """Finds the nodes closest to an item's target and stores it there, once. ``item`` is what was
    stored; ``refusal`` is the error of a node that refused it.
    """

    def __init__(self, node: Node, draft: Draft) -> None:
        super().__init__(node, draft.target, draft.salt)
        self.stored: list[Contact] = []
        self.refusal: ErrorAnswer | None = None
        self._draft = draft
        self._putting = 0

    @property
    def queries(self) -> int:
        return super().queries + self._putting

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        if self._draft.identity is None:
            self.item = None  # found before: it is stored again all the same
        result = await self._look_up(family, seeds)
        if result is None:
            return False
        # The lookup of the put begins at the closest nodes: one hop, which brings the tokens.
        try:
            stored = await self.node.items.put_in(
                family, self._draft, [node.contact.endpoint for node in result.closest]
            )
        except ErrorAnswer as error:
            self.refusal = error
            return True
        except NoAnswer:
            return False
        self._putting += stored.queries
        self.item = latest((self.item, stored.item))
        self.stored += stored.stored
        self.stored.sort(key=lambda contact: contact.id ^ self.target)
        return True
