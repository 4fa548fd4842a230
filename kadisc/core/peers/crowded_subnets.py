"""Which verified peers are beyond the limits by subnet, and what is told of that.

A /24 (IPv6 /48) has few peers that are kept, and an address one. Further ones are given to the
application after all others. Where a whole network is in one subnet, or behind one address, that is
most of it: the operator of a small network is told once. In a network of many subnets the limits
are as they should be, and nothing is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..contract.events import Event, OwnAddressShared, PeersBeyondCaps
from .known_peers import KnownPeer, KnownPeers

MAX_TOLD: Final = 8
"""Subnets that are told of at most, in one run."""


class CrowdedSubnet(NamedTuple):
    """A /24 (3 bytes; IPv6 /48, 6 bytes) of whose verified peers some are beyond the limits."""

    prefix: bytes
    peers: int
    beyond_caps: int


class CrowdedSubnets:
    def __init__(
        self,
        known: KnownPeers,
        scopes: AddressPolicy,
        per_subnet: int,
        enough: int,
        is_kept: Callable[[Endpoint], bool],
    ) -> None:
        """``per_subnet``: how many peers of a subnet are within the limits, those that are kept
        (``is_kept``: in a slot or in the tried table) before others. ``enough``: in a network of
        peers in so many subnets nothing is told.
        """
        self._known = known
        self._scopes = scopes
        self._per_subnet = per_subnet
        self._enough = enough
        self._is_kept = is_kept
        self._last: list[CrowdedSubnet] = []
        """The crowded subnets in the round before."""
        self._told: dict[bytes, int] = {}
        self._told_of_own_address = False

    def beyond_caps(self) -> set[Endpoint]:
        """The verified peers that answered last time and are beyond the limits."""
        beyond: set[Endpoint] = set()
        for peers in self._by_subnet().values():
            beyond.update(each.endpoint for each in self._beyond(peers))
        return beyond

    def crowded(self) -> list[CrowdedSubnet]:
        """The subnets with peers beyond the limits, the most crowded first; none in a network of
        many subnets.
        """
        by_subnet = self._by_subnet()
        if len(by_subnet) >= self._enough:
            return []
        found = [
            CrowdedSubnet(prefix, len(peers), len(beyond))
            for prefix, peers in by_subnet.items()
            if (beyond := self._beyond(peers))
        ]
        return sorted(found, key=lambda each: (-each.peers, each.prefix))

    def due(self, own_endpoints: Iterable[Endpoint]) -> list[Event]:
        """What is to be told now; to be called once a round. A subnet is told of when its peers are
        as many as a round before, and again when they are twice as many as then.
        """
        before, self._last = self._last, self.crowded()
        events: list[Event] = self._own_address_shared(own_endpoints)
        for each in self._last:
            if (
                each in before
                and each.beyond_caps >= 2 * self._told.get(each.prefix, 0)
                and (each.prefix in self._told or len(self._told) < MAX_TOLD)
            ):
                self._told[each.prefix] = each.beyond_caps
                events.append(
                    PeersBeyondCaps(each.prefix, each.peers, each.beyond_caps, self._per_subnet)
                )
        return events

    def _by_subnet(self) -> dict[bytes, list[KnownPeer]]:
        by_subnet: dict[bytes, list[KnownPeer]] = {}
        subnet_of = self._scopes.subnet
        for known in self._known:
            if known.failures:
                continue
            subnet = subnet_of(known.endpoint)
            if len(subnet) != len(known.endpoint):  # else it counts alone
                by_subnet.setdefault(subnet, []).append(known)
        return by_subnet

    def _beyond(self, peers: list[KnownPeer]) -> list[KnownPeer]:
        first = [each for each in peers if not each.shares_address]
        beyond = [each for each in peers if each.shares_address]
        if len(first) > self._per_subnet:
            first.sort(key=lambda each: (not self._is_kept(each.endpoint), each.endpoint))
            beyond += first[self._per_subnet :]
        return beyond

    def _own_address_shared(self, own_endpoints: Iterable[Endpoint]) -> list[Event]:
        if self._told_of_own_address:
            return []
        hosts = {
            self._scopes.host(own): own
            for own in own_endpoints
            if not self._scopes.counts_alone(own)
        }
        if not any(map(self._known.is_at_host, hosts.values())):
            return []
        for known in self._known:
            own = hosts.get(self._scopes.host(known.endpoint))
            if own is not None and not known.failures:
                self._told_of_own_address = True
                return [OwnAddressShared(own, known.endpoint)]
        return []
