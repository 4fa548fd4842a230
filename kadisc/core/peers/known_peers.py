"""The peers that proved themselves in this run, in a slot or not: when they last answered, how we
came to know them, how far news of them may go.

The view (`gossip_view.py`) decides who holds slots, the address book who is remembered for long.
This is what both and the answers to others rest on: one entry an endpoint, one key an entry and
family, bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ...endpoints import Endpoint
from ..addressing.netgroup_sampling import PrefixOf
from ..book.entry import Source
from ..contract.verified_peer import VerifiedPeer

MAX_KNOWN: Final = 512


@dataclass(slots=True, eq=False)
class Known:
    """``ttl``: how many relays news of it may take from here. ``came_to_us``: it pushed itself.
    ``inbound``: it answered, but perhaps only through the hole that its own query opened;
    ``traffic_at``: when anything last passed between us, either way.
    """

    peer: VerifiedPeer
    source: bytes
    told_by: Source
    ttl: int
    came_to_us: bool
    inbound: bool
    rtt_s: float | None
    verified_at: float
    traffic_at: float
    failures: int = 0
    failed_at: float = float("-inf")
    missed_at: float = float("-inf")
    """When it last left a query unanswered, its own fault or not."""
    counted: bool = False
    """Whether its silence counts already as evidence of a mass death."""
    noted_at: float = float("-inf")
    """When the book last heard of it."""
    renewed_at: float = float("-inf")
    """When somebody last said, with its record, that it has a newer one."""
    renamed: bool = False
    """Another node ID than it had answered there: perhaps somebody else."""


class KnownPeers:
    """In the order in which they answered last, or did not answer; the longest ago first."""

    def __init__(self, host_of: PrefixOf, network_of: PrefixOf) -> None:
        """``host_of``: the address that one host can be assumed to have; ``network_of``: the
        network that has to make room first if it is crowded.
        """
        self._known: dict[Endpoint, Known] = {}
        self._by_host = _Index(host_of)
        self._by_network = _Index(network_of)
        self._by_key: dict[tuple[bytes, int], Endpoint] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Known]:
        return iter(self._known.values())

    def at(self, endpoint: Endpoint) -> Known | None:
        return self._known.get(endpoint)

    def of_key(self, key: bytes, like: Endpoint) -> Known | None:
        """Who has this key in the family of ``like``."""
        endpoint = self._by_key.get((key, len(like)))
        return self._known.get(endpoint) if endpoint is not None else None

    def beside(self, endpoint: Endpoint) -> Known | None:
        """Somebody else at this address, on another port. Addresses that are not public are shared
        for good reasons, and count for themselves.
        """
        return next(
            (self._known[other] for other in self._by_host.like(endpoint) if other != endpoint),
            None,
        )

    def put(self, known: Known) -> None:
        """In place of what was at this endpoint, if anything was."""
        peer = known.peer
        self.remove(peer.endpoint)
        self._known[peer.endpoint] = known
        self._by_key[peer.key, len(peer.endpoint)] = peer.endpoint
        self._by_host.add(peer.endpoint)
        self._by_network.add(peer.endpoint)

    def answered(self, known: Known, now: float) -> None:
        known.verified_at = known.traffic_at = now
        known.failures, known.counted = 0, False
        self._to_the_end(known)

    def missed(self, known: Known, now: float) -> None:
        known.missed_at = now
        self._to_the_end(known)

    def _to_the_end(self, known: Known) -> None:
        self._known.pop(known.peer.endpoint, None)
        self._known[known.peer.endpoint] = known

    def remove(self, endpoint: Endpoint) -> Known | None:
        known = self._known.pop(endpoint, None)
        if known is None:
            return None
        if self._by_key.get((known.peer.key, len(endpoint))) == endpoint:
            del self._by_key[known.peer.key, len(endpoint)]
        self._by_host.remove(endpoint)
        self._by_network.remove(endpoint)
        return known

    def surplus(self, is_kept: Callable[[Known], bool]) -> Known | None:
        """Whom to forget when there are too many: of those that nobody needs the one that answered
        longest ago, of the most crowded network first.
        """
        if len(self._known) <= MAX_KNOWN:
            return None
        crowd = self._by_network.largest()
        if len(crowd) > 1:
            replacement = [
                known for endpoint in crowd if not is_kept(known := self._known[endpoint])
            ]
            if replacement:
                return min(replacement, key=_verified_at)
        return next((known for known in self if not is_kept(known)), next(iter(self)))


class _Index:
    """Endpoints by what they have in common."""

    def __init__(self, prefix_of: PrefixOf) -> None:
        self._prefix_of = prefix_of
        self._endpoints: dict[bytes, list[Endpoint]] = {}

    def like(self, endpoint: Endpoint) -> list[Endpoint]:
        return self._endpoints.get(self._prefix_of(endpoint), [])

    def largest(self) -> list[Endpoint]:
        """Those of the prefix with the most; there is one."""
        return max(self._endpoints.values(), key=len)

    def add(self, endpoint: Endpoint) -> None:
        self._endpoints.setdefault(self._prefix_of(endpoint), []).append(endpoint)

    def remove(self, endpoint: Endpoint) -> None:
        prefix = self._prefix_of(endpoint)
        here = self._endpoints[prefix]
        here.remove(endpoint)
        if not here:
            del self._endpoints[prefix]


def _verified_at(known: Known) -> float:
    return known.verified_at
