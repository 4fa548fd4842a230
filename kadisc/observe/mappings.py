"""A port mapping as status, dashboard and events show it, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..endpoints import Endpoint, Family, format_endpoint, port_of

METHODS: Final[Mapping[str, str]] = {"pcp": "PCP", "natpmp": "NAT-PMP", "upnp": "UPnP"}
"""The names of the protocols that ask a router, by their words in documents."""


@dataclass(frozen=True, slots=True)
class MappingSnapshot:
    """One port that a router was asked to forward.

    Args:
        protocol: ``udp`` or ``tcp``.
        family: The address family.
        internal: The port of this machine.
        external: Where the router says that it forwards from; None while it does not. Its address
            may be one that no other node sees.
        method: ``pcp``, ``natpmp`` or ``upnp``: what the router granted it by; None while it does
            not.
        gateway: The address of the router; None where no router is known.
        until_wall_s: When the grant ends unless it is renewed, in seconds since 1970; None while
            there is none, and for one without end.
        state: ``asking``, ``mapped``, ``paused`` (asked again later), or ``off``.
        reason: Why it is not mapped, or what is odd about the mapping; None where nothing is.
    """

    protocol: str
    family: Family
    internal: int
    external: Endpoint | None = None
    method: str | None = None
    gateway: str | None = None
    until_wall_s: float | None = None
    state: str = "off"
    reason: str | None = None


def mapping_document(mapping: MappingSnapshot) -> dict[str, object]:
    """The mapping as a JSON object; ``until`` is in seconds since 1970."""
    return {
        "protocol": mapping.protocol,
        "family": mapping.family.value,
        "internal": mapping.internal,
        "external": None if mapping.external is None else format_endpoint(mapping.external),
        "method": mapping.method,
        "gateway": mapping.gateway,
        "until": mapping.until_wall_s,
        "state": mapping.state,
        "reason": mapping.reason,
    }


def mapping_words(mapping: MappingSnapshot) -> str:
    """The mapping in a line of text."""
    port = f"{mapping.protocol} port {mapping.internal}"
    reason = f": {mapping.reason}" if mapping.reason else ""
    if mapping.external is not None and mapping.method is not None:
        by = f"{METHODS[mapping.method]} on {mapping.gateway}"
        where = format_endpoint(mapping.external)
        odd = f" ({mapping.reason})" if mapping.reason else ""
        return f"{port} is forwarded from {where} by {by}{odd}"
    if mapping.gateway is None:
        return f"{port} is not forwarded{reason}"
    return f"{port} is not forwarded by {mapping.gateway}{reason}"


def external_port(mapping: MappingSnapshot) -> int | None:
    """The port of the router; None while nothing is forwarded."""
    return None if mapping.external is None else port_of(mapping.external)
