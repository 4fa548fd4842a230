"""The lookups behind ``kadisc get``, ``put`` and ``resolve``."""

from __future__ import annotations

from collections.abc import Sequence

from ...contacts import Contact
from ...core.contract.events import LookupKind, Outcome, StoreRefusal
from ...core.lookup.put import Draft
from ...endpoints import Endpoint, Family
from ...errors import Conflict, ErrorAnswer, KadiscError, NoAnswer
from ...ids import NodeId
from ...observe.describe import count
from ...wire.items import Item
from ..api.items import conflict_with, latest, merged_conflict
from ..api.node import Node
from .host_resolver import HostResolver
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
        answers = await self.follow_to_end(
            self.node.lookup(
                self.target, kind=LookupKind.GET, family=family, seeds=seeds, salt=self._salt
            )
        )
        self.item = latest((self.item, answers.result.item))
        if answers.outcome is not Outcome.DONE:
            return False
        if self.item is not None and self.item.key is None:
            self.finish()
        return True


class PutSearch(MultiFamilyLookup):
    """Finds the nodes closest to an item's target and stores it there, once. ``item`` is what was
    stored.
    """

    def __init__(self, node: Node, draft: Draft) -> None:
        super().__init__(node, draft.target)
        self.item: Item | None = None
        self.stored: list[Contact] = []
        self.refused: list[StoreRefusal] = []
        self.unanswered: list[Contact] = []
        self._draft = draft
        self._refusal: ErrorAnswer | None = None
        self._conflicts: list[Conflict] = []

    def failure(self) -> KadiscError | None:
        """What to raise: Conflict if another version is there in one of the families, ErrorAnswer
        or NoAnswer if no node stored it; None if it was stored.
        """
        if self._conflicts:
            return merged_conflict(self._conflicts, self.stored)
        if self.stored:
            return None
        return self._refusal or NoAnswer(
            f"{count(self.answered, 'node')} answered, but none stored the item; try again"
        )

    async def run(self, sources: Sequence[Sequence[str]], timeout_s: float) -> HostResolver:
        if self._draft.is_bound and len(self.node.own_ids) > 1:
            # What one family has decides for the other as well, before anything is stored.
            search = ItemSearch(self.node, self.target, self._draft.salt)
            host_resolver = await search.run(sources, timeout_s)
            if (conflict := conflict_with(self._draft, search.item)) is not None:
                self._conflicts.append(conflict)
                self.answered = search.answered
                return host_resolver
        return await super().run(sources, timeout_s)

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        try:
            stored = await self.node.items.put_in(family, self._draft, seeds, self.follow)
        except Conflict as conflict:
            self._conflicts.append(conflict)
            return True
        except ErrorAnswer as error:
            self._refusal = error
            return True
        except NoAnswer:
            return False
        self.item = latest((self.item, stored.item))
        self.stored += stored.stored
        self.stored.sort(key=lambda contact: contact.id ^ self.target)
        self.refused += stored.refused
        self.unanswered += stored.unanswered
        return True
