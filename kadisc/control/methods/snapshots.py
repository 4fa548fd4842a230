"""The node at one moment, as `watch` tells it and as the live views show it.

`kadisc run` and `kadisc watch` draw the same document, made by the same function: what the views
show is what every program can read.
"""

from __future__ import annotations

import msgspec

from ...core.snapshot import DhtSnapshot, OperationSnapshot
from ...endpoints import format_endpoint
from ...ids import format_id
from ...net.api.node import Node
from ...observe.clients import describe_client
from ..units import milliseconds
from .status import Status, status_of


class WatchedBucket(msgspec.Struct):
    """A bucket of the routing table. ``index``: the number of bits that its contacts share with the
    own ID; the last one has all that share more. ``touched_s_ago``: since a lookup last refreshed
    it or a contact of it answered. ``standby``: nodes that wait for a place.
    """

    family: str
    index: int
    capacity: int
    touched_s_ago: float
    standby: int


class WatchedContact(msgspec.Struct):
    """``bucket``: the number of its bucket. ``age_s``: since it was first verified.
    ``verified_s_ago``: since it last answered. ``failures``: queries in a row without an answer.
    ``inbound``: only its own queries led to it, so that it may be behind a NAT.
    """

    family: str
    bucket: int
    id: str
    endpoint: str
    client: str | None
    rtt_ms: float | None
    age_s: float
    verified_s_ago: float
    failures: int
    inbound: bool


class WatchedOperation(msgspec.Struct):
    """``what``: the method of a lookup, ``announce_peer``, ``put``, ``ping``, or ``check`` for an
    exchange with a peer. ``target``: the ID of a lookup, else null. ``answered``: nodes that have
    answered so far; ``queries``: datagrams sent so far.
    """

    what: str
    target: str | None
    answered: int
    queries: int


class NodeSnapshot(msgspec.Struct):
    """``status``: as `status` returns it. All else is null without ``detail``."""

    status: Status
    buckets: list[WatchedBucket] | None = None
    contacts: list[WatchedContact] | None = None
    operations: list[WatchedOperation] | None = None


def node_snapshot(node: Node, *, detail: bool) -> NodeSnapshot:
    snapshot = node.snapshot()
    status = status_of(node, snapshot)
    if not detail:
        return NodeSnapshot(status)
    return NodeSnapshot(
        status,
        [each for dht in snapshot.dhts for each in watched_buckets(dht)],
        [each for dht in snapshot.dhts for each in watched_contacts(dht)],
        [watched_operation(each) for each in snapshot.operations],
    )


def watched_buckets(dht: DhtSnapshot) -> list[WatchedBucket]:
    return [
        WatchedBucket(
            dht.family.value,
            bucket.index,
            bucket.capacity,
            round(bucket.touched_s_ago, 1),
            bucket.replacements,
        )
        for bucket in dht.buckets
    ]


def watched_contacts(dht: DhtSnapshot) -> list[WatchedContact]:
    return [
        WatchedContact(
            dht.family.value,
            bucket.index,
            format_id(entry.contact.id),
            format_endpoint(entry.contact.endpoint),
            describe_client(entry.client),
            milliseconds(entry.rtt_s),
            round(entry.age_s, 1),
            round(entry.verified_s_ago, 1),
            entry.failures,
            entry.inbound,
        )
        for bucket in dht.buckets
        for entry in bucket.entries
    ]


def watched_operation(operation: OperationSnapshot) -> WatchedOperation:
    target = None if operation.target is None else format_id(operation.target)
    return WatchedOperation(operation.what, target, operation.answered, operation.queries)
