"""What the defences of the room `reach` are compared with: help without a budget, and a closed node
that does not care how small its network is.
"""

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


class NoGuard:
    """In place of `NetworkGuard`: a closed node withdraws from the tables of others in every
    network, however small.
    """

    __slots__ = ()

    def allows(self, now: float) -> bool:
        return True
