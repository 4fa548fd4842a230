"""The policy on addresses: which ones are accepted from which source, handed to which node, and
counted together by limits.

Attack: a public node names 192.168.1.1 or 127.0.0.1 as its neighbours, and every node that asks it
sends queries to its own router, or to itself. Defence: an address of a scope that is not public is
accepted only from a source of the same scope, and handed only to such a node. Addresses that the
operator typed are not checked here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...as_map import AsMap
from ...contacts import Contact
from ...endpoints import (
    INVALID,
    IPV4_ENDPOINT_BYTES,
    PUBLIC,
    PUBLIC_EIGHTS,
    Endpoint,
    Scope,
    host_prefix,
    ip_of,
    netgroup_prefix,
    scope_of,
    subnet_prefix,
    tunnelled_ipv4,
)
from ...networks import NetworkSet, network_of
from .contact_pool import PooledContact
from .lan_contacts import LanContacts

ASN_PREFIX: Final = b"AS"
"""Stands before the number of an autonomous system in a netgroup. The netgroup has 6 bytes then, so
it never equals a prefix of a public address.
"""
IPV4_NETGROUP_BITS: Final = 16
IPV6_NETGROUP_BITS: Final = 32
SHARES: Final = 16
"""How many shares an IPv6 /32 has; see `AddressPolicy.share`."""
SHARE_OF_BYTE: Final = tuple(bytes(((byte ^ byte >> 4) % SHARES,)) for byte in range(256))
"""The number of a share, as the last byte of its prefix, by the /48's two bytes in the /32 XORed
with each other. The /48s that a provider hands out in sequence, or one for each region, are thus in
different shares.
"""


def _is_usual(endpoint: Endpoint) -> bool:
    """Whether it is seen at a glance that the address is a public IPv4 address, as nearly all are,
    with a port.
    """
    return (
        len(endpoint) == IPV4_ENDPOINT_BYTES
        and endpoint[0] in PUBLIC_EIGHTS
        and (endpoint[5] or endpoint[4]) > 0
    )


def of_one_netgroup(restricted_to: Iterable[str]) -> list[str]:
    """The networks that are no larger than a /16 (IPv6 /32): what an operator can know as its own.
    A larger one, as in ``0.0.0.0/0`` against IPv6, has networks of others.
    """
    networks = map(network_of, restricted_to)
    return [
        str(network)
        for network in networks
        if network.prefixlen >= (IPV4_NETGROUP_BITS if network.version == 4 else IPV6_NETGROUP_BITS)
    ]


class AddressPolicy:
    """``allow_private`` accepts private and loopback addresses from every source, as public ones:
    for devnets and tests. By prefix they are not counted.
    """

    __slots__ = (
        "_alone",
        "_any_alone",
        "_as_map",
        "_as_public",
        "_banned",
        "_restricted_to",
        "bars_any",
        "lan",
    )

    def __init__(
        self,
        allow_private: bool,
        banned: Iterable[str] = (),
        restricted_to: Iterable[str] = (),
        as_map: AsMap | None = None,
    ) -> None:
        """``banned``: networks in CIDR notation that this node never talks to; ``restricted_to``:
        the only networks that it talks to; raises ValueError. ``as_map``: the map of the operator,
        if there is one.
        """
        self.lan = LanContacts()
        """Nodes on the links of this machine."""
        self._as_map = as_map
        self._alone = NetworkSet(of_one_netgroup(restricted_to))
        self._any_alone = bool(self._alone)
        self.set_bars(NetworkSet(banned), NetworkSet(restricted_to))
        self._as_public = (
            (Scope.PUBLIC, Scope.PRIVATE, Scope.LOOPBACK) if allow_private else (Scope.PUBLIC,)
        )

    def set_bars(self, banned: NetworkSet, restricted_to: NetworkSet) -> None:
        """Excludes other addresses than before. Prefixes stay as they are: entries are counted by
        them, so those of a restriction that was not there at the start are shared as any others.
        """
        self._banned = banned
        self._restricted_to = restricted_to
        self.bars_any = bool(banned or restricted_to)
        """Whether `is_barred` can be True for any address."""

    def of(self, endpoint: Endpoint) -> Scope:
        """The scope that an address counts as."""
        scope = scope_of(endpoint)
        return PUBLIC if scope in self._as_public else scope

    def is_invalid(self, endpoint: Endpoint) -> bool:
        """Whether no node can be there. Nothing is sent to such an address, and a datagram with
        such a source is forged.
        """
        return scope_of(endpoint) is INVALID

    def is_barred(self, endpoint: Endpoint) -> bool:
        """Whether the operator excluded the address."""
        return self.bars_any and (
            endpoint in self._banned
            or (bool(self._restricted_to) and endpoint not in self._restricted_to)
        )

    def may_take(self, endpoint: Endpoint, source: Endpoint) -> bool:
        """Whether ``endpoint``, reported by ``source``, may be contacted at all."""
        if self.bars_any and self.is_barred(endpoint):
            return False
        scope = self.of(endpoint)
        if source in self.lan.guarded:
            return scope_of(endpoint) is PUBLIC
        return scope is PUBLIC or (scope is not INVALID and scope is self.of(source))

    def usable(self, reported: Iterable[PooledContact], source: Endpoint) -> list[Contact]:
        """The contacts reported by ``source`` that `may_take` allows. For nearly all of them their
        scope settles it.
        """
        at_once = () if self.bars_any or source in self.lan.guarded else self._as_public
        return [
            each.contact
            for each in reported
            if each.scope in at_once or self.may_take(each.contact.endpoint, source)
        ]

    # The prefixes that caps, limits, ranks and draws count by: this is their one owner. An IPv6
    # address that stands for an IPv4 address (a tunnel) has the prefixes of that. Addresses that
    # are not public, and those of a network that the operator restricts the node to, share prefixes
    # for good reasons, so each of their endpoints counts alone.

    def counts_alone(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint shares its prefixes with no other. NAT64 addresses do share them,
        although their scope is a special one: in a network without IPv4 every IPv4 host has one.
        """
        if self._any_alone and endpoint in self._alone:
            return True
        scope = scope_of(endpoint)
        return scope is not PUBLIC and (scope is not Scope.SPECIAL or not tunnelled_ipv4(endpoint))

    def is_budgeted_alone(self, endpoint: Endpoint) -> bool:
        """Whether budgets of traffic and shares of a store count the endpoint apart from its
        prefixes. Other than caps, those guard against floods, which come from a laboratory's or a
        company's own addresses as well: where these count as public, they share what their prefix
        has.
        """
        scope = self.of(endpoint)
        return scope is not PUBLIC and (scope is not Scope.SPECIAL or not tunnelled_ipv4(endpoint))

    def host(self, endpoint: Endpoint) -> bytes:
        """The IPv4 address, or the IPv6 /64."""
        if not self._any_alone and _is_usual(endpoint):
            return endpoint[:4]
        return endpoint if self.counts_alone(endpoint) else host_prefix(endpoint)

    def subnet(self, endpoint: Endpoint) -> bytes:
        """The IPv4 /24, or the IPv6 /48."""
        if not self._any_alone and _is_usual(endpoint):
            return endpoint[:3]
        return endpoint if self.counts_alone(endpoint) else subnet_prefix(endpoint)

    def netgroup(self, endpoint: Endpoint) -> bytes:
        """The addresses of one large operator: the autonomous system by the map of the operator of
        this node; without one, the IPv4 /16 (IPv6 /32).
        """
        if self._as_map is None and not self._any_alone and _is_usual(endpoint):
            return endpoint[:2]
        if self.counts_alone(endpoint):
            return endpoint
        asn = self.asn(endpoint)
        return ASN_PREFIX + asn.to_bytes(4, "big") if asn else netgroup_prefix(endpoint)

    def voter(self, endpoint: Endpoint) -> bytes:
        """What has one vote on the own address: the netgroup; of addresses that count alone, the
        host, since a port costs nothing.
        """
        if self._as_map is None and not self._any_alone and _is_usual(endpoint):
            return endpoint[:2]
        if self.counts_alone(endpoint):
            return host_prefix(endpoint)
        return self.netgroup(endpoint)

    def share(self, endpoint: Endpoint) -> bytes:
        """What has one chance where each subnet has the same: the IPv4 /24; in IPv6 one of
        `SHARES` shares of the /32, in which the /48 is.

        Attack: a broker gives a /48 away, and a /32 has 65,536 of them; drawn or ranked by /48,
        one operator outnumbers a whole network. Defence: however many /48s of one /32 there are,
        they are `SHARES` at most. A provider with many honest nodes has as many.
        """
        if len(endpoint) == IPV4_ENDPOINT_BYTES:
            return self.subnet(endpoint)
        if self.counts_alone(endpoint):
            return endpoint
        if tunnelled := tunnelled_ipv4(endpoint):
            return tunnelled[:3]
        folded = endpoint[4] ^ endpoint[5]
        return endpoint[:4] + SHARE_OF_BYTE[folded]

    @property
    def knows_asns(self) -> bool:
        return self._as_map is not None

    def asn(self, endpoint: Endpoint) -> int:
        """The number of the autonomous system; 0 if it is unknown or the address is not public."""
        if self._as_map is None or self.counts_alone(endpoint):
            return 0
        asn: int = self._as_map.asn_of(tunnelled_ipv4(endpoint) or ip_of(endpoint))
        return asn
