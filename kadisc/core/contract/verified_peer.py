"""A peer of the own network that is verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ...endpoints import Endpoint, host_of, port_of
from ...ids import NodeId
from ...service_values import ServiceValue


@dataclass(frozen=True, slots=True)
class VerifiedPeer:
    """A peer that exchanged records with this node at this endpoint, and is of the own network.
    Reports of other nodes never make an object of this class.

    ``key``: its Ed25519 public key, 32 bytes, which identifies it; ``endpoint``: where it answered;
    ``record``: its signed record as received, which the address book and the view do not interpret;
    ``services``: capability -> port, short bytes, or a `ServiceAddress` in the subnet of
    ``endpoint``; others of the record are not believed.

    ``other_endpoints``, ``is_reachable``, ``is_beyond_caps`` and ``is_on_lan`` are set where a peer
    is given to the application (`dataclasses.replace`), nowhere else; the table, the view and the
    address book do not read them.
    """

    key: bytes
    endpoint: Endpoint
    node_id: NodeId
    record: bytes | None
    sequence: int
    services: Mapping[str, ServiceValue] = field(default_factory=dict, hash=False)
    is_proven: bool = field(default=True, compare=False)
    """Whether it proved in that exchange, or in an earlier one of this run, that it has the key. An
    older node cannot, and another one could send a copy of its record.
    """
    other_endpoints: tuple[Endpoint, ...] = field(default=(), compare=False)
    """Further endpoints at which it proved in this run that it has the key, such as that of the
    other address family; `endpoints` has all of them.
    """
    is_reachable: bool = field(default=True, compare=False)
    """False for a peer that only contacted this node: it answered at the endpoint from which its
    queries came, so that a firewall or NAT in front of it may stop other nodes.
    """
    is_beyond_caps: bool = field(default=False, compare=False)
    """Whether its subnet has its full share of the peers that are kept, so that it is given only
    because few others are known.
    """
    is_on_lan: bool = field(default=False, compare=False)
    """Whether it is on a link of this machine, found by its beacons."""

    @property
    def host(self) -> str:
        """The address of ``endpoint`` as text, without brackets: ``45.10.0.1``, ``2001:db8::1``."""
        return host_of(self.endpoint)

    @property
    def port(self) -> int:
        """The UDP port of ``endpoint``; the ports of its services are in ``services``."""
        return port_of(self.endpoint)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints at which it proved its key, ``endpoint`` first."""
        return (self.endpoint, *self.other_endpoints)

    @property
    def reachable(self) -> Literal["yes", "unknown"]:
        """``unknown`` if only its own queries led to it, see ``is_reachable``."""
        return "yes" if self.is_reachable else "unknown"

    @property
    def mark(self) -> bytes:
        """What tells the peer from others: its key, and if that is not proven, its endpoint too."""
        return self.key if self.is_proven else self.key + self.endpoint
