"""What the keys ``map_port`` and ``gateway`` say."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ...endpoints import Family
from ...errors import UsageError

PROTOCOLS: Final = ("udp", "tcp")
MIN_PORT: Final = 1024
"""No smaller port is asked for: they belong to services of the router itself."""
MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class MappedPort:
    """A port to be forwarded. ``external``: the port that is asked for."""

    protocol: str
    internal: int
    external: int


def parse_mapped_port(text: str) -> MappedPort:
    """``tcp:30303`` or ``udp:30303=40303``. Raises UsageError."""
    protocol, _, ports = text.partition(":")
    internal, separator, external = ports.partition("=")
    if protocol not in PROTOCOLS:
        raise UsageError(f"expected tcp:PORT or udp:PORT, not {text!r}")
    number = _port(internal, text)
    return MappedPort(protocol, number, _port(external, text) if separator else number)


def _port(digits: str, text: str) -> int:
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= 5
    if not (is_number and MIN_PORT <= int(digits) <= MAX_PORT):
        raise UsageError(f"expected a port from {MIN_PORT} to {MAX_PORT} in {text!r}")
    return int(digits)


def mapped_ports(texts: Iterable[str]) -> tuple[MappedPort, ...]:
    """The ports of ``map_port``. Raises UsageError, also where one stands there twice."""
    found: dict[tuple[str, int], MappedPort] = {}
    for text in texts:
        port = parse_mapped_port(text)
        if (port.protocol, port.internal) in found:
            raise UsageError(f"map_port names {port.protocol}:{port.internal} twice")
        found[port.protocol, port.internal] = port
    return tuple(found.values())


def parse_gateway(text: str) -> tuple[Family, str]:
    """A numeric address with its family. Raises UsageError."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise UsageError(f"expected a numeric address of a router, not {text!r}") from None
    if address.is_unspecified or address.is_multicast:
        raise UsageError(f"expected the address of a router, not {text}")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise UsageError(f"expected an IPv4 or an IPv6 address, not {text}")
    return (Family.IPV4 if address.version == 4 else Family.IPV6), text


def configured_gateways(texts: Iterable[str]) -> Mapping[Family, str]:
    """The addresses of ``gateway`` by family. Raises UsageError where a family has two."""
    found: dict[Family, str] = {}
    for text in texts:
        family, host = parse_gateway(text)
        if family in found:
            raise UsageError("gateway takes one address per address family: one IPv4, one IPv6")
        found[family] = host
    return found
