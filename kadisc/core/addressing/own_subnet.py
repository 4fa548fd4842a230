"""The /24 (IPv6 /48) of the node's own decided address, in which limits by subnet are wider.

A network of a few nodes is often in one subnet: the nodes of one company, the containers of one
host. Limits that hold there as elsewhere hide most of them from each other. Attack: a wider limit
is used by anyone with addresses in it. Defence: only the own subnet has one, which an attacker must
rent an address in for each node that it attacks; what is beyond the usual limits there takes only
what is empty, at most ``places`` of it, and gives way to any other node (decision 0030).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from ...endpoints import IPV4_BYTES, Endpoint
from .external_address import UNKNOWN, ExternalAddress
from .policy import AddressPolicy

ExtraPlaces: TypeAlias = Callable[[Endpoint], int]
"""How many places beyond the usual limits the subnet of an endpoint has."""
_ANY_PORT: Final = b"\0\1"


def no_extra_places(endpoint: Endpoint) -> int:
    return 0


class OwnSubnet:
    """In one address family."""

    __slots__ = ("_address", "_places", "_policy")

    def __init__(self, address: ExternalAddress, policy: AddressPolicy, places: int) -> None:
        self._address = address
        self._policy = policy
        self._places = places

    def extra_places(self, endpoint: Endpoint) -> int:
        """How many nodes beyond the usual limits are kept in the subnet of ``endpoint``: 0 unless
        it is that of this node.
        """
        ip = self._address.ip
        if ip is None or self._address.confidence is UNKNOWN:
            return 0
        if len(endpoint) != len(ip) + len(_ANY_PORT):
            return 0
        if len(ip) == IPV4_BYTES and ip[:3] != endpoint[:3]:
            return 0  # seen at a glance, as of nearly all
        policy = self._policy
        own = policy.subnet(Endpoint(ip + _ANY_PORT))
        return self._places if policy.subnet(endpoint) == own else 0
