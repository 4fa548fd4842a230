"""The node at one moment, as `watch` tells it and as the live views show it.

`kadisc run` and `kadisc watch` draw the same document, made by the same function: what the views
show is what every program can read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from ...core.peers.listing import ListedPeer
from ...core.snapshot import DhtSnapshot, OperationSnapshot
from ...endpoints import format_endpoint
from ...ids import format_id
from ...net.api.node import Node
from ...observe.clients import describe_client
from ...observe.observations import Observations
from ...observe.services import services_document
from ..units import milliseconds
from .status import Status, status_of
from .why import rounded, source_of, table_words

MAX_PEERS: Final = 512
"""Peers that a snapshot has at most."""


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


class WatchedPeer(msgspec.Struct):
    """An endpoint of a peer of the own network. ``state``: ``online`` (it proved its key in this
    run and answered last time), ``failing`` (it left the last query unanswered), ``unproven`` (it
    answered, but did not prove its key), ``remembered`` (the address book has it from an earlier
    run, or from before it was lost) or ``unverified`` (only reported). ``table``, ``source``, ages,
    ``failures``, ``verdict`` and ``suppressed_s``: as `why` has them. ``slots``: those of the view
    that it holds. ``reachable``: ``no`` where only its own queries led to it. ``lan``: it is on a
    link of this machine.
    """

    endpoint: str
    key: str | None
    state: str
    table: str
    services: dict[str, int | str]
    source: str
    first_seen_s_ago: float
    verified_s_ago: float | None
    rtt_ms: float | None
    failures: int
    slots: int
    reachable: str
    lan: bool
    verdict: str | None
    suppressed_s: float


class NodeSnapshot(msgspec.Struct):
    """``status``: as `status` returns it. All else is null without ``detail``. ``peers``: those of
    this run, then those of the address book, 512 at most; null also for a node that takes part in
    no network.
    """

    status: Status
    buckets: list[WatchedBucket] | None = None
    contacts: list[WatchedContact] | None = None
    operations: list[WatchedOperation] | None = None
    peers: list[WatchedPeer] | None = None
    observations: Observations | None = None


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
        watched_peers(node.own_network.listed(MAX_PEERS)) if node.own_network.is_joined else None,
        node.observations(snapshot),
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


def watched_peers(listed: Iterable[ListedPeer]) -> list[WatchedPeer]:
    return [
        WatchedPeer(
            endpoint=format_endpoint(each.why.endpoint),
            key=each.why.key.hex() if each.why.key is not None else None,
            state=_state(each),
            table=table_words(each.why),
            services=services_document(each.services) if each.services else {},
            source=source_of(each.why),
            first_seen_s_ago=round(each.why.first_seen_s_ago, 1),
            verified_s_ago=rounded(each.why.verified_s_ago),
            rtt_ms=milliseconds(each.why.rtt_s),
            failures=each.why.failures,
            slots=each.slots,
            reachable="no" if each.is_inbound else "yes" if each.is_known else "unknown",
            lan=each.is_on_lan,
            verdict=each.why.verdict,
            suppressed_s=round(each.why.held_back_s, 1),
        )
        for each in listed
    ]


def _state(peer: ListedPeer) -> str:
    if not peer.is_known:
        return "unverified" if peer.why.verified_s_ago is None else "remembered"
    if peer.why.failures:
        return "failing"
    return "online" if peer.is_proven else "unproven"
