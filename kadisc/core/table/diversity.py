"""Diversity caps: how many table entries one address, one /24 and one /16 may have (IPv6: /64, /48,
/32).

The attack: whoever wants to surround a node needs many IDs, and IDs are free; addresses are not.
geth's table could be filled from 28 networks of 256 addresses. The caps count *verified* entries
alone: caps on hearsay let an attacker fill a network's places with addresses that he does not own
(nim-eth).

Addresses that are not public are not capped: a lab behind one router shares a /24.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Protocol

from ...config import TableConfig
from ...endpoints import Endpoint, Scope, host_prefix, netgroup_prefix, subnet_prefix
from ..addressing.policy import AddressPolicy


class DiversityRule(Protocol):
    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None: ...

    def is_surplus(self, endpoint: Endpoint) -> bool: ...

    def add(self, endpoint: Endpoint, bucket: int) -> None: ...

    def remove(self, endpoint: Endpoint, bucket: int) -> None: ...


class DiversityCaps:
    """The endpoints of one table, ordered: those of one network stand together, so that a count is
    a look at neighbours. ``refusal`` is the rule.

    Counters for each address and network would take 340 bytes an entry; this takes 9, and a refusal
    is found as fast.
    """

    __slots__ = ("_buckets", "_config", "_endpoints", "_scopes")

    def __init__(self, config: TableConfig, scopes: AddressPolicy) -> None:
        self._config = config
        self._scopes = scopes
        self._endpoints: list[Endpoint] = []
        self._buckets = bytearray()  # of each, in parallel

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        """Why an entry at ``endpoint`` may not be added to ``bucket`` now; None if it may."""
        if self._scopes.of(endpoint) is not Scope.PUBLIC:
            return None
        config, endpoints, host = self._config, self._endpoints, host_prefix(endpoint)
        neighbours = self._within(subnet_prefix(endpoint))
        if not neighbours:
            return None
        if sum(endpoints[at].startswith(host) for at in neighbours) >= config.per_host:
            return "cap-address"
        if (
            self._buckets.count(bucket, neighbours.start, neighbours.stop)
            >= config.per_subnet_in_bucket
        ):
            return "cap-narrow-bucket"
        if len(neighbours) >= config.per_subnet_in_table:
            return "cap-narrow-table"
        return None

    def is_surplus(self, endpoint: Endpoint) -> bool:
        """Whether one more entry there is beyond the soft cap of its /16: welcome in a vacancy
        only, and first to be challenged.
        """
        if self._scopes.of(endpoint) is not Scope.PUBLIC:
            return False
        return len(self._within(netgroup_prefix(endpoint))) >= self._config.per_netgroup_in_table

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        at = bisect_left(self._endpoints, endpoint)
        self._endpoints.insert(at, endpoint)
        self._buckets.insert(at, bucket)

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        at = bisect_left(self._endpoints, endpoint)
        del self._endpoints[at], self._buckets[at]

    def _within(self, prefix: bytes) -> range:
        """Where the endpoints stand that begin with ``prefix``."""
        endpoints = self._endpoints
        first = end = bisect_left(endpoints, prefix)
        while end < len(endpoints) and endpoints[end].startswith(prefix):
            end += 1
        return range(first, end)


class NoDiversityCaps:
    """The lab switch, and plain Kademlia."""

    __slots__ = ()

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        return None

    def is_surplus(self, endpoint: Endpoint) -> bool:
        return False

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        pass

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        pass
