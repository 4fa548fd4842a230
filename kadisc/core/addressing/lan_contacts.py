"""Nodes on a link of this machine, which the shell found by their beacons.

Attack: a host of the link makes nodes there, or forges beacons, to have a fresh node know nobody
else. Defence: contacts on the LAN are guarded. They enter no table, slot or address book, do not
vote on the own address, do not count as online, and lead only to public addresses. The shell lifts
the guard for a network that is on this link alone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ...endpoints import Endpoint

MAX_GUARDED: Final = 64
"""Guarded contacts at most; the shell uses fewer."""


class LanContacts:
    __slots__ = ("guarded", "own")

    def __init__(self) -> None:
        self.guarded: set[Endpoint] = set()
        """Endpoints of contacts on the LAN. To be changed by `add` and `discard` alone."""
        self.own: frozenset[Endpoint] = frozenset()
        """The endpoints of this node on its links: private addresses, with its port."""

    def add(self, endpoint: Endpoint) -> bool:
        """Returns whether it is guarded now."""
        if endpoint not in self.guarded and len(self.guarded) >= MAX_GUARDED:
            return False
        self.guarded.add(endpoint)
        return True

    def discard(self, endpoint: Endpoint) -> None:
        self.guarded.discard(endpoint)

    def set_own(self, endpoints: Collection[Endpoint]) -> None:
        self.own = frozenset(endpoints)
