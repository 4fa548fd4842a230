"""The output of the core: datagrams for the network, and events for the caller.

Every operation ends in exactly one terminal event, a subclass of `Finished`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NewType, TypeAlias

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...ids import NodeId
from ...wire.items import Item
from .reach_verdict import ReachVerdict
from .verified_peer import VerifiedPeer

OperationId = NewType("OperationId", int)

Datagram: TypeAlias = tuple[bytes, Endpoint]
"""Payload and destination: a plain tuple, because one is made for every datagram."""


class Outcome(enum.Enum):
    """How an operation ended."""

    DONE = "done"
    NO_ANSWER = "no answer"
    ERROR_ANSWER = "error answer"
    NO_CONTACTS = "no contacts"  # no node is known that could be asked
    CANCELLED = "cancelled"
    CLOSED = "closed"


class LookupKind(enum.Enum):
    FIND_NODE = "find_node"
    GET_PEERS = "get_peers"
    GET = "get"


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node that answered in a lookup. ``rtt_s`` is None after a retransmission (Karn's
    algorithm); ``client`` is the raw ``v``; ``hops``: the length of the chain of answers that led
    to it.
    """

    contact: Contact
    rtt_s: float | None
    client: bytes | None
    token: bytes | None
    hops: int


@dataclass(frozen=True, slots=True)
class LookupResult:
    """``closest``: the k closest nodes that answered, closest first. ``answered``: how many nodes
    answered in all. ``queries``: datagrams sent, retransmissions included. ``hops``: the longest
    chain of answers that led to one of ``closest``; 1 for a node of the own table. ``refused``:
    contacts that were not used, by reason. ``network_size``: estimated number of nodes in the
    network, None with fewer than 2 answers. ``item``: the latest version of the item that was
    found. ``suspicious``: more nodes were named near the target than the size of the network
    allows, so that some of them are probably an attacker's; ``region``: then further nodes that
    answered in the region where the k closest of an honest network would be, closest first.
    ``purpose``: what its queries were counted as, see `purposes`.
    """

    target: NodeId
    kind: LookupKind
    family: Family
    closest: tuple[FoundNode, ...]
    peers: tuple[Endpoint, ...]
    answered: int
    queries: int
    hops: int
    elapsed_s: float
    refused: dict[str, int]
    network_size: float | None
    item: Item | None = None
    suspicious: bool = False
    region: tuple[FoundNode, ...] = ()
    purpose: str = field(default="", repr=False)  # without effect on the digests of simulations


@dataclass(frozen=True, slots=True)
class Finished:
    """Base of the terminal events."""

    operation: OperationId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PingFinished(Finished):
    """``contact``, ``rtt_s`` (None after a retransmission), ``client`` and ``seen_as`` (the
    endpoint of this node as the other one sees it) are set when DONE; ``code`` and ``text`` with
    ERROR_ANSWER.
    """

    endpoint: Endpoint
    contact: Contact | None = None
    rtt_s: float | None = None
    client: bytes | None = None
    seen_as: Endpoint | None = None
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class LookupFinished(Finished):
    """``result`` holds what was found, also if the lookup was cancelled or closed."""

    result: LookupResult


@dataclass(frozen=True, slots=True)
class StoreRefusal:
    """A node that refused to store something, and its error: ``code`` of BEP 5 or BEP 44, ``text``
    on one line.
    """

    contact: Contact
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class AnnounceFinished(Finished):
    """``stored``: the nodes that confirmed that they stored the announce; ``peers``: other peers
    that have announced there; ``queries``: datagrams sent, retransmissions included; ``refused``:
    the nodes that answered with an error; ``unanswered``: those that were asked to store it and did
    not answer; ``lookup``: the result of the lookup before, None if that did not end. ERROR_ANSWER:
    no node stored it, and at least one refused.
    """

    stored: tuple[Contact, ...] = ()
    peers: tuple[Endpoint, ...] = ()
    queries: int = 0
    refused: tuple[StoreRefusal, ...] = ()
    unanswered: tuple[Contact, ...] = ()
    lookup: LookupResult | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class PutFinished(Finished):
    """``item``: the item that was put, None if no version was made; ``stored``: the nodes that
    confirmed that they stored it; ``queries``, ``refused``, ``unanswered`` and ``lookup``: as of an
    announce.

    ERROR_ANSWER: ``code`` and ``text`` say why; ``conflict`` is the version that another put has
    made, if that is the reason (301, 302), and its signature was checked. It is not None with
    nodes in ``stored`` only where the other version was made, or was told, after the lookup.
    """

    item: Item | None = None
    stored: tuple[Contact, ...] = ()
    queries: int = 0
    code: int = 0
    text: str = ""
    refused: tuple[StoreRefusal, ...] = ()
    unanswered: tuple[Contact, ...] = ()
    conflict: Item | None = None
    lookup: LookupResult | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class JoinFinished(Finished):
    """One attempt to join is over. DONE: the lookup of the own ID got answers. ``verified``:
    contacts in the routing table.
    """

    family: Family
    verified: int


@dataclass(frozen=True, slots=True)
class PeerChecked(Finished):
    """The verification of a peer is over. DONE: ``peer`` is of the own network, at this endpoint;
    otherwise ``reason`` may be a fixed word that says why it is not.
    """

    endpoint: Endpoint
    peer: VerifiedPeer | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class NodeAnswered:
    """A node answered in a running lookup; not terminal."""

    operation: OperationId
    node: FoundNode


