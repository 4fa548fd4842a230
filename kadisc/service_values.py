"""Services of a peer: what each stands for, and where it is.

A service is a port at the host that answers over UDP, a few bytes that say something of the peer,
or the address of another host beside it, such as a container with the chain node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from .endpoints import (
    Endpoint,
    family_of,
    format_endpoint,
    ip_of,
    parse_endpoint,
    port_of,
    subnet_prefix,
)


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """The numeric address and port of a service that is at another host than the node over UDP."""

    endpoint: Endpoint

    @classmethod
    def parse(cls, text: str) -> ServiceAddress:
        """From HOST:PORT with a numeric address, an IPv6 address in brackets. Raises ValueError."""
        return cls(parse_endpoint(text))

    @property
    def port(self) -> int:
        return port_of(self.endpoint)

    def __str__(self) -> str:
        return format_endpoint(self.endpoint)

    def is_near(self, node: Endpoint) -> bool:
        """Whether it is in the subnet of the node: the IPv4 /24, the IPv6 /48. A record that led
        elsewhere could have all its readers connect to a third party.
        """
        return family_of(self.endpoint) is family_of(node) and (
            subnet_prefix(self.endpoint) == subnet_prefix(node)
        )


ServiceValue: TypeAlias = int | bytes | ServiceAddress
"""A port at the host of the node, bytes, or an address."""


def address_of(value: ServiceValue, node: Endpoint) -> Endpoint | None:
    """Where the service of a node is that answers at ``node``; None for bytes."""
    if isinstance(value, ServiceAddress):
        return value.endpoint
    if isinstance(value, int):
        return Endpoint(ip_of(node) + value.to_bytes(2, "big"))
    return None


def services_near(
    services: Mapping[str, ServiceValue], node: Endpoint
) -> Mapping[str, ServiceValue]:
    """Those that are at the host of the node or in its subnet; the same mapping if all are."""
    far = {
        name
        for name, value in services.items()
        if isinstance(value, ServiceAddress) and not value.is_near(node)
    }
    if not far:
        return services
    return {name: value for name, value in services.items() if name not in far}
