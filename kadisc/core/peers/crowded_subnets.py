"""What the limits by subnet leave out, told once to the operator of a small network.

Of each /24 (IPv6 /48) the application is given one peer before it is given a second one of any, and
the routing table keeps few. Where a whole network is in one subnet, or behind one address, that is
most of it, and nothing else would say so. In a network of many subnets the limits are as they
should be, and nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..contract.events import Event, OwnAddressShared, PeersBeyondCaps
from .known_peers import KnownPeers

MAX_TOLD: Final = 8
"""Subnets that are told of at most, in one run."""


class CrowdedSubnet(NamedTuple):
    """A /24 (3 bytes; IPv6 /48, 6 bytes) with several verified peers. ``beyond_caps``: those of
    them that are given to the application after all others.
    """

    prefix: bytes
    peers: int
    beyond_caps: int


class CrowdedSubnets:
    def __init__(self, known: KnownPeers, scopes: AddressPolicy, enough: int) -> None:
        """``enough``: in a network of peers in so many subnets nothing is told."""
        self._known = known
        self._scopes = scopes
        self._enough = enough
        self._last: dict[bytes, int] = {}
        """The peers of each crowded subnet in the round before."""
        self._told: dict[bytes, int] = {}
        self._told_of_own_address = False

    def now(self) -> list[CrowdedSubnet]:
        """The subnets with several peers that answered last time, the most crowded first; none in a
        network of many subnets.
        """
        counts = self._counts()
        if len(counts) >= self._enough:
            return []
        crowded = [CrowdedSubnet(each, n, n - 1) for each, n in counts.items() if n > 1]
        return sorted(crowded, key=lambda each: (-each.peers, each.prefix))

    def due(self, own_endpoints: Iterable[Endpoint]) -> list[Event]:
        """What is to be told now; to be called once a round. A subnet is told of when its peers are
        as many as a round before, and again when they are twice as many as then.
        """
        counts = self._counts()
        is_small = len(counts) < self._enough
        before, self._last = self._last, counts if is_small else {}
        events: list[Event] = self._own_address_shared(own_endpoints)
        if not is_small:
            return events
        for prefix, number in counts.items():
            if (
                number > 1
                and before.get(prefix) == number
                and number >= 2 * self._told.get(prefix, 1)
                and (prefix in self._told or len(self._told) < MAX_TOLD)
            ):
                self._told[prefix] = number
                events.append(PeersBeyondCaps(prefix, number, number - 1))
        return events

    def _counts(self) -> dict[bytes, int]:
        counts: dict[bytes, int] = {}
        for known in self._known:
            endpoint = known.endpoint
            if not known.failures and not self._scopes.counts_alone(endpoint):
                prefix = self._scopes.subnet(endpoint)
                counts[prefix] = counts.get(prefix, 0) + 1
        return counts

    def _own_address_shared(self, own_endpoints: Iterable[Endpoint]) -> list[Event]:
        if self._told_of_own_address:
            return []
        hosts = {
            self._scopes.host(own): own
            for own in own_endpoints
            if not self._scopes.counts_alone(own)
        }
        for known in self._known if hosts else ():
            own = hosts.get(self._scopes.host(known.endpoint))
            if own is not None and not known.failures:
                self._told_of_own_address = True
                return [OwnAddressShared(own, known.endpoint)]
        return []
