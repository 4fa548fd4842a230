"""Sets of IP networks in CIDR notation, with a fast test of membership for an address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from .endpoints import Endpoint, ip_of


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network in CIDR notation, or of a single address; raises ValueError that quotes the text.
    Bits behind the prefix are ignored.
    """
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"expected a network such as 192.0.2.0/24 or 2001:db8::/32: {text[:100]!r}"
        ) from None


class NetworkSet:
    """IPv4 and IPv6 networks; membership costs one look-up for each prefix length in use."""

    __slots__ = ("_by_length",)

    def __init__(self, networks: Iterable[str]) -> None:
        """From texts like ``192.0.2.0/24``, ``2001:db8::/32`` or single addresses; raises
        ValueError that quotes a malformed text.
        """
        self._by_length: dict[tuple[int, int], set[int]] = {}
        for text in networks:
            network = network_of(text)
            bits = network.max_prefixlen
            key = (bits // 8, bits - network.prefixlen)
            self._by_length.setdefault(key, set()).add(int(network.network_address) >> key[1])

    @classmethod
    def union(cls, *sets: NetworkSet) -> NetworkSet:
        """The networks of all of them, without reading any text again."""
        joined = cls(())
        for each in sets:
            for key, members in each._by_length.items():
                joined._by_length.setdefault(key, set()).update(members)
        return joined

    def __bool__(self) -> bool:
        return bool(self._by_length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NetworkSet) and self._by_length == other._by_length

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        """How many different networks it was made from."""
        return sum(map(len, self._by_length.values()))

    def __contains__(self, endpoint: Endpoint) -> bool:
        ip = ip_of(endpoint)
        number = int.from_bytes(ip, "big")
        return any(
            size == len(ip) and number >> shift in members
            for (size, shift), members in self._by_length.items()
        )
