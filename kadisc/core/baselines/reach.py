"""What the defences of the room `reach` are compared with: help without a budget."""

from __future__ import annotations

from ...endpoints import Endpoint


class NoHelpBudgets:
    """In place of `HelpBudgets`: each node that asks is helped, as often as it asks."""

    __slots__ = ()

    def may_ask(self, asker: Endpoint, now: float) -> bool:
        return True

    def may_dial(self, asker: Endpoint, now: float) -> bool:
        return True

    def may_ping(self, helper: Endpoint, target: Endpoint, now: float) -> bool:
        return True
