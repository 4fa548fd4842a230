"""The router that the default route of this machine goes by.

On Linux the kernel's tables tell it as text. They may be as long as the Internet's, so only their
first 64 kB are read; what cannot be read is skipped.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...endpoints import Family

_TABLES: Final = {
    Family.IPV4: Path("/proc/net/route"),
    Family.IPV6: Path("/proc/net/ipv6_route"),
}
MAX_TABLE_BYTES: Final = 64 << 10
_UP, _HAS_GATEWAY, _REJECTS = 0x1, 0x2, 0x200  # RTF_UP, RTF_GATEWAY, RTF_REJECT of Linux


@dataclass(frozen=True, slots=True)
class Gateway:
    """``host``: its numeric address, that of a link with its scope as in ``fe80::1%eth0``.
    ``interface``: the interface towards it, None where only the address was given.
    """

    host: str
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class _DefaultRoute:
    """``gateway``: None for a route without one, as into a tunnel."""

    metric: int
    gateway: Gateway | None


def default_gateway(family: Family) -> Gateway | None:
    """The gateway of the best default route; None where there is no default route, where the best
    one has no gateway, and where the system has no such table. Blocks for less than 1 ms.
    """
    try:
        with _TABLES[family].open("rb") as file:
            table = file.read(MAX_TABLE_BYTES + 1)
    except OSError:
        return None
    return gateway_in(table, family)


def gateway_in(table: bytes, family: Family, byte_order: str = sys.byteorder) -> Gateway | None:
    """The gateway of the best default route of a table as Linux writes it. ``byte_order``: that of
    the machine, in which Linux writes IPv4 addresses.
    """
    lines = table[:MAX_TABLE_BYTES].decode("ascii", "replace").split("\n")
    if len(table) > MAX_TABLE_BYTES:
        del lines[-1]  # it is cut
    routes = _ipv4_routes(lines, byte_order) if family is Family.IPV4 else _ipv6_routes(lines)
    # Of equal ones the first: that is the order in which the kernel tries them.
    best = min(routes, key=lambda route: route.metric, default=None)
    return None if best is None else best.gateway


def _ipv4_routes(lines: Iterable[str], byte_order: str) -> Iterator[_DefaultRoute]:
    for line in lines:
        words = line.split()
        if len(words) < 8 or words[1] != "00000000" or words[7] != "00000000":
            continue
        try:
            flags, metric = int(words[3], 16), int(words[6])
            raw = bytes.fromhex(words[2])
        except ValueError:
            continue
        if len(raw) != 4 or not _is_used(flags):
            continue
        host = str(ipaddress.IPv4Address(raw if byte_order == "big" else raw[::-1]))
        gateway = Gateway(host, words[0]) if flags & _HAS_GATEWAY else None
        yield _DefaultRoute(metric, gateway)


def _ipv6_routes(lines: Iterable[str]) -> Iterator[_DefaultRoute]:
    for line in lines:
        words = line.split()
        if len(words) < 10 or words[0].strip("0") or words[1] != "00" or words[3] != "00":
            continue
        try:
            flags, metric = int(words[8], 16), int(words[5], 16)
            address = ipaddress.IPv6Address(bytes.fromhex(words[4]))
        except ValueError:
            continue
        if not _is_used(flags):
            continue
        interface = words[9]
        host = f"{address}%{interface}" if address.is_link_local else str(address)
        gateway = Gateway(host, interface) if flags & _HAS_GATEWAY else None
        yield _DefaultRoute(metric, gateway)


def _is_used(flags: int) -> bool:
    return bool(flags & _UP) and not flags & _REJECTS