@dataclass(frozen=True, slots=True)
class PeersFound:
    """New peers in a running get_peers lookup, each reported once; not terminal."""

    operation: OperationId
    peers: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class SuspiciousLookup:
    """A lookup ended that found more nodes near its target than a network of ``network_size`` nodes
    has there: some of them are probably an attacker's. ``answered``: nodes that answered in all;
    ``region``: those of them beyond the k closest that are in the region where these should be.
    """

    target: NodeId
    family: Family
    network_size: float
    answered: int
    region: int


@dataclass(frozen=True, slots=True)
class Joined:
    """The node has joined for the first time in this run: the lookup of the own ID is done, and k
    contacts, or all that there are, are verified.
    """

    family: Family
    verified: int


@dataclass(frozen=True, slots=True)
class ContactAdded:
    """A contact entered a bucket of the routing table."""

    contact: Contact
    bucket: int


@dataclass(frozen=True, slots=True)
class ContactRemoved:
    """A contact left its bucket."""

    contact: Contact
    bucket: int
    reason: str


@dataclass(frozen=True, slots=True)
class AddressChanged:
    """Other nodes agree on the external address of this node, which was unknown or different; the
    node ID follows it. ``ip`` is 4 or 16 bytes.
    """

    family: Family
    ip: bytes
    port: int | None
    own_id: NodeId
    voters: int


@dataclass(frozen=True, slots=True)
class WentOffline:
    """Queries fail and no answers came from two networks for a while: failures no longer count, and
    bootstrap should be tried again.
    """

    family: Family


@dataclass(frozen=True, slots=True)
class CameOnline:
    """Contacts answer again, or for the first time."""

    family: Family


@dataclass(frozen=True, slots=True)
class PeerVerified:
    """A peer of the own network was verified by an exchange of records: for the first time in this
    run, or with a new record. While this node hardly knows a peer that proved its key, also one
    that did not, if its record names its endpoint.
    """

    peer: VerifiedPeer


@dataclass(frozen=True, slots=True)
class PeerLost:
    """A peer no longer counts as verified. ``reason``: silent, moved (it has another endpoint now),
    replaced (another peer has its endpoint now), refused (its record is no longer valid), unproven
    (it does not prove its key any more), goodbye (it said that it stops), banned (by the operator)
    or surplus.
    """

    peer: VerifiedPeer
    reason: str


@dataclass(frozen=True, slots=True)
class PeersBeyondCaps:
    """A small network has more peers in one subnet than the limits allow: of ``peers`` verified
    ones there, ``beyond_caps`` are given to the application after all others. ``prefix``: that of
    the /24 (3 bytes) or of the IPv6 /48 (6 bytes). ``per_subnet``: the limit; an address has one.
    Once a subnet, and again when there are twice as many.
    """

    prefix: bytes
    peers: int
    beyond_caps: int
    per_subnet: int


@dataclass(frozen=True, slots=True)
class OwnAddressShared:
    """Another peer of the own network answers at the address of this node, on another port. Other
    nodes keep one node an address, so that one of the two is given to applications after all
    others. Once in a run. ``own``: the endpoint of this node; ``other``: that of the peer.
    """

    own: Endpoint
    other: Endpoint


@dataclass(frozen=True, slots=True)
class RecordChanged:
    """The record of this node is a new one, because its address or services changed. ``record``:
    its canonical bytes.
    """

    sequence: int
    record: bytes


@dataclass(frozen=True, slots=True)
class ReachabilityChanged:
    """The verdict on whether strangers reach this node in a family is a new one, or holds for
    another endpoint. ``how``: ``direct``, ``mapped`` or None, see `ReachSnapshot`.
    """

    family: Family
    verdict: ReachVerdict
    endpoint: Endpoint | None
    how: str | None


@dataclass(frozen=True, slots=True)
class NatKindChanged:
    """Another kind of NAT is seen before this node; ``kind`` is one of `NAT_KINDS`."""

    family: Family
    kind: str


@dataclass(frozen=True, slots=True)
class ServiceTested:
    """Other nodes tried to open a TCP connection to the port of a service. ``answer``: ``open``,
    ``closed`` or ``unsure``; ``accepted`` of the ``asked`` helpers got a connection.
    """

    service: str
    port: int
    answer: str
    accepted: int
    asked: int


class DialOutcome(enum.Enum):
    """What a TCP connection came to."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    SILENT = "silent"  # nothing came back
    NOT_TRIED = "not tried"  # no route, or too many connections are being opened


@dataclass(frozen=True, slots=True)
class TcpDialWanted:
    """Another node asks whether its TCP port accepts connections. The shell connects to
    ``endpoint``, sends nothing, hangs up within 3 s, and tells by `Core.tcp_dialled` what came of
    it; ``dial`` is the number that it tells it by.
    """

    dial: int
    endpoint: Endpoint


Event: TypeAlias = (
    Finished
    | NodeAnswered
    | PeersFound
    | SuspiciousLookup
    | Joined
    | ContactAdded
    | ContactRemoved
    | AddressChanged
    | WentOffline
    | CameOnline
    | PeerVerified
    | PeerLost
    | PeersBeyondCaps
    | OwnAddressShared
    | RecordChanged
    | ReachabilityChanged
    | NatKindChanged
    | ServiceTested
    | TcpDialWanted
)
