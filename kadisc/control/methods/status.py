"""``status``: the state of the running node. See ``kadisc status``."""

from __future__ import annotations

import os

import msgspec
import trio

from ...core.peers.network_snapshot import PeerNetworkSnapshot
from ...core.snapshot import DhtSnapshot, Snapshot
from ...endpoints import Endpoint, format_endpoint, format_ip, format_subnet
from ...ids import format_id
from ...net.api.node import Node
from ...observe.lan import lan_document
from ...observe.mappings import mapping_document
from ...observe.reachability import ReachDocument, reach_document, untested_words
from ...version import __version__
from ..call import Call, Method

API = 2
"""The version of the protocol: 2 has `follow_peers`, `set_service` and `watch`."""
MAX_CROWDED = 8
"""Crowded subnets that are told at most."""


class StatusParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params."""


class OwnAddress(msgspec.Struct):
    """The node's own external address, null if unknown. ``confidence``: ``unknown``,
    ``configured``, ``remembered`` (from the last run), ``voted`` or ``unstable``. ``agreement``:
    the share of ``voters`` (the /16 subnets, IPv6 /32, that reported one) that agree with the
    address. ``voters_needed``: how many decide on an address that is not known.
    """

    host: str | None
    port: int | None
    confidence: str
    voters: int
    agreement: float
    voters_needed: int


class CrowdedStatus(msgspec.Struct):
    """A subnet (/24, IPv6 /48) with several ``peers`` of the own network, of which ``beyond_caps``
    are beyond the limit of ``per_subnet``, or at one address with another, and given last.
    """

    subnet: str
    peers: int
    beyond_caps: int
    per_subnet: int


class FamilyStatus(msgspec.Struct):
    """The node in one address family. ``endpoint``: where it listens; ``joined``: the first lookup
    of its own ID has ended; ``online``: other nodes answer; ``contacts``: verified nodes in the
    routing table; ``candidates``: nodes that wait to be verified. ``reach``: whether strangers
    reach it; null for a node that does not test that, as at a private address.
    """

    family: str
    id: str
    endpoint: str
    joined: bool
    online: bool
    contacts: int
    candidates: int
    address: OwnAddress
    reach: ReachDocument | None


class ServiceStatus(msgspec.Struct):
    """``answer``: ``open``, ``closed`` or ``unsure``, as other nodes found the TCP port;
    ``accepted`` of the ``asked`` ones got a connection.
    """

    port: int
    answer: str
    accepted: int
    asked: int


class MappingStatus(msgspec.Struct):
    """A port that a router was asked to forward. ``protocol``: ``udp`` or ``tcp``. ``internal``:
    the port of this machine; ``external``: where the router forwards from, as HOST:PORT, null while
    it does not. ``method``: ``pcp``, ``natpmp`` or ``upnp``. ``until``: the end of the grant, in
    seconds since 1970. ``state``: ``asking``, ``mapped``, ``paused`` (asked again later) or
    ``off``; ``reason``: why it is not mapped, or what is odd about it.
    """

    protocol: str
    family: str
    internal: int
    external: str | None
    method: str | None
    gateway: str | None
    until: float | None
    state: str
    reason: str | None


class SocketStatus(msgspec.Struct):
    """A UDP socket, first that of each family, then those at the addresses of a host with several.
    ``state``: ``open``, ``lost`` while the address that it is bound to is gone, ``taken`` where
    another program has the port at this address, ``common`` where there are too many addresses.
    ``reason``: why it is not open, else null.
    """

    family: str
    endpoint: str
    state: str
    reason: str | None


class LanInterfaceStatus(msgspec.Struct):
    """An interface with beacons: how many nodes of the own network, and others, are on its link."""

    name: str
    members: int
    others: int


class LanStatus(msgspec.Struct):
    """The nodes that beacons found. ``state``: ``on``, ``off``, or ``failing`` while no interface
    works (``reason``). ``left_out``: why other interfaces have no beacons, by name. ``beacons``:
    how many were sent, taken and dropped.
    """

    state: str
    interfaces: list[LanInterfaceStatus]
    left_out: dict[str, str]
    reason: str | None
    beacons: dict[str, int]


class PeersStatus(msgspec.Struct):
    """Peers of the node's own network, each counted once: ``online`` ones proved their keys and
    answered last time; ``held_back`` are those of them that the node does not return because of
    feedback. ``book_verified``, ``book_unverified``: addresses in the address book.
    """

    online: int
    held_back: int
    book_verified: int
    book_unverified: int


class Status(msgspec.Struct):
    """``public_key``: 64 hex digits (Ed25519). ``waits_for_contact``: the node has no bootstrap
    node, static peer or contact, and waits until another node joins by it. ``operations``: lookups
    and pings in flight, the node's own included. ``peers_stored`` and ``items_stored``: the peers
    and items that other nodes announced and put to this one. ``peers``: null for a node that takes
    part in no network. ``crowded_subnets``: those of which the limits by subnet leave peers out,
    the most crowded first, 8 at most. ``mappings``: the ports that routers were asked to forward;
    ``services``: by name, those whose TCP port was tested from outside. ``counters``: counts since
    the start, by name. ``api``: the version of the protocol of the control socket.
    """

    version: str
    pid: int
    network: str
    public_key: str
    uptime_s: float
    read_only: bool
    waits_for_contact: bool
    families: list[FamilyStatus]
    sockets: list[SocketStatus]
    mappings: list[MappingStatus]
    services: dict[str, ServiceStatus]
    lan: LanStatus
    operations: int
    queries_in_flight: int
    peers_stored: int
    items_stored: int
    peers: PeersStatus | None
    crowded_subnets: list[CrowdedStatus]
    counters: dict[str, int]
    api: int = API


async def _status(params: StatusParams, call: Call) -> Status:
    await trio.lowlevel.checkpoint()
    return status_document(call.node)


def status_document(node: Node) -> Status:
    """The state of a node at this moment."""
    return status_of(node, node.snapshot())


def status_of(node: Node, snapshot: Snapshot) -> Status:
    """The document of a node and of a snapshot that was just taken of it."""
    sockets = node.sockets()
    tests = node.config.core.tests_reachability
    lan_only = node.config.lan == "only"
    own = {dht.family: dht.address.ip for dht in snapshot.dhts}
    reach = {
        each.family: reach_document(each)
        for each in snapshot.reach
        if tests and untested_words(own[each.family], lan_only=lan_only) is None
    }
    endpoints = node.local_endpoints  # also of a lost one
    return Status(
        version=__version__,
        pid=os.getpid(),
        network=node.config.network,
        public_key=node.public_key.hex(),
        uptime_s=round(node.uptime_s, 1),
        read_only=node.config.core.read_only,
        waits_for_contact=node.waits_for_contact,
        families=[
            _family(
                dht,
                endpoints[dht.family],
                node.config.core.address.first_voters,
                reach.get(dht.family),
            )
            for dht in snapshot.dhts
        ],
        sockets=[
            SocketStatus(
                each.family.value, format_endpoint(each.endpoint), each.state.value, each.reason
            )
            for each in sockets
        ],
        mappings=[
            msgspec.convert(mapping_document(each), MappingStatus) for each in node.mappings()
        ],
        services={
            each.service: ServiceStatus(each.port, each.answer, each.accepted, each.asked)
            for each in snapshot.services
        },
        lan=msgspec.convert(lan_document(node.lan()), LanStatus),
        operations=len(snapshot.operations),
        queries_in_flight=snapshot.queries_in_flight,
        peers_stored=snapshot.peers_stored,
        items_stored=snapshot.items_stored,
        peers=_peers(snapshot.peer_network),
        crowded_subnets=_crowded(
            snapshot.peer_network, node.config.core.book.tried_places_per_subnet
        ),
        counters=node.counters(),
    )


def _peers(network: PeerNetworkSnapshot | None) -> PeersStatus | None:
    if network is None:
        return None
    return PeersStatus(
        network.online, network.held_back, network.book_verified, network.book_unverified
    )


def _crowded(network: PeerNetworkSnapshot | None, per_subnet: int) -> list[CrowdedStatus]:
    crowded = network.crowded if network is not None else ()
    return [
        CrowdedStatus(format_subnet(each.prefix), each.peers, each.beyond_caps, per_subnet)
        for each in crowded[:MAX_CROWDED]
    ]


def _family(
    dht: DhtSnapshot, endpoint: Endpoint, voters_needed: int, reach: ReachDocument | None
) -> FamilyStatus:
    seen = dht.address
    address = OwnAddress(
        format_ip(seen.ip) if seen.ip is not None else None,
        seen.port,
        seen.confidence.value,
        seen.voters,
        round(seen.agreement, 3),
        voters_needed,
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
        reach,
    )


STATUS = Method("status", StatusParams, Status, _status)
