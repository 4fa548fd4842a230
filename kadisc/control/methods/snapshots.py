"""The node at one moment, as `watch` tells it and as the live views show it.

`kadisc run` and `kadisc watch` draw the same document, made by the same function: what the views
show is what every program can read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from ...core.peers.listing import ListedPeer
from ...core.snapshot import DhtSnapshot, OperationSnapshot
from ...endpoints import format_endpoint
from ...ids import format_id
from ...net.api.node import Node
from ...observe.clients import describe_client
from ...observe.observations import Observations
from ...observe.services import services_document
from ...service_values import ServiceValue
from ..units import milliseconds, tenths
from .status import Status, status_of
from .why import source_of

_endpoint = lru_cache(4096)(format_endpoint)
"""Most endpoints are those of the snapshot before."""
_client = lru_cache(256)(describe_client)
_source = lru_cache(4096)(source_of)

MAX_PEERS: Final = 512
"""Peers that a snapshot has at most."""


Part: TypeAlias = Literal["contacts", "operations", "peers", "observations"]
"""A part of a snapshot beside its status; ``contacts`` has the buckets too."""


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
    """``status``: as `status` returns it. Each of the other parts is null where it is not asked
    for. ``peers``: those of this run, then those of the address book, 512 at most; none of a node
    that takes part in no network.
    """

    status: Status
    buckets: list[WatchedBucket] | None = None
    contacts: list[WatchedContact] | None = None
    operations: list[WatchedOperation] | None = None
    peers: list[WatchedPeer] | None = None
    observations: Observations | None = None


PARTS: Final[tuple[Part, ...]] = get_args(Part)


def node_snapshot(node: Node, parts: Collection[Part] = PARTS) -> NodeSnapshot:
    """The node at this moment, with these parts."""
    snapshot = node.snapshot()
    found = NodeSnapshot(status_of(node, snapshot))
    if "contacts" in parts:
        found.buckets = [each for dht in snapshot.dhts for each in watched_buckets(dht)]
        found.contacts = [each for dht in snapshot.dhts for each in watched_contacts(dht)]
    if "operations" in parts:
        found.operations = [watched_operation(each) for each in snapshot.operations]
    if "peers" in parts:
        network = node.own_network
        found.peers = watched_peers(network.listed(MAX_PEERS)) if network.is_joined else []
    if "observations" in parts:
        found.observations = node.observations(snapshot)
    return found


def watched_buckets(dht: DhtSnapshot) -> list[WatchedBucket]:
    family = dht.family.value
    return [
        WatchedBucket(
            family,
            bucket.index,
            bucket.capacity,
            tenths(bucket.touched_s_ago),
            bucket.replacements,
        )
        for bucket in dht.buckets
    ]


def watched_contacts(dht: DhtSnapshot) -> list[WatchedContact]:
    family = dht.family.value
    return [
        WatchedContact(
            family,
            bucket.index,
            format_id(entry.contact.id),
            _endpoint(entry.contact.endpoint),
            _client(entry.client),
            milliseconds(entry.rtt_s),
            tenths(entry.age_s),
            tenths(entry.verified_s_ago),
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
            _endpoint(each.endpoint),
            each.key.hex() if each.key is not None else None,
            _state(each),
            "none" if each.is_tried is None else "tried" if each.is_tried else "new",
            _services(tuple(each.services.items())) if each.services else {},
            _source(each.source),
            tenths(each.first_seen_s_ago),
            tenths(each.verified_s_ago),
            milliseconds(each.rtt_s),
            each.failures,
            each.slots,
            "no" if each.is_inbound else "yes" if each.is_known else "unknown",
            each.is_on_lan,
            each.verdict,
            tenths(each.held_back_s),
        )
        for each in listed
    ]


@lru_cache(1024)
def _services(services: tuple[tuple[str, ServiceValue], ...]) -> dict[str, int | str]:
    return services_document(dict(services))


def _state(peer: ListedPeer) -> str:
    if not peer.is_known:
        return "unverified" if peer.verified_s_ago is None else "remembered"
    if peer.failures:
        return "failing"
    return "online" if peer.is_proven else "unproven"
