"""A lookup along disjoint paths (S/Kademlia, section 4.2): several plain lookups that share no
responder, and a last one over the results of all.

Attack: a colluder answers with colluders only, and a plain lookup that has queried it follows them
to the end. Defence: with d paths that share no responder, an attacker must capture every path. Each
path goes on until its share of the k closest has answered. When all paths have finished, their
peers are merged, and a last plain lookup queries those of the k closest that no path has queried. A
captured path cannot hide a node that answered another path. Forged IDs right beside the target can
still push such a node out of the k closest (`docs/explanation/attacks.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from functools import partial

from ...config import LookupConfig
from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import NodeId
from .closest import ClosestLookup
from .peer import LookupRules, Peer
from .region import NO_REGION, RegionRule


class DisjointLookup:
    """Has the interface of one `ClosestLookup`, and consists of d of them and a last one. The paths
    take the first contacts in turn. A peer that one path has queried belongs to that path.
    """

    def __init__(
        self,
        target: NodeId,
        own_ids: Container[NodeId],
        config: LookupConfig,
        rules: LookupRules,
        k: int,
        paths: int,
        *,
        least_distances: Sequence[int] = (),
        known: Callable[[], Iterable[Contact]] = tuple,
        region: RegionRule = NO_REGION,
    ) -> None:
        """``region``: of the last lookup, which knows what all paths were told."""
        self.target = target
        self.k = k
        self._owner: dict[Endpoint, int] = {}
        share = -(-k // paths)
        self._paths = [
            ClosestLookup(
                target,
                own_ids,
                config,
                replace(rules, is_free=self._free_for(path)),
                share,
                least_distances=least_distances,
                known=known,
            )
            for path in range(paths)
        ]
        self._new_last: Callable[[], ClosestLookup] = partial(
            ClosestLookup,
            target,
            own_ids,
            config,
            rules,
            k,
            least_distances=least_distances,
            known=known,
            region=region,
        )
        self._last = self._new_last()
        self._paths_finished = False

    def start(self, contacts: Iterable[Contact], endpoints: Iterable[Endpoint] = ()) -> list[Peer]:
        contacts = list(contacts)
        endpoints = list(endpoints)
        count = len(self._paths)
        queried: list[Peer] = []
        for number, path in enumerate(self._paths):
            started = path.start(contacts[number::count], endpoints[number::count])
            self._claim(number, started)
            queried += started
        return queried or self._continue(0, [])

    def answered(
        self, endpoint: Endpoint, sender: NodeId, contacts: Iterable[Contact]
    ) -> list[Peer]:
        if self._paths_finished:
            return self._last.answered(endpoint, sender, contacts)
        path = self._owner.get(endpoint)
        if path is None:
            return []
        return self._continue(path, self._paths[path].answered(endpoint, sender, contacts))

    def stalled(self, endpoint: Endpoint) -> list[Peer]:
        if self._paths_finished:
            return self._last.stalled(endpoint)
        path = self._owner.get(endpoint)
        return [] if path is None else self._continue(path, self._paths[path].stalled(endpoint))

    def failed(self, endpoint: Endpoint) -> list[Peer]:
        if self._paths_finished:
            return self._last.failed(endpoint)
        path = self._owner.get(endpoint)
        return [] if path is None else self._continue(path, self._paths[path].failed(endpoint))

    @property
    def finished(self) -> bool:
        return self._paths_finished and self._last.finished

    @property
    def refused(self) -> dict[str, int]:
        merged: dict[str, int] = {}
        for lookup in (*self._paths, self._last):
            for reason, times in lookup.refused.items():
                merged[reason] = merged.get(reason, 0) + times
        return merged

    @property
    def query_target(self) -> NodeId:
        return self.target

    def settle(self) -> None:
        for lookup in (*self._paths, self._last):
            lookup.settle()

    def closest(self) -> list[Peer]:
        return self._merged().closest()

    def region(self) -> list[Peer]:
        return self._last.region() if self._paths_finished else []

    @property
    def suspicious(self) -> bool:
        return self._last.suspicious

    @property
    def answered_count(self) -> int:
        if self._paths_finished:
            return self._last.answered_count
        return sum(path.answered_count for path in self._paths)

    def _continue(self, path: int, queried: list[Peer]) -> list[Peer]:
        self._claim(path, queried)
        if queried or not all(path.finished for path in self._paths):
            return queried
        self._last = self._merged()
        self._paths_finished = True
        return self._last.resume()

    def _merged(self) -> ClosestLookup:
        """A lookup with the peers of all paths; the last lookup itself once it has begun."""
        if self._paths_finished:
            return self._last
        merged = self._new_last()
        for path in self._paths:
            merged.absorb(path)
        return merged

    def _claim(self, path: int, queried: list[Peer]) -> None:
        for peer in queried:
            self._owner[peer.endpoint] = path

    def _free_for(self, path: int) -> Callable[[Endpoint], bool]:
        return lambda endpoint: self._owner.get(endpoint, path) == path
