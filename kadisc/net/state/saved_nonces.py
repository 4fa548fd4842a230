"""The nonces of port mappings, as the state file has them (RFC 6887)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_NONCES: Final = 32
"""The most rows: a node maps a few ports at the gateways of a few places."""
MAX_GATEWAY_CHARS: Final = 64
NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class SavedNonce:
    """The nonce of one mapping: the gateway's numeric address, ``udp`` or ``tcp``, the internal
    port, and 12 bytes.
    """

    gateway: str
    protocol: str
    port: int
    nonce: bytes


def checked_nonce(gateway: object, protocol: object, port: object, nonce: object) -> SavedNonce:
    """A row that may hold anything. Raises ValueError."""
    if not isinstance(gateway, str) or not 0 < len(gateway) <= MAX_GATEWAY_CHARS:
        raise ValueError("no gateway")
    if protocol not in ("udp", "tcp"):
        raise ValueError("no protocol")
    if not isinstance(port, int) or not 0 < port < 1 << 16:
        raise ValueError("no port")
    if not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise ValueError("no nonce")
    return SavedNonce(gateway, str(protocol), port, nonce)
