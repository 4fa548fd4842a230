"""Node IDs that belong to an IP address (BEP 42), and node IDs that belong to a key and an address
as well.

The attack: whoever may choose his ID puts himself next to any target. BEP 42 ties the first 21 bits
of an ID to the address, so that one address has 8 places in the ID space. That stops the theft of
places, not the grinding of keys within one: such an ID is only ever preferred, never trusted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

from ...endpoints import Endpoint, Scope, ip_of, scope_of
from ...ids import ID_BITS, NodeId

Bep42Check: TypeAlias = Callable[[NodeId, Endpoint], bool]
"""Whether an ID follows from the address where it is."""

_IPV4_MASK: Final = 0x030F3FFF
_IPV6_MASK: Final = 0x0103070F1F3F7FFF
_BEP42_BITS: Final = 21
_BEP42: Final = ((1 << _BEP42_BITS) - 1) << (ID_BITS - _BEP42_BITS)


@cache
def _crc32c() -> Callable[[bytes], int]:
    # Only when it is needed: the package looks its own version up at import, which takes 60 ms; a
    # ping has no use for it.
    from crc32c import crc32c

    return crc32c


def address_checksum(ip: bytes, r: int) -> int:
    """CRC32C of the masked address (of an IPv6 address the upper half) with ``r``, 0 to 7, in its
    top bits: 32 bits.
    """
    crc32c = _crc32c()
    if len(ip) == 4:
        return crc32c(((int.from_bytes(ip, "big") & _IPV4_MASK) | r << 29).to_bytes(4, "big"))
    return crc32c(((int.from_bytes(ip[:8], "big") & _IPV6_MASK) | r << 61).to_bytes(8, "big"))


def with_bep42_prefix(ip: bytes, rest: NodeId) -> NodeId:
    """``rest`` with its first 21 bits replaced by those that BEP 42 asks for; its last byte says
    which of the 8 places.
    """
    checksum = address_checksum(ip, rest & 7)
    return rest & ~_BEP42 | checksum >> (32 - _BEP42_BITS) << (ID_BITS - _BEP42_BITS)


def conforms(node_id: NodeId, endpoint: Endpoint) -> bool:
    """Whether the ID may live there, by BEP 42. Local addresses are exempt."""
    if scope_of(endpoint) is not Scope.PUBLIC:
        return True
    return (node_id ^ with_bep42_prefix(ip_of(endpoint), node_id)) & _BEP42 == 0


def anywhere(node_id: NodeId, endpoint: Endpoint) -> bool:
    """In place of `conforms`: every ID is as good as any other."""
    return True


def derive_node_id(public_key: bytes, ip: bytes | None) -> NodeId:
    """The node ID of a key at an address, that anyone can check who knows both. Without an address:
    a provisional one, from the key alone.
    """
    digest = int.from_bytes(hashlib.sha1(public_key + (ip or b"")).digest(), "big")
    return with_bep42_prefix(ip, digest) if ip is not None else digest
