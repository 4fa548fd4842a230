"""The snapshot: the state of a node at one moment, as plain values for programs and the dashboard.
Ages and delays are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..contacts import Contact
from ..endpoints import Family
from ..ids import NodeId
from .addressing.external_address import Confidence
from .dht import Dht
from .lookup.operation import LookupOperation
from .lookup.operations import Operations, PingOperation
from .lookup.store import StoreOperation
from .peers.exchange import GossipExchange
from .peers.network_snapshot import PeerNetworkSnapshot
from .reach.reach_snapshot import ReachSnapshot, ServiceReach


@dataclass(frozen=True, slots=True)
class EntrySnapshot:
    """A contact of the routing table."""

    contact: Contact
    age_s: float
    """Time since the contact was first verified."""
    verified_s_ago: float
    failures: int
    inbound: bool
    rtt_s: float | None
    client: bytes | None


@dataclass(frozen=True, slots=True)
class BucketSnapshot:
    """A bucket and its contacts."""

    index: int
    capacity: int
    touched_s_ago: float
    entries: tuple[EntrySnapshot, ...]
    replacements: int


@dataclass(frozen=True, slots=True)
class AddressSnapshot:
    """The own external address: ``ip`` is 4 or 16 bytes, ``port`` a number, each None while
    unknown. ``agreement``: the share of the ``voters`` that see the node at ``ip``.
    """

    ip: bytes | None
    port: int | None
    confidence: Confidence
    voters: int
    agreement: float


@dataclass(frozen=True, slots=True)
class DhtSnapshot:
    """The node in one address family."""

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
    """``what`` is the method of a lookup, "announce_peer" or "put" for one with what follows it,
    "ping", or "check" for a gossip exchange. ``target`` is the ID of a lookup, else None.
    """

    operation: int
    what: str
    target: NodeId | None
    answered: int
    queries: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole node at one moment."""

    dhts: tuple[DhtSnapshot, ...]
    operations: tuple[OperationSnapshot, ...]
    queries_in_flight: int
    peers_stored: int
    items_stored: int
    counters: dict[str, int]
    peer_network: PeerNetworkSnapshot | None = None
    """None for a node without a network of peers."""
    reach: tuple[ReachSnapshot, ...] = ()
    """Whether strangers reach the node, for each address family; empty for a node without a network
    of peers.
    """
    services: tuple[ServiceReach, ...] = ()
    """The services whose TCP port was checked from outside."""


def operation_snapshots(operations: Operations) -> tuple[OperationSnapshot, ...]:
    """All operations in flight; joins appear as the lookups that they wait for, and the lookups
    of announces and puts do not appear beside these.
    """
    snapshots = []
    inner = {
        what.lookup.options.operation
        for _, what in operations.items()
        if isinstance(what, StoreOperation)
    }
    for operation, what in operations.items():
        if operation in inner:
            continue
        if isinstance(what, StoreOperation):
            lookup = what.lookup
            snapshots.append(
                OperationSnapshot(
                    operation, what.method, lookup.target, lookup.answered_count, what.queries
                )
            )
        elif isinstance(what, LookupOperation):
            snapshots.append(
                OperationSnapshot(
                    operation,
                    what.options.kind.value,
                    what.target,
                    what.answered_count,
                    what.queries,
                )
            )
        elif isinstance(what, PingOperation):
            snapshots.append(OperationSnapshot(operation, "ping", None, 0, 1))
        elif isinstance(what, GossipExchange):
            snapshots.append(OperationSnapshot(operation, "check", None, 0, 1))
    return tuple(snapshots)


def dht_snapshot(dht: Dht, now: float) -> DhtSnapshot:
    buckets = []
    for bucket in dht.table.buckets():
        entries = tuple(
            EntrySnapshot(
                entry.contact,
                now - entry.first_verified_at,
                now - entry.verified_at,
                entry.failures,
                entry.inbound,
                entry.rtt_s,
                entry.client,
            )
            for entry in bucket.entries
        )
        buckets.append(
            BucketSnapshot(
                bucket.index,
                bucket.capacity,
                now - bucket.touched_at,
                entries,
                len(bucket.replacements),
            )
        )
    parts = dht.parts
    address = parts.address
    return DhtSnapshot(
        family=dht.family,
        own_id=dht.own_id,
        joined=dht.joined,
        online=parts.link.online,
        contacts=len(dht.table),
        candidates=len(parts.candidates),
        address=AddressSnapshot(
            address.ip,
            int.from_bytes(address.port, "big") if address.port else None,
            address.confidence,
            address.voters,
            address.agreement,
        ),
        buckets=tuple(buckets),
    )
