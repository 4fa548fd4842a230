"""Makes lookups: for callers, and for the table's own sake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config import CoreConfig
from ..contacts import Contact
from ..endpoints import Family
from ..ids import NodeId
from .disjoint import DisjointLookup
from .events import LookupKind, LookupResult, Outcome
from .exchange import Steps, Walk
from .lookup import Lookup, LookupRules
from .operations import Operations
from .overlay import Overlay
from .search import LookupLike, Search, SearchOptions

SEEDS_PER_K = 2
"""A lookup starts from so many times k contacts."""


class Searches:
    def __init__(self, config: CoreConfig, rules: LookupRules, overlays: Mapping[Family, Overlay], operations: Operations) -> None:
        self._config = config
        self._rules = rules
        self._overlays = overlays
        self._operations = operations

    def make(self, target: NodeId, options: SearchOptions, now: float, *, k: int | None = None, paths: int = 1) -> Search:
        own_id, wanted = self._overlays[options.family].own_id, k or self._config.table.k
        lookup: LookupLike = (
            DisjointLookup(target, own_id, self._config.lookup, self._rules, wanted, paths)
            if paths > 1
            else Lookup(target, own_id, self._config.lookup, self._rules, wanted)
        )
        return Search(lookup, options, own_id, self._config.lookup, now)

    def for_announce(self, info_hash: NodeId, family: Family, now: float) -> Search:
        operation = self._operations.new_id(own=True)
        return self.make(info_hash, SearchOptions(operation, LookupKind.GET_PEERS, family, announces_answers=False), now)

    def for_table(self, walk: Walk, now: float) -> Search:
        """The overlay hears of its start and of its end."""
        overlay = self._overlays[walk.family]
        options = SearchOptions(self._operations.new_id(own=True), LookupKind.FIND_NODE, walk.family, announces_answers=False)
        search = self.make(walk.target, options, now, k=walk.k)

        def finished(outcome: Outcome, result: LookupResult, now: float) -> Steps:
            return overlay.walk_finished(walk, outcome, now)

        search.when_finished = finished
        if (bucket := walk.fills) is not None:
            search.is_enough = lambda: overlay.parts.filling.has_enough(bucket)
        overlay.walk_started(walk, now)
        return search

    def first_contacts(self, search: Search, now: float) -> Sequence[Contact]:
        return self._overlays[search.options.family].first_contacts(search.target, SEEDS_PER_K * self._config.table.k, now)
