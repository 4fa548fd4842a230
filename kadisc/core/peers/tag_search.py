"""Lookups of the network's info-hashes for an application that waits for peers.

They begin as soon as the node has a contact, or the address of a bootstrap node: a lookup of an
info-hash leads into the DHT as well as one of the own ID does, and its answers serve both. When
they bring nothing they are repeated after a pause that doubles. The first lookups take one path
each, which is fastest; the later ones take as many as those of the node itself (`rendezvous.py`):
what an attacker on one path hid is found then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ...endpoints import Endpoint, Family, family_of
from ..contract.events import OperationId
from ..contract.queries import RendezvousLookup
from ..contract.times import NEVER
from .rendezvous import info_hashes

FIRST_PAUSE_S: Final = 30.0
"""The pause after the first lookups; it doubles."""
REMEMBERED: Final = 64
"""Lookups that are remembered by their operations."""
LAST_PAUSE_S: Final = 900.0
"""The longest pause between such lookups."""


class TagSearch:
    """``counts``: how many contacts the routing table of a family holds. ``can_begin``: whether a
    lookup there has a contact to begin with.
    """

    def __init__(
        self,
        families: Iterable[Family],
        tag: bytes,
        paths: int,
        count: Callable[[Family], int],
        can_begin: Callable[[Family], bool],
    ) -> None:
        self._hashes = info_hashes(tag)
        self._paths = paths
        self._count = count
        self._can_begin = can_begin
        self._families = {family: _Family() for family in families}
        self.running: dict[OperationId, Family] = {}
        """The lookups that have begun and not ended."""
        self.recent: deque[OperationId] = deque(maxlen=REMEMBERED)
        """The lookups that began last, those that have ended among them."""
        self.queries = 0
        """Datagrams of the lookups that have ended."""

    def seeded(self, family: Family, endpoints: Sequence[Endpoint]) -> None:
        """The node joins by these endpoints. Where no node has answered yet, the lookups begin
        there when they are due next, without a pause.
        """
        state = self._families.get(family)
        seeds = tuple(each for each in endpoints if family_of(each) is family)
        if state is None or not seeds:
            return
        state.seeds = seeds
        if not self._count(family):
            state.begin_at = NEVER

    def given(self) -> None:
        """The application was given a peer: the pauses are short again."""
        for state in self._families.values():
            state.pause_s = FIRST_PAUSE_S

    def due(self, now: float) -> list[RendezvousLookup]:
        """The lookups to begin now."""
        lookups: list[RendezvousLookup] = []
        for family, state in self._families.items():
            if now < state.begin_at or not (state.seeds or self._can_begin(family)):
                continue
            seeds = () if self._count(family) else state.seeds
            lookups += [
                RendezvousLookup(
                    family,
                    number,
                    info_hash,
                    announces=False,
                    port=None,
                    paths=self._paths if state.searched else 1,
                    for_caller=True,
                    seeds=seeds,
                )
                for number, info_hash in enumerate(self._hashes)
            ]
            state.begin_at = now + state.pause_s
            state.pause_s = min(2 * state.pause_s, LAST_PAUSE_S)
        return lookups

    def started(self, lookup: RendezvousLookup, operation: OperationId) -> None:
        self.running[operation] = lookup.family
        self.recent.append(operation)

    def ended(
        self, lookup: RendezvousLookup, operation: OperationId, queries: int, *, answered: bool
    ) -> None:
        """``answered``: whether any node answered in the lookup."""
        self.running.pop(operation, None)
        self.queries += queries
        state = self._families[lookup.family]
        state.searched = state.searched or answered

    def is_running(self, family: Family) -> bool:
        return family in self.running.values()


class _Family:
    __slots__ = ("begin_at", "pause_s", "searched", "seeds")

    def __init__(self) -> None:
        self.seeds: tuple[Endpoint, ...] = ()
        self.begin_at = NEVER
        self.pause_s = FIRST_PAUSE_S
        self.searched = False
        """Whether a lookup was answered before."""
