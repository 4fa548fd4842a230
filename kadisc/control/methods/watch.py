"""``watch``: pictures of the running node, one after the other, for live views."""

from __future__ import annotations

from typing import Annotated

import msgspec
import trio

from ...core.snapshot import DhtSnapshot, OperationSnapshot
from ...endpoints import format_endpoint
from ...errors import Closed
from ...ids import format_id
from ...net.api.node import Node
from ...observe.clients import describe_client
from ..call import Call, Method
from ..units import milliseconds
from .status import Status, status_of

MIN_INTERVAL_S = 0.25
MAX_INTERVAL_S = 60.0
IntervalS = Annotated[float, msgspec.Meta(ge=MIN_INTERVAL_S, le=MAX_INTERVAL_S)]


class WatchParams(msgspec.Struct, forbid_unknown_fields=True):
    """A snapshot comes at once, and then after each ``interval_s``. ``detail``: also the contacts
    of the routing table and the operations in flight.
    """

    interval_s: IntervalS = 1.0
    detail: bool = False


class WatchedContact(msgspec.Struct):
    """``bucket``: the number of its bucket. ``verified_s_ago``: since it last answered.
    ``failures``: queries in a row without an answer.
    """

    family: str
    bucket: int
    id: str
    endpoint: str
    client: str | None
    rtt_ms: float | None
    verified_s_ago: float
    failures: int


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
    """``contacts`` and ``operations`` are null without ``detail``."""

    status: Status
    contacts: list[WatchedContact] | None
    operations: list[WatchedOperation] | None


class SnapshotNews(msgspec.Struct):
    """A partial result: the node at this moment."""

    snapshot: NodeSnapshot


class WatchingEnded(msgspec.Struct):
    """Never sent: watching ends when it is cancelled, or with the node."""


async def _watch(params: WatchParams, call: Call) -> WatchingEnded:
    node = call.node
    while not node.pump.closed:
        if call.tell is not None:
            news = SnapshotNews(_snapshot(node, detail=params.detail))
            call.tell(msgspec.to_builtins(news))
        await trio.sleep(params.interval_s)
    raise Closed("the node was closed")


def _snapshot(node: Node, *, detail: bool) -> NodeSnapshot:
    snapshot = node.snapshot()
    status = status_of(node, snapshot)
    if not detail:
        return NodeSnapshot(status, None, None)
    contacts = [each for dht in snapshot.dhts for each in _contacts(dht)]
    return NodeSnapshot(status, contacts, [_operation(each) for each in snapshot.operations])


def _contacts(dht: DhtSnapshot) -> list[WatchedContact]:
    return [
        WatchedContact(
            dht.family.value,
            bucket.index,
            format_id(entry.contact.id),
            format_endpoint(entry.contact.endpoint),
            describe_client(entry.client),
            milliseconds(entry.rtt_s),
            round(entry.verified_s_ago, 1),
            entry.failures,
        )
        for bucket in dht.buckets
        for entry in bucket.entries
    ]


def _operation(operation: OperationSnapshot) -> WatchedOperation:
    target = None if operation.target is None else format_id(operation.target)
    return WatchedOperation(operation.what, target, operation.answered, operation.queries)


WATCH = Method("watch", WatchParams, WatchingEnded, _watch, partial=(SnapshotNews,))
