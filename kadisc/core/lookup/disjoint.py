"""Disjoint paths by wrapping plain lookups (S/Kademlia, section 4.2), never sharing a responder.

The attack: a colluder who is asked once answers with colluders only, and a plain lookup follows him
to the end. With d paths that share no responder, every path must be captured. Each path goes on
until its share of the k closest has answered. When all have arrived, what they know is put
together, and a last plain lookup asks those of the k closest that no path came to. A captured path
cannot hide whom another has found: he has answered. But IDs that were made up right beside the
target can crowd him out of the k closest (`docs/explanation/attacks.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from ...config import LookupConfig
from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import NodeId
from .closest import ClosestLookup
from .peer import LookupRules, Peer


class DisjointLookup:
    """Looks like one `ClosestLookup`, is d of them and a last one. Contacts are dealt to the paths
    in turn; whom one path asks, no other asks.
    """

    def __init__(
        self,
        target: NodeId,
        own_id: NodeId,
        config: LookupConfig,
        rules: LookupRules,
        k: int,
        paths: int,
    ) -> None:
        self.target = target
        self.k = k
        self._owner: dict[Endpoint, int] = {}
        share = -(-k // paths)
        self._paths = [
            ClosestLookup(
                target, own_id, config, replace(rules, is_free=self._free_for(path)), share
            )
            for path in range(paths)
        ]
        self._new_last: Callable[[], ClosestLookup] = partial(
            ClosestLookup, target, own_id, config, rules, k
        )
        self._last = self._new_last()
        self._arrived = False

    def start(self, contacts: Iterable[Contact], endpoints: Iterable[Endpoint] = ()) -> list[Peer]:
        contacts, endpoints, d = list(contacts), list(endpoints), len(self._paths)
        asked: list[Peer] = []
        for i, path in enumerate(self._paths):
            started = path.start(contacts[i::d], endpoints[i::d])
            self._claim(i, started)
            asked += started
        return asked or self._go_on(0, [])

    def answered(
        self, endpoint: Endpoint, sender: NodeId, contacts: Iterable[Contact]
    ) -> list[Peer]:
        if self._arrived:
            return self._last.answered(endpoint, sender, contacts)
        path = self._owner.get(endpoint)
        return (
            []
            if path is None
            else self._go_on(path, self._paths[path].answered(endpoint, sender, contacts))
        )

    def stalled(self, endpoint: Endpoint) -> list[Peer]:
        if self._arrived:
            return self._last.stalled(endpoint)
        path = self._owner.get(endpoint)
        return [] if path is None else self._go_on(path, self._paths[path].stalled(endpoint))

    def failed(self, endpoint: Endpoint) -> list[Peer]:
        if self._arrived:
            return self._last.failed(endpoint)
        path = self._owner.get(endpoint)
        return [] if path is None else self._go_on(path, self._paths[path].failed(endpoint))

    @property
    def finished(self) -> bool:
        return self._arrived and self._last.finished

    @property
    def refused(self) -> dict[str, int]:
        merged: dict[str, int] = {}
        for lookup in (*self._paths, self._last):
            for reason, times in lookup.refused.items():
                merged[reason] = merged.get(reason, 0) + times
        return merged

    def settle(self) -> None:
        for lookup in (*self._paths, self._last):
            lookup.settle()

    def closest(self) -> list[Peer]:
        return self._together().closest()

    @property
    def answered_count(self) -> int:
        return (
            self._last.answered_count
            if self._arrived
            else sum(path.answered_count for path in self._paths)
        )

    def _go_on(self, path: int, asked: list[Peer]) -> list[Peer]:
        self._claim(path, asked)
        if asked or not all(path.finished for path in self._paths):
            return asked
        self._last = self._together()
        self._arrived = True
        return self._last.resume()

    def _together(self) -> ClosestLookup:
        """What all paths know so far; the last lookup itself once it is under way."""
        if self._arrived:
            return self._last
        together = self._new_last()
        for path in self._paths:
            together.absorb(path)
        return together

    def _claim(self, path: int, asked: list[Peer]) -> None:
        for peer in asked:
            self._owner[peer.endpoint] = path

    def _free_for(self, path: int) -> Callable[[Endpoint], bool]:
        return lambda endpoint: self._owner.get(endpoint, path) == path
