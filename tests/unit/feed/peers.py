"""Peers as `kadisc.feed` gets them."""

from __future__ import annotations

from typing import Any

from kadisc.endpoints import parse_endpoint
from kadisc.feed.chain_peer import ChainPeer


def found(address: str, key: str = "", **services: int | str) -> ChainPeer:
    """The key is made from the address, unless one is given."""
    endpoint = parse_endpoint(address)
    return ChainPeer(key or endpoint.hex().rjust(64, "0"), endpoint, {"p2p": 1, **services})


def document(peer: ChainPeer, **more: Any) -> dict[str, Any]:
    """The document of a peer, as far as it is read."""
    return {
        "key": peer.key,
        "host": peer.host,
        "services": {**peer.services, "p2p": peer.port},
        "addresses": {"p2p": str(peer)},
        **more,
    }
