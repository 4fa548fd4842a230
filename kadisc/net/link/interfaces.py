"""What this machine is connected to: the addresses of its interfaces, the address that it sends
from, and its gateway.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...endpoints import Family


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """One address of one interface."""

    ip: str
    """Numeric, without a scope."""
    prefix_bits: int
    """The length of its subnet's prefix."""
    interface: str
    """The system's name of the interface, as in ``eth0``."""
    is_up: bool
    """Whether the interface is up and has a link."""


@dataclass(frozen=True, slots=True)
class LinkState:
    """One address family of this machine at one moment."""

    family: Family
    addresses: tuple[InterfaceAddress, ...]
    """Of all interfaces, sorted; loopback and link-local ones included."""
    source: str | None
    """The address that datagrams to the internet leave from; None without a route."""
    gateway: str | None
    """The router of the default route; None where there is none or it is not known."""
