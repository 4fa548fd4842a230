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


@dataclass(slots=True, eq=False)
class EntrySnapshot:
    """A contact of the routing table. Not frozen, because that triples the cost of making it."""

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
    unknown. ``agreement``: the share of the ``voters`` that see the node at ``ip``. ``votes``: each
    voter (the first bytes of its address, or ``AS`` and the number of its autonomous system in four
    bytes) with the IP that it sees. ``port_voters``: how many said which port they see;
    ``port_agreement``: the share of those that see the most frequent one. ``is_recounting``: votes
    are counted anew.
    """

    ip: bytes | None
    port: int | None
    confidence: Confidence
    voters: int
    agreement: float
    votes: tuple[tuple[bytes, bytes], ...] = ()
    port_voters: int = 0
    port_agreement: float = 0.0
    is_recounting: bool = False


@dataclass(frozen=True, slots=True)
class DhtSnapshot:
    """The node in one address family. ``candidates``: contacts that wait to be checked, with those
    that are left alone while reachability is tested.
    """

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
    "ping", or "check" for a gossip exchange. ``target``, ``family``, ``elapsed_s`` and ``purpose``
    (see `purposes`) are those of a lookup, else None.
    """

    operation: int
    what: str
    target: NodeId | None
    answered: int
    queries: int
    family: Family | None = None
    elapsed_s: float | None = None
    purpose: str | None = None


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


def operation_snapshots(operations: Operations, now: float) -> tuple[OperationSnapshot, ...]:
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
            snapshots.append(_lookup(operation, what.method, what.lookup, what.queries, now))
        elif isinstance(what, LookupOperation):
            method = what.options.kind.value
            snapshots.append(_lookup(operation, method, what, what.queries, now))
        elif isinstance(what, PingOperation):
            snapshots.append(OperationSnapshot(operation, "ping", None, 0, 1))
        elif isinstance(what, GossipExchange):
            snapshots.append(OperationSnapshot(operation, "check", None, 0, 1))
    return tuple(snapshots)


def _lookup(
    operation: int, what: str, lookup: LookupOperation, queries: int, now: float
) -> OperationSnapshot:
    return OperationSnapshot(
        operation,
        what,
        lookup.target,
        lookup.answered_count,
        queries,
        lookup.options.family,
        now - lookup.started_at,
        lookup.options.purpose,
    )


def dht_snapshot(dht: Dht, now: float) -> DhtSnapshot:
    buckets = []
    for bucket in dht.table.buckets():
        entries = [
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
        ]
        buckets.append(
            BucketSnapshot(
                bucket.index,
                bucket.capacity,
                now - bucket.touched_at,
                tuple(entries),
                len(bucket.replacements),
            )
        )
    parts = dht.parts
    address = parts.address
    port_voters, port_agreement = address.port_votes
    return DhtSnapshot(
        family=dht.family,
        own_id=dht.own_id,
        joined=dht.joined,
        online=parts.link.online,
        contacts=len(dht.table),
        candidates=len(parts.candidates) + parts.reserve.held_count,
        address=AddressSnapshot(
            address.ip,
            int.from_bytes(address.port, "big") if address.port else None,
            address.confidence,
            address.voters,
            address.agreement,
            address.votes(),
            port_voters,
            port_agreement,
            address.is_recounting,
        ),
        buckets=tuple(buckets),
    )
