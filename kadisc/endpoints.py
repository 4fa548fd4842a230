"""Endpoints: an IP address and a UDP port, in the compact form of BEP 5 and BEP 32.

An endpoint *is* its compact form: 4 or 16 address bytes, then the port, big-endian; 6 bytes for
IPv4, 18 for IPv6. It goes on the wire unchanged, hashes fast as a dict key, and its prefixes are
slices. Text appears only where a person types or reads it (decision 0001).
"""

from __future__ import annotations

import enum
import ipaddress
from functools import lru_cache
from typing import Final, NewType

Endpoint = NewType("Endpoint", bytes)

IPV4_BYTES: Final = 4
IPV4_ENDPOINT_BYTES: Final = 6
IPV6_ENDPOINT_BYTES: Final = 18


class Family(enum.Enum):
    """An address family. Each has its own table and its own node ID (BEP 32)."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    # The hash of an enum is a Python function, and tables are found by family for every datagram.
    __hash__ = object.__hash__


IPV4: Final = Family.IPV4
IPV6: Final = Family.IPV6
"""For what runs with every datagram: to read a member from its class takes 0.3 us in Python 3.11,
as long as two calls.
"""
ENDPOINT_BYTES: Final = {Family.IPV4: IPV4_ENDPOINT_BYTES, Family.IPV6: IPV6_ENDPOINT_BYTES}
"""The length of an endpoint by its family."""


class Scope(enum.Enum):
    """How far an address reaches. Outside of its scope an address is useless, or an attack."""

    PUBLIC = "public"
    PRIVATE = "private"  # RFC 1918, RFC 6598 (carrier-grade NAT), RFC 4193
    LINK_LOCAL = "link-local"
    LOOPBACK = "loopback"
    SPECIAL = "special"  # documentation, benchmarking, translation prefixes
    INVALID = "invalid"  # never a unicast peer: unspecified, multicast, reserved, mapped, or port 0


PUBLIC: Final = Scope.PUBLIC
LOOPBACK: Final = Scope.LOOPBACK
INVALID: Final = Scope.INVALID
"""For what runs with every datagram, as `IPV4`."""


def make_endpoint(host: str, port: int) -> Endpoint:
    """From a numeric address (no names) and a port of 1 to 65535; raises ValueError."""
    if not 0 < port < 65536:
        raise ValueError(f"a port is 1 to 65535, not {port}")
    without_zone = host.partition("%")[0]
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(without_zone)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Endpoint(address.packed + port.to_bytes(2, "big"))


_NO_HOST: Final = frozenset("/@?#\\ \t\r\n\"'")
"""Characters of URLs, of ``enode://KEY@IP:PORT`` and of quoted texts, none of a host."""
_PORT_DIGITS: Final = 5


