"""``status``: the state of the running node. See ``kadisc status``."""

from __future__ import annotations

import os

import msgspec
import trio

from ...core.snapshot import DhtSnapshot
from ...endpoints import Endpoint, format_endpoint, format_ip
from ...ids import format_id
from ...version import __version__
from ..call import Call, Method


class StatusParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params."""


class OwnAddress(msgspec.Struct):
    """The node's own external address, null if unknown. ``confidence``: ``unknown``,
    ``configured``, ``remembered`` (from the last run), ``voted`` or ``unstable``. ``agreement``:
    the share of ``voters`` (the /16 subnets, IPv6 /32, that reported one) that agree with the
    address.
    """

    host: str | None
    port: int | None
    confidence: str
    voters: int
    agreement: float


class FamilyStatus(msgspec.Struct):
    """The node in one address family. ``endpoint``: where it listens; ``joined``: the first lookup
    of its own ID has ended; ``online``: other nodes answer; ``contacts``: verified nodes in the
    routing table; ``candidates``: nodes that wait to be verified.
    """

    family: str
    id: str
    endpoint: str
    joined: bool
    online: bool
    contacts: int
    candidates: int
    address: OwnAddress


class Status(msgspec.Struct):
    """``public_key``: 64 hex digits (Ed25519). ``operations``: lookups and pings in flight, the
    node's own included. ``peers_stored`` and ``items_stored``: the peers and items that other nodes
    announced and put to this one. ``counters``: counts since the start, by name.
    """

    version: str
    pid: int
    network: str
    public_key: str
    uptime_s: float
    read_only: bool
    families: list[FamilyStatus]
    operations: int
    queries_in_flight: int
    peers_stored: int
    items_stored: int
    counters: dict[str, int]


async def _status(params: StatusParams, call: Call) -> Status:
    await trio.lowlevel.checkpoint()
    node = call.node
    snapshot = node.snapshot()
    endpoints = node.local_endpoints
    return Status(
        version=__version__,
        pid=os.getpid(),
        network=node.config.network,
        public_key=node.public_key.hex(),
        uptime_s=round(node.uptime_s, 1),
        read_only=node.config.core.read_only,
        families=[_family(dht, endpoints[dht.family]) for dht in snapshot.dhts],
        operations=len(snapshot.operations),
        queries_in_flight=snapshot.queries_in_flight,
        peers_stored=snapshot.peers_stored,
        items_stored=snapshot.items_stored,
        counters=node.counters(),
    )


def _family(dht: DhtSnapshot, endpoint: Endpoint) -> FamilyStatus:
    seen = dht.address
    address = OwnAddress(
        format_ip(seen.ip) if seen.ip is not None else None,
        seen.port,
        seen.confidence.value,
        seen.voters,
        round(seen.agreement, 3),
    )
    return FamilyStatus(
        dht.family.value,
        format_id(dht.own_id),
        format_endpoint(endpoint),
        dht.joined,
        dht.online,
        dht.contacts,
        dht.candidates,
        address,
    )


STATUS = Method("status", StatusParams, Status, _status)
