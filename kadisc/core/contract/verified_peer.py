"""A peer of one's own network that has proved itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...endpoints import Endpoint
from ...ids import NodeId


@dataclass(frozen=True, slots=True)
class VerifiedPeer:
    """It exchanged records with us itself, at this endpoint, and is of our network. What others say
    of it never makes one of these.

    ``key``: its Ed25519 public key, 32 bytes, is who it is; ``endpoint`` is where it answered;
    ``record``: its signed record as it came, which book and view keep without a look inside;
    ``services``: capability -> port or short bytes, as the record says.
    """

    key: bytes
    endpoint: Endpoint
    node_id: NodeId
    record: bytes | None
    sequence: int
    services: Mapping[str, int | bytes] = field(default_factory=dict, hash=False)
