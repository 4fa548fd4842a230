"""Peers that were reported, or found, and are not verified yet: the queue of checks.

Attacks: a source names thousands of peers, so that there is no room for those of others; reports
name addresses in one network, so that the checks of many nodes hit it; reports cost a check each
and lead nowhere. Defences: the queue is bounded, in all, per source and per network of the named
peers; the sources take turns, however many peers of each wait; a named peer is checked only if that
is worth it; checks per address and per network are limited by the hour. In the subnet of this node
itself some more may wait, and be checked (`addressing/own_subnet.py`); they displace no others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from ...config import GossipConfig
from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import NodeId
from ..addressing.own_subnet import ExtraPlaces, no_extra_places
from ..addressing.policy import AddressPolicy
from ..book.entry import Source
from ..contract.times import NEVER
from ..limits.budget import Budget, CellHash, Cells, Rate

HOUR_S: Final = 3600.0
FROM_LOOKUPS: Final = b"walk"
"""The source, in place of a netgroup, of a candidate that answered in a lookup."""
FROM_RENDEZVOUS: Final = b"tag"
"""How the source of a candidate begins that was found under an info-hash of the network; the number
of the info-hash follows.
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """``source``: the netgroup of the node that named it, or a word for another source.
    ``reporter``: the peer that named it, if one did. ``ttl``: how many relays a report of it may
    take from here. ``too_old_at``: when it is not worth a check any more. ``from_push``: whether
    the peer pushed its own record.
    """

    endpoint: Endpoint
    node_id: NodeId | None
    source: bytes
    reporter: Endpoint | None
    ttl: int
    too_old_at: float
    from_push: bool = False

    @property
    def book_source(self) -> Source:
        """The source as the address book notes it."""
        if self.reporter:
            return self.reporter
        return self.endpoint if self.from_push else self.source.decode("ascii")

    @property
    def contact(self) -> Contact:
        return Contact(self.node_id or 0, self.endpoint)


class CandidateRule(Protocol):
    def __len__(self) -> int: ...

    def __contains__(self, endpoint: Endpoint) -> bool: ...

    def add(self, candidate: Candidate, per_source: int) -> str | None: ...

    def draw(
        self,
        now: float,
        is_wanted: Callable[[Candidate], bool],
        allows: Callable[[bytes], bool] | None = None,
    ) -> Candidate | None: ...

    def may_skip_ping(self, endpoint: Endpoint, now: float) -> bool: ...

    def drop(self, is_unwanted: Callable[[Endpoint], bool]) -> None: ...


