"""Which addresses may be taken from whom, and handed to whom.

The attack: a public node names 192.168.1.1 or 127.0.0.1 as its neighbours, and everybody who asks
it knocks at his own router, or at himself. So an address of a narrow scope is taken only from a
source of that scope, and handed only to one. What the operator typed never comes through here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...as_map import AsMap
from ...contacts import Contact
from ...endpoints import (
    Endpoint,
    Scope,
    host_prefix,
    ip_of,
    netgroup_prefix,
    scope_of,
    subnet_prefix,
)
from ...networks import NetworkSet
from .contact_pool import PooledContact

SYSTEM: Final = b"AS"
"""Before the number of one, 6 bytes in all: no prefix of a public address is as long."""


class AddressPolicy:
    """``allow_private`` treats private and loopback addresses as public ones in every way, caps
    included: for devnets and tests.
    """

    __slots__ = ("_as_map", "_as_public", "_banned", "_restricted_to", "bars")

    def __init__(
        self,
        allow_private: bool,
        banned: Iterable[str] = (),
        restricted_to: Iterable[str] = (),
        as_map: AsMap | None = None,
    ) -> None:
        """``banned`` and ``restricted_to``: networks in CIDR notation that are never, or that alone
        are, talked to; raises ValueError. ``as_map``: of the operator, where there is one.
        """
        self._as_map = as_map
        self._banned = NetworkSet(banned)
        self._restricted_to = NetworkSet(restricted_to)
        self.bars = bool(self._banned or self._restricted_to)
        """Whether there is anybody whom the operator does not want to hear of."""
        self._as_public = (
            (Scope.PUBLIC, Scope.PRIVATE, Scope.LOOPBACK) if allow_private else (Scope.PUBLIC,)
        )

    def of(self, endpoint: Endpoint) -> Scope:
        scope = scope_of(endpoint)
        return Scope.PUBLIC if scope in self._as_public else scope

    def is_invalid(self, endpoint: Endpoint) -> bool:
        """Nobody can be there: nothing is sent there, and what says that it comes from there is
        forged.
        """
        return scope_of(endpoint) is Scope.INVALID

    def is_barred(self, endpoint: Endpoint) -> bool:
        """Whether the operator does not want to hear of that address."""
        return self.bars and (
            endpoint in self._banned
            or (bool(self._restricted_to) and endpoint not in self._restricted_to)
        )

    def may_take(self, endpoint: Endpoint, source: Endpoint) -> bool:
        """Whether ``endpoint``, named by ``source``, may be contacted at all."""
        if self.bars and self.is_barred(endpoint):
            return False
        scope = self.of(endpoint)
        return scope is Scope.PUBLIC or (scope is not Scope.INVALID and scope is self.of(source))

    def usable(self, named: Iterable[PooledContact], source: Endpoint) -> list[Contact]:
        """Those that `may_take` allows, of the contacts that ``source`` named: nearly all, at a
        glance.
        """
        at_once = () if self.bars else self._as_public
        return [
            each.contact
            for each in named
            if each.scope in at_once or self.may_take(each.contact.endpoint, source)
        ]

    # What limits are counted by. Addresses that are not public share prefixes for good reasons, so
    # each endpoint counts for itself.

    def host(self, endpoint: Endpoint) -> bytes:
        return host_prefix(endpoint) if self.of(endpoint) is Scope.PUBLIC else endpoint

    def subnet(self, endpoint: Endpoint) -> bytes:
        return subnet_prefix(endpoint) if self.of(endpoint) is Scope.PUBLIC else endpoint

    def netgroup(self, endpoint: Endpoint) -> bytes:
        """One large operator: who is in one autonomous system, by the operator's map; where that
        knows of none, the /16 (IPv6 /32).
        """
        if self.of(endpoint) is not Scope.PUBLIC:
            return endpoint
        asn = self.asn(endpoint)
        return SYSTEM + asn.to_bytes(4, "big") if asn else netgroup_prefix(endpoint)

    @property
    def knows_asns(self) -> bool:
        return self._as_map is not None

    def asn(self, endpoint: Endpoint) -> int:
        """The number of its autonomous system, 0 where that is not known, or where the address is
        not public.
        """
        if self._as_map is None or self.of(endpoint) is not Scope.PUBLIC:
            return 0
        asn: int = self._as_map.asn_of(ip_of(endpoint))
        return asn