def split_host_port(text: str) -> tuple[str, int]:
    """``host:port``, ``1.2.3.4:port`` or ``[v6]:port``; a port of 0 is allowed here. Raises
    ValueError.
    """
    host, colon, port_text = text.rpartition(":")
    if not colon or host in ("", "[]") or not _NO_HOST.isdisjoint(text):
        raise ValueError(f"expected HOST:PORT, as in router.example.org:6881: {text!r}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"an IPv6 address needs brackets, as in [2001:db8::1]:6881: {text!r}")
    if not (
        port_text.isascii()
        and port_text.isdigit()
        and len(port_text) <= _PORT_DIGITS
        and int(port_text) < 65536
    ):
        raise ValueError(f"a port is a number up to 65535: {text!r}")
    return host, int(port_text)


def parse_endpoint(text: str) -> Endpoint:
    """A numeric ``1.2.3.4:port`` or ``[v6]:port``; raises ValueError."""
    return make_endpoint(*split_host_port(text))


def family_of(endpoint: Endpoint) -> Family:
    return IPV4 if len(endpoint) == IPV4_ENDPOINT_BYTES else IPV6


def port_of(endpoint: Endpoint) -> int:
    return int.from_bytes(endpoint[-2:], "big")


def ip_of(endpoint: Endpoint) -> bytes:
    """The 4 or 16 address bytes."""
    return endpoint[:-2]


def host_of(endpoint: Endpoint) -> str:
    return format_ip(endpoint[:-2])


def format_ip(ip: bytes) -> str:
    if len(ip) == 4:
        return f"{ip[0]}.{ip[1]}.{ip[2]}.{ip[3]}"
    return str(ipaddress.IPv6Address(ip))


def format_endpoint(endpoint: Endpoint) -> str:
    return format_host_port(host_of(endpoint), port_of(endpoint))


def format_host_port(host: str, port: int) -> str:
    """HOST:PORT of an address as text; an IPv6 address is put in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def format_subnet(prefix: bytes) -> str:
    """The first bytes of an address as a network in CIDR notation: ``45.2.3.0/24`` for 3 bytes,
    ``2001:db8:1::/48`` for 6; a prefix of 4 bytes at most is one of IPv4.
    """
    size = IPV4_BYTES if len(prefix) <= IPV4_BYTES else IPV6_ENDPOINT_BYTES - 2
    return f"{format_ip(prefix + bytes(size - len(prefix)))}/{8 * len(prefix)}"


_TEREDO: Final = b"\x20\x01\0\0"
_6TO4: Final = b"\x20\x02"
_NAT64: Final = bytes.fromhex("0064ff9b") + bytes(8)
_LOCAL_NAT64: Final = bytes.fromhex("0064ff9b0001")
_NO_IPV4: Final = b""
_INVERTED: Final = bytes(255 - byte for byte in range(256))


def tunnelled_ipv4(endpoint: Endpoint) -> bytes:
    """The IPv4 address in an IPv6 address that stands for one, empty if there is none: 6to4
    (2002::/16, RFC 3056), Teredo (2001::/32, RFC 4380: the address of the client, its bits
    inverted) and NAT64 (64:ff9b::/96, RFC 6052; 64:ff9b:1::/48, RFC 8215, where the last 4 bytes
    are a public address).

    Attack: who has one IPv4 address has a 6to4 /48 for nothing, and as many Teredo addresses as
    its NAT has ports. Defence: what counts by prefix counts such an address as the IPv4 address in
    it, as in Bitcoin Core.
    """
    if len(endpoint) == IPV4_ENDPOINT_BYTES:
        return _NO_IPV4
    if endpoint[0] == 0x20:
        if endpoint[:2] == _6TO4:
            return endpoint[2:6]
        if endpoint[:4] == _TEREDO:
            return endpoint[12:16].translate(_INVERTED)
    elif endpoint[0] == 0:
        if endpoint[:12] == _NAT64:
            return endpoint[12:16]
        if endpoint[:6] == _LOCAL_NAT64 and _scope_of_ipv4(endpoint[12:16]) is Scope.PUBLIC:
            return endpoint[12:16]
    return _NO_IPV4


def is_nat64(endpoint: Endpoint) -> bool:
    """Whether it is that of a public IPv4 host, for hosts that have only IPv6."""
    if len(endpoint) == IPV4_ENDPOINT_BYTES or endpoint[0]:
        return False
    ip = tunnelled_ipv4(endpoint)
    return len(ip) == IPV4_BYTES and _scope_of_ipv4(ip) is Scope.PUBLIC


def host_prefix(endpoint: Endpoint) -> bytes:
    """The addresses that one host is assumed to have: the IPv4 address, or the IPv6 /64."""
    if len(endpoint) == IPV4_ENDPOINT_BYTES:
        return endpoint[:4]
    return tunnelled_ipv4(endpoint) or endpoint[:8]


def subnet_prefix(endpoint: Endpoint) -> bytes:
    """The addresses that one small operator is assumed to have: the IPv4 /24, or the IPv6 /48."""
    if len(endpoint) == IPV4_ENDPOINT_BYTES:
        return endpoint[:3]
    return tunnelled_ipv4(endpoint)[:3] or endpoint[:6]


def netgroup_prefix(endpoint: Endpoint) -> bytes:
    """The addresses that one large operator is assumed to have: the IPv4 /16, or the IPv6 /32."""
    if len(endpoint) == IPV4_ENDPOINT_BYTES:
        return endpoint[:2]
    return tunnelled_ipv4(endpoint)[:2] or endpoint[:4]


def scope_of(endpoint: Endpoint) -> Scope:
    if not endpoint[-1] and not endpoint[-2]:
        return Scope.INVALID
    if len(endpoint) == IPV4_ENDPOINT_BYTES:
        return _IPV4_SCOPES[endpoint[0]] or _scope_within_ipv4(endpoint)
    return _scope_of_ipv6(endpoint[:16])


def _scope_of_ipv4(ip: bytes) -> Scope:
    return _IPV4_SCOPES[ip[0]] or _scope_within_ipv4(ip)


# Written by hand: it runs for every address in every answer, and `ipaddress` takes 20 times as
# long.
_IPV4_MIXED: Final = (100, 169, 172, 192, 198, 203)
"""First bytes whose /8 holds addresses of several scopes."""


def _scope_of_first_byte(a: int) -> Scope | None:
    """The scope of a whole /8; None if it is mixed."""
    if a in _IPV4_MIXED:
        return None
    if a == 0 or a >= 224:
        return Scope.INVALID
    return {10: Scope.PRIVATE, 127: Scope.LOOPBACK}.get(a, Scope.PUBLIC)


_IPV4_SCOPES: Final = tuple(_scope_of_first_byte(a) for a in range(256))
PUBLIC_EIGHTS: Final = frozenset(a for a in range(256) if _IPV4_SCOPES[a] is Scope.PUBLIC)
"""First bytes whose IPv4 addresses are all public."""


def _scope_within_ipv4(ip: bytes) -> Scope:
    a, b, c = ip[0], ip[1], ip[2]
    if (a == 172 and 16 <= b < 32) or (a == 192 and b == 168) or (a == 100 and 64 <= b < 128):
        return Scope.PRIVATE
    if a == 169 and b == 254:
        return Scope.LINK_LOCAL
    if a == 192 and b == 0 and c in (0, 2):
        return Scope.SPECIAL
    if a == 198 and (b in (18, 19) or (b == 51 and c == 100)):
        return Scope.SPECIAL
    if a == 203 and b == 0 and c == 113:
        return Scope.SPECIAL
    return Scope.PUBLIC


_IPV6_SPECIAL: Final = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001:db8::/32",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001:2::/48",
        "3fff::/20",
    )
)


@lru_cache(maxsize=4096)
def _scope_of_ipv6(ip: bytes) -> Scope:
    address = ipaddress.IPv6Address(ip)
    if address.is_loopback:
        return Scope.LOOPBACK
    if address.is_multicast or address.is_unspecified or address.ipv4_mapped is not None:
        return Scope.INVALID
    if address.is_link_local:
        return Scope.LINK_LOCAL
    if ip[0] & 0xFE == 0xFC:
        return Scope.PRIVATE
    if any(address in network for network in _IPV6_SPECIAL):
        return Scope.SPECIAL
    tunnelled = tunnelled_ipv4(Endpoint(ip))
    if tunnelled and _scope_of_ipv4(tunnelled) is not Scope.PUBLIC:
        # RFC 3964: such an address leads through a relay, or the own tunnel, to a private network.
        return Scope.SPECIAL
    return Scope.PUBLIC if ip[0] & 0xE0 == 0x20 else Scope.INVALID
