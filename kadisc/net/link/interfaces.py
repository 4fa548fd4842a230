"""What this machine is connected to: the addresses of its interfaces, the address that it sends
from, and its gateway.

The library behind it is imported at the first look, not before: most commands never look, and it
takes tens of milliseconds.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...endpoints import Endpoint, Family, family_of, format_ip, ip_of
from ..mapping.gateway import Gateway, default_gateway

_AF: Final = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}
_TOWARDS: Final = {Family.IPV4: ("192.0.2.1", 9), Family.IPV6: ("2001:db8::1", 9)}
"""Where nobody is (RFC 5737, RFC 3849): routes lead there as to the internet, and nothing is sent.
"""
_CONTAINER_BRIDGE: Final = re.compile(r"docker\d+|br-[0-9a-f]{12}|veth.*|virbr\d+.*")
"""Interfaces that container engines and virtual machines make: they come and go with each."""

CAUSES: Final = ("addresses", "source", "gateway")
"""What can differ between two states of one family."""


class LinkUnreadable(Exception):
    """The system does not tell what the interfaces are; the message says why."""


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

    @property
    def is_usable(self) -> bool:
        """Whether nodes elsewhere can be talked to from it: not loopback, link-local, or of a
        bridge of containers, and up.
        """
        if not self.is_up or is_container_bridge(self.interface):
            return False
        ip = ipaddress.ip_address(self.ip)
        return not (ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast)


@dataclass(frozen=True, slots=True)
class LinkState:
    """One address family of this machine at one moment."""

    family: Family
    addresses: tuple[InterfaceAddress, ...]
    """Of all interfaces, sorted; loopback and link-local ones included."""
    source: str | None
    """The address that datagrams to the internet leave from; None without a route."""
    gateway: Gateway | None
    """The router of the default route; None where there is none or it is not known."""

    @property
    def usable(self) -> tuple[InterfaceAddress, ...]:
        """The addresses that nodes elsewhere can be talked to from."""
        return tuple(each for each in self.addresses if each.is_usable)

    def difference(self, former: LinkState) -> str | None:
        """The first of `CAUSES` that differs; None if nothing that matters does."""
        if self.usable != former.usable:
            return "addresses"
        if self.source != former.source:
            return "source"
        return "gateway" if self.gateway != former.gateway else None

    def goes_elsewhere(self, former: LinkState) -> bool:
        """Whether datagrams leave from another address, or by another router."""
        return (self.source, self.gateway) != (former.source, former.gateway)


def is_container_bridge(interface: str) -> bool:
    """Whether a container engine or a virtual machine made the interface of that name."""
    return _CONTAINER_BRIDGE.fullmatch(interface) is not None


def system_tables() -> tuple[Mapping[str, Iterable[object]], Mapping[str, Any]]:
    """The rows of addresses and the state of each interface, by name, as psutil has them. Raises
    LinkUnreadable.
    """
    import psutil  # not at the top: see above

    try:
        return psutil.net_if_addrs(), psutil.net_if_stats()
    except (OSError, ValueError, RuntimeError, psutil.Error) as error:
        raise LinkUnreadable(str(error)) from error


def read_links(families: Iterable[Family]) -> dict[Family, LinkState]:
    """Looks at all interfaces; takes about 1 ms, and sends nothing. Raises LinkUnreadable."""
    of_interface, states = system_tables()
    is_up = {name: stats.isup for name, stats in states.items()}
    return {family: _state(family, of_interface, is_up) for family in families}


def _state(
    family: Family, of_interface: Mapping[str, Iterable[object]], is_up: Mapping[str, bool]
) -> LinkState:
    addresses = [
        InterfaceAddress(ip, bits, name, is_up.get(name, False))
        for name, rows in of_interface.items()
        for ip, bits in addresses_in(family, rows)
    ]
    addresses.sort(key=lambda each: (each.interface, each.ip, each.prefix_bits))
    return LinkState(family, tuple(addresses), source_address(family), default_gateway(family))


def addresses_in(family: Family, rows: Iterable[object]) -> Iterable[tuple[str, int]]:
    """The addresses of a family in psutil's rows of one interface: numeric, without a scope, each
    with the length of its prefix.
    """
    for row in rows:
        if getattr(row, "family", None) != _AF[family]:
            continue
        ip = str(getattr(row, "address", "")).partition("%")[0]
        try:
            mask = socket.inet_pton(_AF[family], str(getattr(row, "netmask", "")))
            socket.inet_pton(_AF[family], ip)
        except OSError:
            continue
        yield ip, int.from_bytes(mask, "big").bit_count()


def source_address(family: Family) -> str | None:
    """The address that datagrams to the internet leave from; None where no route leads there."""
    try:
        with socket.socket(_AF[family], socket.SOCK_DGRAM) as sock:
            sock.connect(_TOWARDS[family])
            return str(sock.getsockname()[0]).partition("%")[0]
    except OSError:
        return None


def is_own_address(endpoint: Endpoint) -> bool:
    """Whether this machine has the IP address of ``endpoint``, so that a socket can be bound to it.
    The system is asked and not the list of addresses: a whole prefix may be local (AnyIP), and a
    host that takes over addresses of another one may bind them before it has them.
    """
    family = family_of(endpoint)
    try:
        with socket.socket(_AF[family], socket.SOCK_DGRAM) as sock:
            sock.bind((format_ip(ip_of(endpoint)), 0))
    except OSError as error:
        return error.errno != errno.EADDRNOTAVAIL
    return True
