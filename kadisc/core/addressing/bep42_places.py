"""How many places in the ID space the nodes of one IPv6 /48 have: as many as those of one IPv4
address.

Attack: BEP 42 gives each IPv6 /64 its 8 places, and a /48, which a broker gives away, has 65,536 of
those. In a network of 300 nodes the owner of eight /48s had a valid ID beside any target, closer
than all honest ones. Defence: the ID still follows from the /64 as BEP 42 says, but of the valid
IDs of one /48 only those at 8 places count as valid, where a place is the first 21 bits. It is the
first 8 places at which nodes of that /48 *answered* this node, each as long as its nodes go on
answering (`PLACE_LASTS_S`). What others report takes no place, and a /48 that has places left is
judged by BEP 42 alone. So an operator that puts a node beside each target of a lookup runs out of
places after 8 targets. A provider that puts more than 8 nodes of this network into one /48 loses
little: a node whose ID does not count as valid still counts, among the few of its kind.
"""

from __future__ import annotations

from typing import Final

from ...endpoints import IPV4_BYTES, IPV4_ENDPOINT_BYTES, Endpoint
from ...ids import ID_BITS, NodeId
from ..contract.bounded import put_newest
from .bep42 import BEP42_BITS, conforms
from .policy import AddressPolicy

PLACES: Final = 8
"""The places of one IPv4 address by BEP 42, and of one IPv6 /48."""
PLACE_LASTS_S: Final = 3600.0
"""A place is free again when no node has answered there for so long."""
MAX_SUBNETS: Final = 1024
"""Subnets that are kept in mind."""


class SubnetPlaces:
    """Told of each answer in IPv6, and asked in place of `conforms`. In IPv4 it says the same."""

    __slots__ = ("_answered_at", "_policy")

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._answered_at: dict[bytes, dict[int, float]] = {}
        """By /48, and by place there: when a node last answered at it."""

    def answered(self, node_id: NodeId, endpoint: Endpoint, now: float) -> None:
        """A node has answered a query of this node."""
        if self._policy.counts_alone(endpoint) or not conforms(node_id, endpoint):
            return
        subnet = self._address_of(endpoint)
        places = self._answered_at.get(subnet, {})
        place = node_id >> ID_BITS - BEP42_BITS
        if place not in places and len(places) >= PLACES:
            since = now - PLACE_LASTS_S
            places = {place: at for place, at in places.items() if at > since}
            self._answered_at[subnet] = places
            if len(places) >= PLACES:
                return
        places[place] = now
        put_newest(self._answered_at, subnet, places, MAX_SUBNETS)

    def conforms(self, node_id: NodeId, endpoint: Endpoint) -> bool:
        """Whether the ID is valid at the endpoint by BEP 42, at a place that counts."""
        if not conforms(node_id, endpoint):
            return False
        if len(endpoint) == IPV4_ENDPOINT_BYTES or self._policy.counts_alone(endpoint):
            return True
        places = self._answered_at.get(self._address_of(endpoint))
        if places is None or len(places) < PLACES:
            return True
        return node_id >> ID_BITS - BEP42_BITS in places

    def _address_of(self, endpoint: Endpoint) -> bytes:
        """What counts as one address: the /48; the IPv4 address in that of a tunnel."""
        host = self._policy.host(endpoint)
        return host if len(host) == IPV4_BYTES else self._policy.subnet(endpoint)
