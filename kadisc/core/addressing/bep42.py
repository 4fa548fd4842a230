"""Node IDs that are bound to an IP address (BEP 42), and node IDs that are derived from a key and
an address.

Attack: a node that chooses its ID freely puts itself next to any target. Defence: BEP 42 binds the
first 21 bits of an ID to the address, so that one address has 8 places in the ID space. This does
not stop an attacker from trying keys until one fits within those 8 places, so such an ID is only
preferred, never trusted. In IPv6 `bep42_places.py` bounds the places further.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

from ...endpoints import Endpoint, Scope, ip_of, is_nat64, scope_of, tunnelled_ipv4
from ...ids import ID_BITS, NodeId

Bep42Check: TypeAlias = Callable[[NodeId, Endpoint], bool]
"""Whether an ID is valid at an endpoint."""

_IPV4_MASK: Final = 0x030F3FFF
_IPV6_MASK: Final = 0x0103070F1F3F7FFF
BEP42_BITS: Final = 21
"""How many bits of an ID follow from the address."""
_BEP42: Final = ((1 << BEP42_BITS) - 1) << (ID_BITS - BEP42_BITS)
_REST: Final = (1 << (ID_BITS - BEP42_BITS)) - 1


@cache
def _crc32c() -> Callable[[bytes], int]:
    # Imported when it is first needed: the import of the package takes 60 ms, because it looks up
    # its own version, and a ping does not need it.
    from crc32c import crc32c

    return crc32c


def address_checksum(ip: bytes, r: int) -> int:
    """The 32-bit CRC32C of the masked address (of an IPv6 address, the upper half) with ``r``, 0 to
    7, in its top bits.
    """
    crc32c = _crc32c()
    if len(ip) == 4:
        return crc32c(((int.from_bytes(ip, "big") & _IPV4_MASK) | r << 29).to_bytes(4, "big"))
    return crc32c(((int.from_bytes(ip[:8], "big") & _IPV6_MASK) | r << 61).to_bytes(8, "big"))


def with_bep42_prefix(ip: bytes, rest: NodeId) -> NodeId:
    """``rest`` with its first 21 bits replaced by those that BEP 42 asks for; the last three bits
    of ``rest`` select one of the 8 places.
    """
    checksum = address_checksum(ip, rest & 7)
    return rest & ~_BEP42 | checksum >> (32 - BEP42_BITS) << (ID_BITS - BEP42_BITS)


def conforms(node_id: NodeId, endpoint: Endpoint) -> bool:
    """Whether the ID is valid at the endpoint by BEP 42. Local addresses are exempt; that of NAT64
    is the IPv4 address in it, which is the one that the node there knows.
    """
    ip = ip_of(endpoint)
    if scope_of(endpoint) is not Scope.PUBLIC:
        if not is_nat64(endpoint):
            return True
        ip = tunnelled_ipv4(endpoint)
    return (node_id ^ with_bep42_prefix(ip, node_id)) & _BEP42 == 0


def anywhere(node_id: NodeId, endpoint: Endpoint) -> bool:
    """In place of `conforms`: every ID is valid at every endpoint."""
    return True


def derive_node_id(public_key: bytes, ip: bytes | None) -> NodeId:
    """The node ID of a key at an address, which every node that knows both can check. Without an
    address it is provisional, derived from the key alone.
    """
    digest = int.from_bytes(hashlib.sha1(public_key + (ip or b"")).digest(), "big")
    return with_bep42_prefix(ip, digest) if ip is not None else digest


def is_derived(node_id: NodeId, public_key: bytes, ip: bytes) -> bool:
    """Whether the ID is that of the key at the address, but for the bits that BEP 42 prescribes:
    the other 139 cannot agree by chance.
    """
    digest = hashlib.sha1(public_key + ip).digest()
    return (int.from_bytes(digest, "big") ^ node_id) & _REST == 0
