"""Announces and puts, and later searches for them by other nodes: are they found?"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...core.contract.events import (
    AnnounceFinished,
    LookupFinished,
    LookupKind,
    PeersFound,
    PutFinished,
)
from ...core.lookup.put import Draft
from ...endpoints import ip_of
from ...ids import NodeId
from ..lab import Lab
from ..measure.statistics import Metrics, mean, share
from ..model.host import Host
from .asker import settled_asker

LONGEST_S = 90.0
"""How long to wait for the last searches."""
SEARCHED_AFTER_S = 5.0
PORT = 7777


@dataclass(slots=True)
class SoughtStore:
    """One announce or put by ``host``, and the search for it by another node, ``searcher``."""

    host: Host
    is_put: bool
    target: NodeId
    searcher: Host | None = None
    found: bool = False
    ended: bool = False
    store_queries: int = 0
    queries: int = 0


@dataclass(slots=True)
class SearchProbe:
    """Starts announces and puts in turns, and 5 s after the end of each a search by another random
    settled node.
    """

    lab: Lab
    stores: list[SoughtStore] = field(default_factory=list)

    def go_on_for(self, seconds: float, stores: int) -> None:
        """Starts so many evenly over the time, and waits for the last search."""
        lab = self.lab
        for number in range(stores):
            at = lab.world.now + number * seconds / stores
            lab.world.at(at, self._store, bool(number % 2))
        lab.run(seconds)
        lab.run_while(lambda: any(self._runs(store) for store in self.stores), LONGEST_S)

    def metrics(self) -> Metrics:
        # One whose node left before its end does not count.
        counted = [store for store in self.stores if store.ended]
        announces = [store.found for store in counted if not store.is_put]
        puts = [store.found for store in counted if store.is_put]
        return {
            "searches": len(counted),
            "announces_found": share(sum(announces), len(announces)),
            "puts_found": share(sum(puts), len(puts)),
            "store_queries_mean": mean([store.store_queries for store in counted], 1),
            "queries_mean": mean([store.queries for store in counted], 1),
        }

    @staticmethod
    def _runs(store: SoughtStore) -> bool:
        host = store.searcher or store.host
        return not store.ended and host.up

    def _store(self, is_put: bool) -> None:
        lab = self.lab
        host = settled_asker(lab)
        if host is None:
            return
        draft = Draft(b"i%de" % lab.rng.getrandbits(62))
        target: NodeId = draft.target if is_put else lab.rng.getrandbits(160)
        store = SoughtStore(host, is_put, target)
        self.stores.append(store)
        if is_put:
            operation = lab.world.do(host, host.node.put, draft, family=lab.family)
        else:
            operation = lab.world.do(host, host.node.announce, target, PORT, family=lab.family)

        def on_event(now: float, event: object) -> None:
            if isinstance(event, (AnnounceFinished, PutFinished)) and event.operation == operation:
                host.on_event = None
                store.store_queries = event.queries
                lab.world.at(lab.world.now + SEARCHED_AFTER_S, self._search, store)

        host.on_event = on_event

    def _search(self, store: SoughtStore) -> None:
        lab = self.lab
        searcher = settled_asker(lab)
        while searcher is store.host:
            searcher = settled_asker(lab)
        if searcher is None or not store.host.up:
            return
        host = store.searcher = searcher
        kind = LookupKind.GET if store.is_put else LookupKind.GET_PEERS
        operation = lab.world.do(
            host, host.node.start_lookup, store.target, family=lab.family, kind=kind
        )
        announced = ip_of(store.host.outside) + PORT.to_bytes(2, "big")

        def on_event(now: float, event: object) -> None:
            if isinstance(event, PeersFound) and event.operation == operation:
                store.found = store.found or announced in event.peers
            elif isinstance(event, LookupFinished) and event.operation == operation:
                host.on_event = None
                store.ended = True
                store.queries = event.result.queries
                store.found = store.found or event.result.item is not None

        host.on_event = on_event
