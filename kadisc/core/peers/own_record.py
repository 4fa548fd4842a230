"""The node's own peer record: made anew, with a higher sequence, whenever the node's address or its
services change.

A record has at most 300 bytes. The services are given when the node starts, the addresses are found
out later, by the votes of others: services that leave no room for an address of each family are
refused when they are given. Later nothing is refused, because then there is no caller to be told,
and an error would end the node. A service at another host than this one is left out while that is
not in the subnet of this node's own address: no other node would believe it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...config import DEFAULT_NETWORK
from ...endpoints import Endpoint, Family, family_of
from ...errors import UsageError
from ...service_values import ServiceAddress, ServiceValue
from ...wire import bencode
from ...wire.items import SIGNATURE_BYTES
from ...wire.records import MAX_RECORD_BYTES, to_be_signed, unsigned_fields
from ..contract.identity import Identity
from .rendezvous import network_tag

_RESERVED_ENDPOINTS: Final = {
    Family.IPV4: Endpoint(b"\xff" * 6),
    Family.IPV6: Endpoint(b"\xff" * 18),
}
"""As long as the endpoints of a node can be: the number of a port has up to five digits."""
_RESERVED_SEQUENCE: Final = 9_999_999_999_999
"""As long as a sequence of milliseconds since 1970 is until the year 2286."""
_SIGNATURE: Final = bytes(SIGNATURE_BYTES)


@dataclass(frozen=True, slots=True)
class Membership:
    """The node's identity and its network. ``services``: name -> port or short bytes. ``wall_s``:
    the wall clock, in seconds since 1970, when the node is made; the core has no such clock.
    """

    identity: Identity
    network: str = DEFAULT_NETWORK
    services: Mapping[str, ServiceValue] = field(default_factory=dict)
    wall_s: float = 0.0
    reachable: bool = True
    """False if other nodes are known not to reach this one unasked: then it is not announced."""

    @property
    def tag(self) -> bytes:
        return network_tag(self.network)

    @property
    def named(self) -> bool:
        """Whether the operator named a network: then the node looks for it on the DHT."""
        return self.network != DEFAULT_NETWORK


class OwnRecord:
    """``fields`` is the record as it goes into messages, ``raw`` the same as canonical bytes.

    The sequence is the larger of the last one + 1 and the wall clock in milliseconds: the first
    keeps rising when the clock is set back, the second when the state file is lost.
    """

    def __init__(self, membership: Membership, now: float) -> None:
        """Raises UsageError for services that no record can hold."""
        self._membership = membership
        self._clock_offset_s = membership.wall_s - now
        self.services: Mapping[str, ServiceValue] = dict(membership.services)
        self.endpoints: dict[Family, Endpoint] = {}
        self.closed: tuple[Family, ...] = ()
        """The families in which strangers do not reach this node."""
        self.elsewhere: list[Endpoint] = []
        """Endpoints of this node that the record does not name."""
        self.sequence = 0
        self.fields: dict[bytes, Any] = {}
        self.raw = b""
        self.left_out: str | None = None
        """What the record lacks because it would be too long: ``closed``, ``address``,
        ``services``; or because no node would believe it: ``service-elsewhere``; or None.
        """
        self._check(self.services)
        self._make(now)

    def says(self, endpoints: Mapping[Family, Endpoint], closed: Collection[Family]) -> bool:
        """Whether the record says that already."""
        return endpoints == self.endpoints and set(closed) == set(self.closed)

    def own_endpoints(self) -> list[Endpoint]:
        """Where this node is: the endpoints in its record, and those beside them."""
        return [*self.endpoints.values(), *self.elsewhere]

    def set_endpoints(
        self,
        endpoints: Mapping[Family, Endpoint],
        now: float,
        closed: Collection[Family] = (),
    ) -> bool:
        """``closed``: the families in which strangers do not reach the node. Returns whether
        anything changed.
        """
        if self.says(endpoints, closed):
            return False
        self.endpoints = dict(endpoints)
        self.closed = tuple(closed)
        self._make(now)
        return True

    def set_services(self, services: Mapping[str, ServiceValue], now: float) -> bool:
        """Returns whether they changed. Raises UsageError, and then changes nothing."""
        if services == self.services:
            return False
        self._check(services)
        self.services = dict(services)
        self._make(now)
        return True

    def continue_after(self, sequence: int, now: float) -> None:
        """The last run got as far as this sequence; this one goes on above it."""
        if sequence >= self.sequence:
            self.sequence = sequence
            self._make(now)

    def _check(self, services: Mapping[str, ServiceValue]) -> None:
        """Raises UsageError unless a record holds them beside an endpoint of each family, whichever
        of them the node has now.
        """
        sequence = max(self.sequence + 1, _RESERVED_SEQUENCE)
        try:
            fields = self._unsigned(sequence, _RESERVED_ENDPOINTS, services)
        except ValueError as error:
            raise UsageError(str(error)) from None
        needed = _size(fields)
        if needed > MAX_RECORD_BYTES:
            taken = needed - _size(self._unsigned(sequence, _RESERVED_ENDPOINTS, {}))
            raise UsageError(
                f"the services take {taken} bytes of the record, and"
                f" {MAX_RECORD_BYTES - needed + taken} are free for them: of the at most"
                f" {MAX_RECORD_BYTES} that are sent, the others are needed for key, network,"
                " signature and an address of each family; name fewer services, or shorter ones"
            )

    def _make(self, now: float) -> None:
        """Raises nothing: the services were checked before. Only a sequence far above the wall
        clock, from the state of an earlier run, makes the record longer than was reserved for it.
        """
        sequence = max(self.sequence + 1, int((self._clock_offset_s + now) * 1000))
        services = self._believable()
        fields = self._unsigned(sequence, self.endpoints, services, self.closed)
        self.left_out = None if len(services) == len(self.services) else "service-elsewhere"
        if self.closed and _size(fields) > MAX_RECORD_BYTES:
            self.left_out = "closed"
            fields = self._unsigned(sequence, self.endpoints, services)
        if _size(fields) > MAX_RECORD_BYTES and len(self.endpoints) > 1:
            self.left_out = "address"
            first = {Family.IPV4: self.endpoints[Family.IPV4]}
            fields = self._unsigned(sequence, first, services)
        if _size(fields) > MAX_RECORD_BYTES:
            self.left_out = "services"
            fields = self._unsigned(sequence, self.endpoints, {})
        fields[b"sig"] = self._membership.identity.sign(to_be_signed(fields))
        self.fields = fields
        self.raw = bencode.encode(fields)
        self.sequence = sequence

    def _believable(self) -> Mapping[str, ServiceValue]:
        families = {family_of(endpoint) for endpoint in self.endpoints.values()}
        return {
            name: value
            for name, value in self.services.items()
            if not isinstance(value, ServiceAddress)
            or family_of(value.endpoint) not in families
            or any(value.is_near(endpoint) for endpoint in self.endpoints.values())
        }

    def _unsigned(
        self,
        sequence: int,
        endpoints: Mapping[Family, Endpoint],
        services: Mapping[str, ServiceValue],
        closed: Collection[Family] = (),
    ) -> dict[bytes, Any]:
        """Raises ValueError for services that no record can hold."""
        membership = self._membership
        return unsigned_fields(
            membership.identity.public_key,
            membership.tag,
            sequence,
            endpoints,
            services,
            [family for family in closed if family in endpoints],
        )


def _size(unsigned: Mapping[bytes, Any]) -> int:
    """The length of the whole record."""
    return len(bencode.encode({**unsigned, b"sig": _SIGNATURE}))
