"""Peers that we were told of and have not met.

The attacks: one source that names thousands, so that those of others find no room; names in one
network, so that our checks hit it; and names that cost a check each and lead nowhere. So the queue
is bounded, in all, per source and per network of those named; the sources take turns, however many
each has waiting; whoever is named must be worth it to be checked; and checks at one address and one
network are counted by the hour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import NodeId
from ...config import GossipConfig
from ..addressing.policy import AddressPolicy
from ..book.entry import Source
from ..limits.prefix_limiter import PrefixLimiter

HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """``source``: the network of whoever named it, or what else we have it from; ``teller``: the
    peer who did, if one did; ``ttl``: how many relays the news of it may take from here;
    ``came_to_us``: it named itself.
    """

    endpoint: Endpoint
    node_id: NodeId | None
    source: bytes
    teller: Endpoint | None
    ttl: int
    too_old_at: float
    came_to_us: bool = False

    @property
    def told_by(self) -> Source:
        """As the address book notes it."""
        return self.teller or (self.endpoint if self.came_to_us else self.source.decode("ascii"))

    @property
    def contact(self) -> Contact:
        return Contact(self.node_id or 0, self.endpoint)


class CandidateRule(Protocol):
    def __len__(self) -> int: ...

    def __contains__(self, endpoint: Endpoint) -> bool: ...

    def add(self, candidate: Candidate, per_source: int) -> str | None: ...

    def draw(self, now: float, is_wanted: Callable[[Candidate], bool]) -> Candidate | None: ...


class GossipCandidates:
    def __init__(self, config: GossipConfig, rng: Random, scopes: AddressPolicy) -> None:
        self._config = config
        self._rng = rng
        self._scopes = scopes
        self._by_source: dict[bytes, list[Candidate]] = {}  # the first in the dict has its turn
        self._endpoints: set[Endpoint] = set()
        self._counts: dict[bytes, int] = {}  # by /24 and /16, that differ in length
        self._per_host = PrefixLimiter(
            config.checks_per_host_per_hour / HOUR_S,
            config.checks_per_host_per_hour,
            config.max_check_counts,
        )
        self._per_subnet = PrefixLimiter(
            config.checks_per_subnet_per_hour / HOUR_S,
            config.checks_per_subnet_per_hour,
            config.max_check_counts,
        )

    def __len__(self) -> int:
        return len(self._endpoints)

    def __contains__(self, endpoint: Endpoint) -> bool:
        return endpoint in self._endpoints

    def add(self, candidate: Candidate, per_source: int) -> str | None:
        """Takes it, or says why not. ``per_source``: how many of its source may wait."""
        endpoint = candidate.endpoint
        if endpoint in self._endpoints:
            return "peer-candidate-known"
        if len(self._by_source.get(candidate.source, ())) >= per_source:
            return "peer-candidate-source"
        subnet, netgroup = self._networks(endpoint)
        if self._counts.get(subnet, 0) >= self._config.candidates_per_subnet:
            return "peer-candidate-narrow"
        if (
            netgroup != subnet
            and self._counts.get(netgroup, 0) >= self._config.candidates_per_netgroup
        ):
            return "peer-candidate-wide"
        if len(self._endpoints) >= self._config.max_candidates:
            self._displace()
        self._by_source.setdefault(candidate.source, []).append(candidate)
        self._endpoints.add(endpoint)
        for network in dict.fromkeys((subnet, netgroup)):
            self._counts[network] = self._counts.get(network, 0) + 1
        return None

    def draw(self, now: float, is_wanted: Callable[[Candidate], bool]) -> Candidate | None:
        """One to check now: the sources take turns, the candidates of one are drawn by lot. What is
        too old or not wanted any more goes.
        """
        for _ in range(len(self._by_source)):
            source = next(iter(self._by_source))
            waiting = self._by_source.pop(source)
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
                self._by_source[source] = waiting  # at the end: the others first
            if drawn is not None:
                return drawn
        return None

    def _may_check(self, candidate: Candidate, now: float) -> bool:
        """Who came himself has shown with his token where he is; others, who named him in vain
        before, must not have used up his checks.
        """
        if candidate.came_to_us:
            return True
        endpoint = candidate.endpoint
        return self._per_host.take(self._scopes.host(endpoint), now) and self._per_subnet.take(
            self._scopes.subnet(endpoint), now
        )

    def _displace(self) -> None:
        """One of the source with the most: what is full, is full of its."""
        source = max(self._by_source, key=lambda source: len(self._by_source[source]))
        waiting = self._by_source[source]
        self._take(waiting, self._rng.randrange(len(waiting)))
        if not waiting:
            del self._by_source[source]

    def _take(self, waiting: list[Candidate], index: int) -> Candidate:
        waiting[index], waiting[-1] = waiting[-1], waiting[index]
        candidate = waiting.pop()
        self._endpoints.discard(candidate.endpoint)
        for network in dict.fromkeys(self._networks(candidate.endpoint)):
            self._counts[network] -= 1
            if not self._counts[network]:
                del self._counts[network]
        return candidate

    def _networks(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        return self._scopes.subnet(endpoint), self._scopes.netgroup(endpoint)


class FirstComeCandidates:
    """What the limits are measured against: one queue, in order of arrival, whoever named whom."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._waiting: dict[Endpoint, Candidate] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, endpoint: Endpoint) -> bool:
        return endpoint in self._waiting

    def add(self, candidate: Candidate, per_source: int) -> str | None:
        if candidate.endpoint in self._waiting or len(self._waiting) >= self._config.max_candidates:
            return "peer-candidates-full"
        self._waiting[candidate.endpoint] = candidate
        return None

    def draw(self, now: float, is_wanted: Callable[[Candidate], bool]) -> Candidate | None:
        while self._waiting:
            candidate = self._waiting.pop(next(iter(self._waiting)))
            if now < candidate.too_old_at and is_wanted(candidate):
                return candidate
        return None
