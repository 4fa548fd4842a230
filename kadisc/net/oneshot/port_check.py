"""Whether the TCP port that a peer advertises accepts connections from here."""

from __future__ import annotations

from dataclasses import replace

import trio

from ...core.contract.verified_peer import VerifiedPeer
from ...endpoints import Endpoint, host_of, port_of
from ...service_values import address_of, services_near
from ..tcp_check import accepts

CONNECTIONS_AT_ONCE = 16
"""The number of TCP connections in flight."""


class PortCheck:
    """The port of ``service``, or else of any service that is a port."""

    def __init__(self, service: str | None) -> None:
        self._service = service
        self._connections = trio.CapacityLimiter(CONNECTIONS_AT_ONCE)

    async def accepting(self, peer: VerifiedPeer) -> VerifiedPeer | None:
        """The peer, with the endpoint first at whose address a port accepted; None if none did."""
        async with self._connections:
            for endpoint in peer.endpoints:
                for address in self._addresses(peer, endpoint):
                    if await accepts(host_of(address), port_of(address)):
                        return _first_at(endpoint, peer)
        return None

    def _addresses(self, peer: VerifiedPeer, endpoint: Endpoint) -> list[Endpoint]:
        """Of its services, as a peer at that endpoint has them."""
        found = [
            address_of(value, endpoint)
            for name, value in services_near(peer.services, endpoint).items()
            if self._service in (None, name)
        ]
        return [address for address in found if address is not None]


def _first_at(endpoint: Endpoint, peer: VerifiedPeer) -> VerifiedPeer:
    """The same peer, with this one of its endpoints first."""
    others = tuple(each for each in peer.endpoints if each != endpoint)
    return replace(peer, endpoint=endpoint, other_endpoints=others)
