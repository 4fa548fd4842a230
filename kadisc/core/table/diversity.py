"""Diversity caps: how many table entries one host, one subnet, one netgroup and one autonomous
system may have.

Attack: to surround a node takes many IDs, and IDs are free; addresses are not. The table of geth
could be filled from 28 networks of 256 addresses. Defence: caps on *verified* entries for each
address (IPv6 /64), each /24 (/48) and each /16 (/32). Caps on reported contacts would let an
attacker fill the places of a network with addresses that it does not own (nim-eth). IPv6 addresses
of tunnels count as the IPv4 addresses in them.

The cap of a /16 is soft, because a whole network may be in one: its surplus entries take vacancies.
They keep no place against others. Attack: 3,000 addresses in one /16 that all answer take nine in
ten entries, and a later contact finds the buckets full. Defence: a verified contact of another
netgroup takes the place of the youngest surplus entry, which need not be silent. Bitcoin Core
protects the diversity of its connections in the same way, when it evicts one.

Addresses that are not public are not capped: a lab behind one router shares a /24. In the subnet of
this node itself, entries beyond the hard caps are surplus as well, up to a number
(`addressing/own_subnet.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, Protocol

from ...config import TableConfig
from ...endpoints import (
    IPV4_ENDPOINT_BYTES,
    Endpoint,
    host_prefix,
    netgroup_prefix,
    subnet_prefix,
    tunnelled_ipv4,
)
from ..addressing.own_subnet import ExtraPlaces, no_extra_places
from ..addressing.policy import AddressPolicy


class DiversityRule(Protocol):
    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None: ...

    def is_surplus(self, endpoint: Endpoint) -> bool: ...

    any_is_over_full: bool

    def is_over_full(self, endpoint: Endpoint) -> bool: ...

    def add(self, endpoint: Endpoint, bucket: int) -> None: ...

    def remove(self, endpoint: Endpoint, bucket: int) -> None: ...


_BEYOND: Final = b"\xff" * 24
"""After a prefix: comes after everything in the order of `DiversityCaps` that begins with it."""
_TUNNEL: Final = b"\x20\x02"
"""Stands before the IPv4 address of a tunnel, as in 6to4: so no native IPv6 prefix equals it."""


class DiversityCaps:
    """The caps by prefix. The endpoints of the table are kept in order, so that those of one
    network stand together and are counted by a look at neighbours. Those of tunnels begin with the
    IPv4 address there.

    Counters for each address and network would take 340 bytes an entry; this takes 9, and a refusal
    is found as fast.
    """

    __slots__ = (
        "_buckets",
        "_config",
        "_endpoints",
        "_extra_places",
        "_over_full",
        "_own_subnet_over_full",
        "_scopes",
        "any_is_over_full",
    )

    def __init__(
        self,
        config: TableConfig,
        scopes: AddressPolicy,
        extra_places: ExtraPlaces = no_extra_places,
    ) -> None:
        self._config = config
        self._scopes = scopes
        self._extra_places = extra_places
        self._own_subnet_over_full = False
        self._endpoints: list[bytes] = []
        self._buckets = bytearray()  # in parallel: the bucket of each
        self._over_full: set[bytes] = set()  # the netgroups beyond their soft cap
        self.any_is_over_full = False
        """Whether `is_over_full` can be True for any entry."""

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        """Why an entry at ``endpoint`` may not be added to ``bucket`` now; None if it may."""
        if self._scopes.counts_alone(endpoint):
            return None
        neighbours = self._within(_subnet(endpoint))
        if not neighbours:
            return None
        config, endpoints = self._config, self._endpoints
        host = _kind(endpoint) + host_prefix(endpoint)
        reason = None
        if sum(endpoints[at].startswith(host) for at in neighbours) >= config.per_host:
            reason = "cap-host"
        elif (
            self._buckets.count(bucket, neighbours.start, neighbours.stop)
            >= config.per_subnet_in_bucket
        ):
            reason = "cap-subnet-bucket"
        elif len(neighbours) >= config.per_subnet_in_table:
            reason = "cap-subnet-table"
        if reason is None:
            return None
        extra = self._extra_places(endpoint)
        return None if extra and len(neighbours) < config.per_subnet_in_table + extra else reason

    def is_surplus(self, endpoint: Endpoint) -> bool:
        """Whether one more entry there is beyond the soft cap of its netgroup, or another one in
        the own subnet: it is added to a vacancy only, and gives way to an entry from elsewhere.
        """
        if self._scopes.counts_alone(endpoint):
            return False
        if self._has_more_than(self._config.per_netgroup_in_table - 1, _netgroup(endpoint)):
            return True
        return bool(self._extra_places(endpoint) and self._within(_subnet(endpoint)))

    def is_over_full(self, endpoint: Endpoint) -> bool:
        """Whether the netgroup of an entry has more entries than its soft cap, or its subnet is the
        own one and has several.
        """
        if self._scopes.counts_alone(endpoint):
            return False
        if _netgroup(endpoint) in self._over_full:
            return True
        return self._own_subnet_over_full and self._is_in_crowded_own_subnet(endpoint)

    def _is_in_crowded_own_subnet(self, endpoint: Endpoint) -> bool:
        if not self._extra_places(endpoint):
            return False
        return self._has_more_than(1, _subnet(endpoint))

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        ordered = _ordered(endpoint)
        at = bisect_left(self._endpoints, ordered)
        self._endpoints.insert(at, ordered)
        self._buckets.insert(at, bucket)
        self._recount(endpoint)

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        at = bisect_left(self._endpoints, _ordered(endpoint))
        del self._endpoints[at], self._buckets[at]
        self._recount(endpoint)

    def _recount(self, endpoint: Endpoint) -> None:
        if self._scopes.counts_alone(endpoint):
            return
        netgroup = _netgroup(endpoint)
        if self._has_more_than(self._config.per_netgroup_in_table, netgroup):
            self._over_full.add(netgroup)
        else:
            self._over_full.discard(netgroup)
        if self._extra_places(endpoint):
            self._own_subnet_over_full = self._is_in_crowded_own_subnet(endpoint)
        self.any_is_over_full = bool(self._over_full) or self._own_subnet_over_full

    def _has_more_than(self, count: int, prefix: bytes) -> bool:
        """Whether more than ``count`` endpoints begin with ``prefix``: they stand together."""
        at = bisect_left(self._endpoints, prefix) + count
        return at < len(self._endpoints) and self._endpoints[at].startswith(prefix)

    def _within(self, prefix: bytes) -> range:
        """The places of the endpoints that begin with ``prefix``."""
        endpoints = self._endpoints
        first = bisect_left(endpoints, prefix)
        if first == len(endpoints) or not endpoints[first].startswith(prefix):
            return range(first, first)  # as nearly always for a subnet
        return range(first, bisect_left(endpoints, prefix + _BEYOND, first))


def _kind(endpoint: Endpoint) -> bytes:
    """What stands before the prefixes of an endpoint in the order of `DiversityCaps`."""
    if len(endpoint) == IPV4_ENDPOINT_BYTES or not tunnelled_ipv4(endpoint):
        return b""
    return _TUNNEL


def _subnet(endpoint: Endpoint) -> bytes:
    """The prefix of its subnet in the order of `DiversityCaps`."""
    if len(endpoint) == IPV4_ENDPOINT_BYTES:
        return endpoint[:3]
    return _kind(endpoint) + subnet_prefix(endpoint)


def _netgroup(endpoint: Endpoint) -> bytes:
    """The prefix of its netgroup in the order of `DiversityCaps`."""
    if len(endpoint) == IPV4_ENDPOINT_BYTES:
        return endpoint[:2]
    return _kind(endpoint) + netgroup_prefix(endpoint)


def _ordered(endpoint: Endpoint) -> bytes:
    """The endpoint itself; of a tunnel, its IPv4 address stands before it."""
    kind = _kind(endpoint)
    return kind + tunnelled_ipv4(endpoint) + endpoint if kind else endpoint


class AsnCaps:
    """A soft cap for each autonomous system beside the caps by prefix, for an operator who has a
    map of them (`as_map.py`).

    Attack: a hosting company sells addresses out of hundreds of /16s by the hour, which look like
    those of many operators. Defence: the map shows that they are one system. The cap is as soft as
    that of a /16, because large hosting companies have many honest nodes, too.
    """

    __slots__ = (
        "_by_prefix",
        "_counts",
        "_over_full",
        "_per_asn",
        "_scopes",
        "any_is_over_full",
    )

    def __init__(self, by_prefix: DiversityRule, scopes: AddressPolicy, per_asn: int) -> None:
        self._by_prefix = by_prefix
        self._scopes = scopes
        self._per_asn = per_asn
        self._counts: dict[int, int] = {}
        self._over_full: set[int] = set()
        self.any_is_over_full = False

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        return self._by_prefix.refusal(endpoint, bucket)

    def is_surplus(self, endpoint: Endpoint) -> bool:
        return (
            self._by_prefix.is_surplus(endpoint)
            or self._counts.get(self._scopes.asn(endpoint), 0) >= self._per_asn
        )

    def is_over_full(self, endpoint: Endpoint) -> bool:
        return self._by_prefix.is_over_full(endpoint) or (
            bool(self._over_full) and self._scopes.asn(endpoint) in self._over_full
        )

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        self._by_prefix.add(endpoint, bucket)
        if asn := self._scopes.asn(endpoint):
            self._counts[asn] = self._counts.get(asn, 0) + 1
            if self._counts[asn] > self._per_asn:
                self._over_full.add(asn)
        self.any_is_over_full = self._by_prefix.any_is_over_full or bool(self._over_full)

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        self._by_prefix.remove(endpoint, bucket)
        if asn := self._scopes.asn(endpoint):
            self._counts[asn] -= 1
            if self._counts[asn] <= self._per_asn:
                self._over_full.discard(asn)
            if not self._counts[asn]:
                del self._counts[asn]
        self.any_is_over_full = self._by_prefix.any_is_over_full or bool(self._over_full)
