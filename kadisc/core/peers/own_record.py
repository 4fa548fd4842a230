"""The node's own peer record: made anew, with a higher sequence, whenever the node's address or its
services change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...config import DEFAULT_NETWORK
from ...endpoints import Endpoint, Family
from ...errors import UsageError
from ...wire import bencode
from ...wire.records import MAX_RECORD_BYTES, to_be_signed, unsigned_fields
from ..contract.identity import Identity
from .rendezvous import network_tag


@dataclass(frozen=True, slots=True)
class Membership:
    """The node's identity and its network. ``services``: name -> port or short bytes. ``wall_s``:
    the wall clock, in seconds since 1970, when the node is made; the core has no such clock.
    """

    identity: Identity
    network: str = DEFAULT_NETWORK
    services: Mapping[str, int | bytes] = field(default_factory=dict)
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
        self.services: Mapping[str, int | bytes] = dict(membership.services)
        self.endpoints: dict[Family, Endpoint] = {}
        self.sequence = 0
        self.fields: dict[bytes, Any] = {}
        self.raw = b""
        self._make(now)

    def set_endpoints(self, endpoints: Mapping[Family, Endpoint], now: float) -> bool:
        """Returns whether they changed."""
        if endpoints == self.endpoints:
            return False
        self.endpoints = dict(endpoints)
        self._make(now)
        return True

    def set_services(self, services: Mapping[str, int | bytes], now: float) -> bool:
        """Returns whether they changed. Raises UsageError, and then changes nothing."""
        if services == self.services:
            return False
        before = self.services
        self.services = dict(services)
        try:
            self._make(now)
        except UsageError:
            self.services = before
            raise
        return True

    def continue_after(self, sequence: int, now: float) -> None:
        """The last run got as far as this sequence; this one goes on above it."""
        if sequence >= self.sequence:
            self.sequence = sequence
            self._make(now)

    def _make(self, now: float) -> None:
        membership = self._membership
        sequence = max(self.sequence + 1, int((self._clock_offset_s + now) * 1000))
        try:
            fields = unsigned_fields(
                membership.identity.public_key,
                membership.tag,
                sequence,
                self.endpoints,
                self.services,
            )
        except ValueError as error:
            raise UsageError(str(error)) from None
        fields[b"sig"] = membership.identity.sign(to_be_signed(fields))
        raw = bencode.encode(fields)
        if len(raw) > MAX_RECORD_BYTES:
            raise UsageError(
                f"the services make a record of {len(raw)} bytes, and at most {MAX_RECORD_BYTES}"
                " are sent: name fewer, or shorter ones"
            )
        self.fields = fields
        self.raw = raw
        self.sequence = sequence