class GossipCandidates:
    def __init__(
        self,
        config: GossipConfig,
        rng: Random,
        scopes: AddressPolicy,
        cell_hash: CellHash,
        extra_places: ExtraPlaces = no_extra_places,
    ) -> None:
        """``extra_places``: beyond the limits by subnet, for that of an endpoint."""
        self._config = config
        self._rng = rng
        self._scopes = scopes
        self._extra_places = extra_places
        self._extra: set[Endpoint] = set()
        """Those that wait in extra places."""
        self._by_source: dict[bytes, list[Candidate]] = {}
        """The first source has its turn."""
        self._endpoints: set[Endpoint] = set()
        self._counts: dict[bytes, int] = {}
        """Candidates by /24 and by /16; the two prefixes differ in length."""
        self._cell_hash = cell_hash
        per_host, per_subnet = config.checks_per_host_per_hour, config.checks_per_subnet_per_hour
        self._checks = Budget(
            host=Rate(per_host / HOUR_S, per_host), subnet=Rate(per_subnet / HOUR_S, per_subnet)
        )
        self._extra_checks = 0
        """Checks beyond these limits in the hour that began at ``_extra_checks_since``."""
        self._extra_checks_since = NEVER
        self._direct: Budget | None = None
        """Made when it is needed: nodes whose application waits for no peers need none."""

    def __len__(self) -> int:
        return len(self._endpoints)

    def __contains__(self, endpoint: Endpoint) -> bool:
        return endpoint in self._endpoints

    def add(self, candidate: Candidate, per_source: int) -> str | None:
        """Takes it, or returns why not. ``per_source``: how many of its source may wait."""
        endpoint = candidate.endpoint
        is_crowded = len(self._by_source.get(candidate.source, ())) >= per_source
        if endpoint in self._endpoints and (is_crowded or not self._was_met_only(candidate)):
            return "peer-candidate-known"
        if is_crowded:
            return "peer-candidate-source"
        subnet, netgroup = self._prefixes(endpoint)
        refusal = None
        if self._counts.get(subnet, 0) >= self._config.candidates_per_subnet:
            refusal = "peer-candidate-subnet"
        elif (
            netgroup != subnet
            and self._counts.get(netgroup, 0) >= self._config.candidates_per_netgroup
        ):
            refusal = "peer-candidate-netgroup"
        is_full = len(self._endpoints) >= self._config.max_candidates
        if refusal is not None:
            if is_full or len(self._extra) >= self._extra_places(endpoint):
                return refusal
            self._extra.add(endpoint)
        elif is_full:
            self._displace()
        self._by_source.setdefault(candidate.source, []).append(candidate)
        self._endpoints.add(endpoint)
        if refusal is None:
            for prefix in dict.fromkeys((subnet, netgroup)):
                self._counts[prefix] = self._counts.get(prefix, 0) + 1
        return None

    def draw(
        self,
        now: float,
        is_wanted: Callable[[Candidate], bool],
        allows: Callable[[bytes], bool] | None = None,
    ) -> Candidate | None:
        """One to check now: the sources take turns, and of one source a candidate is drawn at
        random. Candidates that are too old or not wanted any more are dropped. Those of a source
        that ``allows`` refuses go on waiting.
        """
        for _ in range(len(self._by_source)):
            source = next(iter(self._by_source))
            waiting = self._by_source.pop(source)
            if allows is not None and not allows(source):
                self._by_source[source] = waiting
                continue
            drawn = None
            while waiting and drawn is None:
                candidate = self._take(waiting, self._rng.randrange(len(waiting)))
                if (
                    now < candidate.too_old_at
                    and is_wanted(candidate)
                    and self._may_check(candidate, now)
                ):
                    drawn = candidate
            if waiting:
                self._by_source[source] = waiting  # at the end: the other sources come first
            if drawn is not None:
                return drawn
        return None

    def may_skip_ping(self, endpoint: Endpoint, now: float) -> bool:
        """Whether a check of an endpoint that was only named may begin with a query that is as
        long as its answer. A victim that reports name gets few of those, and pings otherwise.
        """
        if self._direct is None:
            per_host = self._config.direct_checks_per_host_per_hour
            per_subnet = self._config.direct_checks_per_subnet_per_hour
            self._direct = Budget(
                host=Rate(per_host / HOUR_S, per_host), subnet=Rate(per_subnet / HOUR_S, per_subnet)
            )
        return not self._direct.lacking(self._cells(endpoint), 1.0, now)

    def drop(self, is_unwanted: Callable[[Endpoint], bool]) -> None:
        """Forgets the candidates at such endpoints."""
        for source in [*self._by_source]:
            waiting = self._by_source[source]
            for index in range(len(waiting) - 1, -1, -1):
                if is_unwanted(waiting[index].endpoint):
                    self._take(waiting, index)
            if not waiting:
                del self._by_source[source]

    def _may_check(self, candidate: Candidate, now: float) -> bool:
        """A peer that pushed its record has shown by its token that it receives there; false
        reports of its address must not use up its checks.
        """
        endpoint = candidate.endpoint
        if candidate.from_push:
            return True
        if not self._checks.lacking(self._cells(endpoint), 1.0, now):
            return True
        return self._may_check_beyond(endpoint, now)

    def _cells(self, endpoint: Endpoint) -> Cells:
        if self._scopes.counts_alone(endpoint):
            return self._cell_hash.cells_of_one(endpoint)
        return self._cell_hash.cells(endpoint)

    def _may_check_beyond(self, endpoint: Endpoint, now: float) -> bool:
        """In the own subnet there are some checks an hour for each extra place."""
        places = self._extra_places(endpoint)
        if not places:
            return False
        if now >= self._extra_checks_since + HOUR_S:
            self._extra_checks, self._extra_checks_since = 0, now
        if self._extra_checks >= places * self._config.checks_per_host_per_hour:
            return False
        self._extra_checks += 1
        return True

    def _was_met_only(self, candidate: Candidate) -> bool:
        """Whether it waits as a node that answered in a lookup, and is named as a peer now: then it
        makes room for what is known now.
        """
        if candidate.source == FROM_LOOKUPS:
            return False
        waiting = self._by_source.get(FROM_LOOKUPS, [])
        for index, each in enumerate(waiting):
            if each.endpoint == candidate.endpoint:
                self._take(waiting, index)
                if not waiting:
                    del self._by_source[FROM_LOOKUPS]
                return True
        return False

    def _displace(self) -> None:
        """Drops one candidate of the source with the most: that source fills the queue."""
        source = max(self._by_source, key=lambda source: len(self._by_source[source]))
        waiting = self._by_source[source]
        self._take(waiting, self._rng.randrange(len(waiting)))
        if not waiting:
            del self._by_source[source]

    def _take(self, waiting: list[Candidate], index: int) -> Candidate:
        waiting[index], waiting[-1] = waiting[-1], waiting[index]
        candidate = waiting.pop()
        self._endpoints.discard(candidate.endpoint)
        if candidate.endpoint in self._extra:
            self._extra.discard(candidate.endpoint)
            return candidate
        for prefix in dict.fromkeys(self._prefixes(candidate.endpoint)):
            self._counts[prefix] -= 1
            if not self._counts[prefix]:
                del self._counts[prefix]
        return candidate

    def _prefixes(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        return self._scopes.subnet(endpoint), self._scopes.netgroup(endpoint)
