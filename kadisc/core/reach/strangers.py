"""The strangers that sent this node a query by themselves: evidence that needs no helper."""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint
from ..contract.times import NEVER

PASSIVE_S: Final = 60.0
"""Queries of strangers prove the endpoint when no helper has named a witness for so long, since it
was decided; and such a query counts for so long.
"""


class Strangers:
    """``enough``: the queries of strangers of so many netgroups prove an endpoint."""

    __slots__ = ("_by_netgroup", "_enough", "last", "last_at")

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._by_netgroup: dict[bytes, float] = {}
        """When one of the netgroup sent a query last; ``enough`` entries at most."""
        self.last: Endpoint | None = None
        """The one whose query was the latest evidence."""
        self.last_at = NEVER

    def asked(self, source: Endpoint, now: float) -> None:
        """The query of a stranger came to an endpoint that is proven already."""
        self.last, self.last_at = source, now

    def are_enough(self, source: Endpoint, netgroup: bytes, now: float) -> bool:
        """Takes the query of a stranger. Returns whether there were enough lately."""
        self.asked(source, now)
        self._by_netgroup = {
            each: at for each, at in self._by_netgroup.items() if now - at < PASSIVE_S
        }
        if len(self._by_netgroup) < self._enough:
            self._by_netgroup[netgroup] = now
        return len(self._by_netgroup) >= self._enough

    def clear(self) -> None:
        """The endpoint is another one: what got in before proves nothing of it."""
        self._by_netgroup.clear()
        self.last, self.last_at = None, NEVER
