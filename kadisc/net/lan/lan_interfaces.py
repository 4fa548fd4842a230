"""The interfaces on which this node beacons."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...endpoints import Family
from ..link.interfaces import addresses_in, is_container_bridge, system_tables

MAX_INTERFACES: Final = 8
_ON_LINK: Final = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"))
)
"""RFC 1918 and RFC 3927; not 100.64.0.0/10, the inside of a provider (RFC 6598)."""


@dataclass(frozen=True, slots=True)
class LanInterface:
    """``address``: its private address and prefix. ``index``: the system's number."""

    name: str
    index: int
    address: ipaddress.IPv4Interface

    @property
    def host(self) -> str:
        return str(self.address.ip)

    def is_on_link(self, host: str) -> bool:
        """Whether a host, as numeric IPv4, is in the subnet of this interface, and not itself."""
        ip = ipaddress.IPv4Address(host)
        return ip in self.address.network and ip != self.address.network.broadcast_address


@dataclass(frozen=True, slots=True)
class SystemInterface:
    """``flags``: as the system names them, such as ``up``, ``multicast``, ``pointopoint``."""

    name: str
    flags: frozenset[str]
    addresses: tuple[ipaddress.IPv4Interface, ...]


def chosen(
    interfaces: Iterable[SystemInterface],
    index_of: Mapping[str, int],
    named: Collection[str] = (),
) -> tuple[list[LanInterface], dict[str, str]]:
    """The interfaces to beacon on, 8 at most, and why the others are left out, by name. ``named``:
    those that the operator chose, of which only those that cannot work are left out.
    """
    taken: list[LanInterface] = []
    left_out: dict[str, str] = {}
    for each in sorted(interfaces, key=lambda interface: interface.name):
        private = [address for address in each.addresses if _is_on_link(address)]
        reason = _unfit(each, private) or (
            _unwanted(each) if not named else None if each.name in named else "not named"
        )
        if reason is None and len(taken) >= MAX_INTERFACES:
            reason = f"more than {MAX_INTERFACES} interfaces"
        if reason is not None:
            left_out[each.name] = reason
        elif each.name in index_of:
            taken.append(LanInterface(each.name, index_of[each.name], private[0]))
    return taken, left_out


def _unfit(each: SystemInterface, private: Sequence[ipaddress.IPv4Interface]) -> str | None:
    if "up" not in each.flags or "running" not in each.flags:
        return "down"
    if "loopback" in each.flags:
        return "loopback"
    if "pointopoint" in each.flags:
        return "point-to-point"
    if "multicast" not in each.flags:
        return "no multicast"
    return None if private else "no private IPv4 address"


def _unwanted(each: SystemInterface) -> str | None:
    if is_container_bridge(each.name):
        return "a bridge of containers or virtual machines"
    # Hosters take beacons for scans of their network.
    if not all(_is_on_link(address) for address in each.addresses):
        return "has an address that is not private"
    return None


def _is_on_link(address: ipaddress.IPv4Interface) -> bool:
    return any(address.ip in network for network in _ON_LINK)


def system_interfaces() -> tuple[list[SystemInterface], dict[str, int]]:
    """All interfaces, and their numbers by name. Raises LinkUnreadable and OSError."""
    addresses, states = system_tables()
    found: list[SystemInterface] = []
    for name, rows in addresses.items():
        state = states.get(name)
        if state is None:
            continue
        flags = set(state.flags.split(",")) if state.flags else {"running", "multicast"}
        if state.isup:
            flags.add("up")
        ipv4 = [
            ipaddress.IPv4Interface(f"{ip}/{bits}") for ip, bits in addresses_in(Family.IPV4, rows)
        ]
        found.append(SystemInterface(name, frozenset(flags), tuple(ipv4)))
    return found, {name: index for index, name in socket.if_nameindex()}
