"""LAN beacons: 24 bytes by which nodes on one link find each other, by multicast or broadcast.

::

    0  4 magic "KDl1"    4  8 nonce    12  8 hint    20  2 UDP port
    22  1 flags: 1 answer me, 2 leaving    23  1 zero

The nonce names one run of a node on this link. The hint is a MAC of nonce and port under the tag of
the node's network: a node of that network recognizes it, and others learn no name from it, unless
they can guess it. A beacon has no key, no ID and no name.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from ..errors import DecodeError

MAGIC: Final = b"KDl1"
BEACON_BYTES: Final = 24
NONCE_BYTES: Final = 8
HINT_BYTES: Final = 8
_ANSWER_ME: Final = 1
_LEAVING: Final = 2


@dataclass(frozen=True, slots=True)
class Beacon:
    """``nonce`` and ``hint``: 8 bytes each; ``port``: the UDP port of the node's DHT, 1 to 65535.
    ``asks``: the sender wants a beacon back; ``leaving``: the node stops, or leaves this link.
    """

    nonce: bytes
    hint: bytes
    port: int
    asks: bool = False
    leaving: bool = False

    def is_of(self, tag: bytes) -> bool:
        """Whether the sender is of the network with this tag (20 bytes)."""
        return hmac.compare_digest(self.hint, hint_of(tag, self.nonce, self.port))


def hint_of(tag: bytes, nonce: bytes, port: int) -> bytes:
    """What shows nodes of the network with this tag that the sender is one of them."""
    return hashlib.blake2b(
        nonce + port.to_bytes(2, "big"), key=tag, digest_size=HINT_BYTES
    ).digest()


def beacon_for(
    tag: bytes, nonce: bytes, port: int, *, asks: bool = False, leaving: bool = False
) -> Beacon:
    return Beacon(nonce, hint_of(tag, nonce, port), port, asks, leaving)


def encode_beacon(beacon: Beacon) -> bytes:
    flags = beacon.asks * _ANSWER_ME | beacon.leaving * _LEAVING
    return MAGIC + beacon.nonce + beacon.hint + beacon.port.to_bytes(2, "big") + bytes((flags, 0))


def decode_beacon(payload: bytes) -> Beacon:
    """Raises DecodeError. Unknown flags and the last byte are ignored, for later versions."""
    if len(payload) != BEACON_BYTES:
        raise DecodeError("beacon-length")
    if payload[:4] != MAGIC:
        raise DecodeError("beacon-magic")
    port = int.from_bytes(payload[20:22], "big")
    if not port:
        raise DecodeError("beacon-port")
    flags = payload[22]
    return Beacon(
        payload[4:12], payload[12:20], port, bool(flags & _ANSWER_ME), bool(flags & _LEAVING)
    )
