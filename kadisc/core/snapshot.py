"""A picture of the node at one moment, for people and programs that watch it. Ages and delays in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from ..contacts import Contact
from ..endpoints import Family
from ..ids import NodeId
from .addressing.external_address import Confidence
from .dht import Overlay
from .lookup.operation import Search
from .lookup.operations import Operations, PingOperation
from .peers.exchange import Errand
from .peers.network_snapshot import CommunitySnapshot


@dataclass(frozen=True, slots=True)
class EntrySnapshot:
    contact: Contact
    age_s: float
    """Since it was first verified."""
    verified_s_ago: float
    failures: int
    inbound: bool
    rtt_s: float | None
    client: bytes | None


@dataclass(frozen=True, slots=True)
class BucketSnapshot:
    index: int
    capacity: int
    touched_s_ago: float
    entries: tuple[EntrySnapshot, ...]
    spares: int


@dataclass(frozen=True, slots=True)
class AddressSnapshot:
    """``ip`` is 4 or 16 bytes, ``port`` a number; None where not known. ``agreement``: the share of ``voters`` who agree with ``ip``."""

    ip: bytes | None
    port: int | None
    confidence: Confidence
    voters: int
    agreement: float


@dataclass(frozen=True, slots=True)
class OverlaySnapshot:
    family: Family
    own_id: NodeId
    joined: bool
    online: bool
    contacts: int
    candidates: int
    address: AddressSnapshot
    buckets: tuple[BucketSnapshot, ...]


@dataclass(frozen=True, slots=True)
class OperationSnapshot:
    """``target`` is the ID looked up, None for a ping."""

    operation: int
    what: str
    target: NodeId | None
    answered: int
    queries: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    overlays: tuple[OverlaySnapshot, ...]
    operations: tuple[OperationSnapshot, ...]
    queries_in_flight: int
    peers_stored: int
    items_stored: int
    counters: dict[str, int]
    community: CommunitySnapshot | None = None
    """None for a node that is of no network."""


def operation_snapshots(operations: Operations) -> tuple[OperationSnapshot, ...]:
    """Joins and announces show as the lookups that they wait for."""
    snapshots = []
    for operation, what in operations.items():
        if isinstance(what, Search):
            snapshots.append(OperationSnapshot(operation, what.options.kind.value, what.target, what.answered_count, what.queries))
        elif isinstance(what, PingOperation):
            snapshots.append(OperationSnapshot(operation, "ping", None, 0, 1))
        elif isinstance(what, Errand):
            snapshots.append(OperationSnapshot(operation, "check", None, 0, 1))
    return tuple(snapshots)


def overlay_snapshot(overlay: Overlay, now: float) -> OverlaySnapshot:
    buckets = []
    for bucket in overlay.table.buckets():
        entries = tuple(
            EntrySnapshot(e.contact, now - e.first_verified_at, now - e.verified_at, e.failures, e.inbound, e.rtt_s, e.client) for e in bucket.entries
        )
        buckets.append(BucketSnapshot(bucket.index, bucket.capacity, now - bucket.touched_at, entries, len(bucket.spares)))
    parts = overlay.parts
    address = parts.address
    return OverlaySnapshot(
        family=overlay.family,
        own_id=overlay.own_id,
        joined=overlay.joined,
        online=parts.connectivity.online,
        contacts=len(overlay.table),
        candidates=len(parts.candidates),
        address=AddressSnapshot(
            address.ip, int.from_bytes(address.port, "big") if address.port else None, address.confidence, address.voters, address.agreement
        ),
        buckets=tuple(buckets),
    )
