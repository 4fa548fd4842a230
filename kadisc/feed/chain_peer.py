"""A peer of the own network that the running node gave, as a chain node needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..endpoints import Endpoint, format_endpoint, host_of, make_endpoint, parse_endpoint, port_of


@dataclass(frozen=True, slots=True)
class ChainPeer:
    """``key``: 64 hex digits. ``address``: where its service is, in compact form. ``services``: as
    in its JSON document, name -> port, or ``0x`` and hex digits.
    """

    key: str
    address: Endpoint
    services: Mapping[str, int | str]

    @property
    def host(self) -> str:
        return host_of(self.address)

    @property
    def port(self) -> int:
        return port_of(self.address)

    def __str__(self) -> str:
        return format_endpoint(self.address)


def peer_from(document: Mapping[str, Any], service: str) -> ChainPeer | None:
    """From the document of a peer. None if its record has no port for the service."""
    services = document["services"]
    address = document.get("addresses", {}).get(service)
    try:
        if address is not None:
            endpoint = parse_endpoint(address)
        elif isinstance(port := services.get(service), int):
            endpoint = make_endpoint(document["host"], port)
        else:
            return None
    except ValueError:
        return None
    return ChainPeer(document["key"], endpoint, services)
