"""The JSON document of a peer of the own network: the same in ``kadisc peers --json``, on the
control socket and in streams.
"""

from __future__ import annotations

import msgspec

from ..core.contract.verified_peer import VerifiedPeer
from ..endpoints import format_endpoint
from ..ids import format_id
from ..service_values import address_of
from .services import services_document


class PeerDocument(msgspec.Struct):
    """``key``: 64 hex digits; ``id``: the node's ID on the DHT, 40 hex digits. ``endpoint``: where
    the node answered over UDP, as HOST:PORT with an IPv6 address in brackets; ``host`` and
    ``port``: the same apart, without brackets. ``endpoints``: all endpoints at which it proved its
    key, ``endpoint`` first.

    ``services``: name -> port, ``0x`` and hex digits, or HOST:PORT where it is at another host;
    ``addresses``: name -> HOST:PORT for each service that is a port or at another host.
    ``reachable``: ``yes``, or ``unknown`` for a peer that only contacted this node. ``proven``:
    whether it proved that it has the key. ``beyond_caps``: whether its subnet already has its full
    share of the peers that are kept. ``sequence``: that of its record.
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
        addresses=service_addresses(peer),
        services=services_document(peer.services),
        reachable=peer.reachable,
        proven=peer.is_proven,
        beyond_caps=peer.is_beyond_caps,
        sequence=peer.sequence,
    )


def service_addresses(peer: VerifiedPeer) -> dict[str, str]:
    """HOST:PORT of each service that is a port or an address, by its name; sorted by name."""
    found = {}
    for name, value in sorted(peer.services.items()):
        address = address_of(value, peer.endpoint)
        if address is not None:
            found[name] = format_endpoint(address)
    return found
