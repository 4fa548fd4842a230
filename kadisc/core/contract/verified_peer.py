"""A peer of the own network that is verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...endpoints import Endpoint
from ...ids import NodeId


@dataclass(frozen=True, slots=True)
class VerifiedPeer:
    """A peer that exchanged records with this node at this endpoint, and is of the own network.
    Reports of other nodes never make an object of this class.

    ``key``: its Ed25519 public key, 32 bytes, which identifies it; ``endpoint``: where it answered;
    ``record``: its signed record as received, which the address book and the view do not interpret;
    ``services``: capability -> port or short bytes, as in the record.
    """

    key: bytes
    endpoint: Endpoint
    node_id: NodeId
    record: bytes | None
    sequence: int
    services: Mapping[str, int | bytes] = field(default_factory=dict, hash=False)
    is_proven: bool = field(default=True, compare=False)
    """Whether it proved in that exchange, or in an earlier one of this run, that it has the key. An
    older node cannot, and another one could send a copy of its record.
    """

    @property
    def mark(self) -> bytes:
        """What tells the peer from others: its key, and if that is not proven, its endpoint too."""
        return self.key if self.is_proven else self.key + self.endpoint
