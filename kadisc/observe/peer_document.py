"""The JSON document of a peer of the own network: the same in ``kadisc peers --json``, on the
control socket and in streams.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..core.contract.verified_peer import VerifiedPeer
from ..endpoints import format_endpoint, format_host_port
from ..ids import format_id
from .services import services_document


class PeerDocument(msgspec.Struct):
    """``key``: 64 hex digits; ``id``: the node's ID on the DHT, 40 hex digits. ``endpoint``: where
    the node answered over UDP, as HOST:PORT with an IPv6 address in brackets; ``host`` and
    ``port``: the same apart, without brackets. ``endpoints``: all endpoints at which it proved its
    key, ``endpoint`` first.

    ``services``: name -> port, or ``0x`` and hex digits; ``addresses``: name -> HOST:PORT for each
    service that is a port. ``reachable``: ``yes``, or ``unknown`` for a peer that only contacted
    this node. ``proven``: whether it proved that it has the key. ``beyond_caps``: whether its
    subnet already has its full share of the peers that are kept. ``sequence``: that of its record.
    """

    key: str
    id: str
    endpoint: str
    host: str
    port: int
    endpoints: list[str]
    addresses: dict[str, str]
    services: dict[str, int | str]
    reachable: str
    proven: bool
    beyond_caps: bool
    sequence: int


def peer_document(peer: VerifiedPeer) -> PeerDocument:
    return PeerDocument(
        key=peer.key.hex(),
        id=format_id(peer.node_id),
        endpoint=format_endpoint(peer.endpoint),
        host=peer.host,
        port=peer.port,
        endpoints=[format_endpoint(endpoint) for endpoint in peer.endpoints],
        addresses=service_addresses(peer.host, peer.services),
        services=services_document(peer.services),
        reachable=peer.reachable,
        proven=peer.is_proven,
        beyond_caps=peer.is_beyond_caps,
        sequence=peer.sequence,
    )


def service_addresses(host: str, services: Mapping[str, int | bytes]) -> dict[str, str]:
    """HOST:PORT of each service whose value is a port, by its name; sorted by name."""
    return {
        name: format_host_port(host, value)
        for name, value in sorted(services.items())
        if isinstance(value, int)
    }
