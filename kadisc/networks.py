"""Sets of IP networks in CIDR notation, with a fast test of membership for an address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from .endpoints import Endpoint, ip_of


class NetworkSet:
    """IPv4 and IPv6 networks; membership costs one look-up for each prefix length in use."""

    __slots__ = ("_by_length",)

    def __init__(self, networks: Iterable[str]) -> None:
        """From texts like ``192.0.2.0/24``, ``2001:db8::/32`` or single addresses; raises
        ValueError that quotes a malformed text.
        """
        self._by_length: dict[tuple[int, int], set[int]] = {}
        for text in networks:
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                raise ValueError(
                    f"expected a network such as 192.0.2.0/24 or 2001:db8::/32: {text!r}"
                ) from None
            bits = network.max_prefixlen
            key = (bits // 8, bits - network.prefixlen)
            self._by_length.setdefault(key, set()).add(int(network.network_address) >> key[1])

    def __bool__(self) -> bool:
        return bool(self._by_length)

    def __contains__(self, endpoint: Endpoint) -> bool:
        ip = ip_of(endpoint)
        number = int.from_bytes(ip, "big")
        return any(
            size == len(ip) and number >> shift in members
            for (size, shift), members in self._by_length.items()
        )
