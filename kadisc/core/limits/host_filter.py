"""The hosts that a node had to do with, as it tells them to another one that is to draw a stranger.

A filter of 256 cells of one bit (Bloom 1970, with one hash function): all the hosts that were added
are in it, and of others about as many as cells are taken: one in nine where 30 were added, two in
three where 280 were.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Final

from ...endpoints import IPV4_ENDPOINT_BYTES, Endpoint

KEY_BYTES: Final = 8
CELLS: Final = 256
_PORT_BITS: Final = 16
_HALF_AND_PORT_BITS: Final = 64 + 16
_KEY_MASK: Final = (1 << 8 * KEY_BYTES) - 1
_CELL_SHIFT: Final = 8 * KEY_BYTES - 8


class HostFilter:
    """Cells are found by multiply-shift hashing (Dietzfelbinger et al. 1997) of the IPv4 address or
    the IPv6 /64, with a number that is drawn for each filter.
    """

    __slots__ = ("_cells", "_factor", "raw")

    def __init__(self, raw: bytes) -> None:
        """``raw``: the number, 8 bytes, and 256 bits, cell 0 first; so it stands in a query."""
        self.raw = raw
        self._factor = int.from_bytes(raw[:KEY_BYTES], "big") | 1
        self._cells = int.from_bytes(raw[KEY_BYTES:], "big")

    def __contains__(self, endpoint: Endpoint) -> bool:
        return bool(self._cells >> (CELLS - 1 - cell_of(endpoint, self._factor)) & 1)


def filter_of(hosts: Iterable[Endpoint], rng: Random) -> HostFilter:
    key = rng.randbytes(KEY_BYTES)
    factor = int.from_bytes(key, "big") | 1
    cells = 0
    for endpoint in hosts:
        cells |= 1 << (CELLS - 1 - cell_of(endpoint, factor))
    return HostFilter(key + cells.to_bytes(CELLS // 8, "big"))


def cell_of(endpoint: Endpoint, factor: int) -> int:
    """0 to 255, from its IPv4 address or IPv6 /64 and an odd number of 64 bits."""
    bits = _PORT_BITS if len(endpoint) == IPV4_ENDPOINT_BYTES else _HALF_AND_PORT_BITS
    return ((int.from_bytes(endpoint, "big") >> bits) * factor & _KEY_MASK) >> _CELL_SHIFT
