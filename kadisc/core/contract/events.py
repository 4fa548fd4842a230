"""All that comes out of the core: datagrams for the network, events for whoever watches or waits.

Every operation ends in exactly one terminal event, a subclass of `Finished`, whatever happens to
it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NewType, TypeAlias

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...ids import NodeId
from ...wire.items import Item
from .verified_peer import VerifiedPeer

OperationId = NewType("OperationId", int)


Datagram: TypeAlias = tuple[bytes, Endpoint]
"""Payload and destination. No class of its own: one is made for every datagram."""


class Outcome(enum.Enum):
    """How an operation ended."""

    DONE = "done"
    NO_ANSWER = "no answer"
    ERROR_ANSWER = "error answer"
    NO_CONTACTS = "no contacts"  # there was nobody to ask
    CANCELLED = "cancelled"
    CLOSED = "closed"


class LookupKind(enum.Enum):
    FIND_NODE = "find_node"
    GET_PEERS = "get_peers"
    GET = "get"


@dataclass(frozen=True, slots=True)
class FoundNode:
    """A node that answered in a lookup. ``rtt_s`` is None where only a retransmission was answered
    (Karn); ``client`` is the raw ``v``.
    """

    contact: Contact
    rtt_s: float | None
    client: bytes | None
    token: bytes | None
    hops: int


@dataclass(frozen=True, slots=True)
class LookupResult:
    """``closest``: the k closest nodes that answered, closest first. ``answered``: how many
    answered in all. ``queries``: datagrams sent, retransmissions included. ``hops``: the longest
    chain of answers that one of ``closest`` rests on; 1 for a node that was in the own table.
    ``refused``: contacts left out, by reason. ``network_size``: estimated nodes in the network,
    None with fewer than 2. ``item``: what a lookup of an item has found, the latest version of it.
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


@dataclass(frozen=True, slots=True)
class Finished:
    """Base of the terminal events."""

    operation: OperationId
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PingFinished(Finished):
    """``contact``, ``rtt_s`` (None after a retransmission), ``client`` and ``seen_as`` (our
    endpoint in the other's eyes) are set when DONE; ``code`` and ``text`` with ERROR_ANSWER.
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
    """``result`` holds what was found so far also when the lookup was cancelled or closed."""

    result: LookupResult


@dataclass(frozen=True, slots=True)
class AnnounceFinished(Finished):
    """``stored``: the nodes that confirmed to have stored the announce; ``peers``: who else had
    announced there; ``queries``: datagrams sent, retransmissions included.
    """

    stored: tuple[Contact, ...] = ()
    peers: tuple[Endpoint, ...] = ()
    queries: int = 0


@dataclass(frozen=True, slots=True)
class PutFinished(Finished):
    """``item``: what was put, None where it did not come to that; ``stored``: the nodes that
    confirmed to have stored it; ``queries``: datagrams sent, retransmissions included; ``code`` and
    ``text`` of one who refused, if any did.
    """

    item: Item | None = None
    stored: tuple[Contact, ...] = ()
    queries: int = 0
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class JoinFinished(Finished):
    """One attempt to join is over. DONE: the lookup of the own ID got answers; ``verified``
    contacts are in the table.
    """

    family: Family
    verified: int


@dataclass(frozen=True, slots=True)
class PeerChecked(Finished):
    """A peer was asked to prove itself. DONE: ``peer`` is of our network, at this endpoint;
    otherwise ``reason`` may say, in a fixed word, why it is not.
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
class Joined:
    """The first time in this run: the lookup of the own ID is done and k contacts, or all there
    are, are verified.
    """

    family: Family
    verified: int


@dataclass(frozen=True, slots=True)
class ContactAdded:
    contact: Contact
    bucket: int


@dataclass(frozen=True, slots=True)
class ContactRemoved:
    contact: Contact
    bucket: int
    reason: str


@dataclass(frozen=True, slots=True)
class AddressChanged:
    """Others agree on our address, which we did not know or which was another; the node ID follows
    it. ``ip`` is 4 or 16 bytes.
    """

    family: Family
    ip: bytes
    port: int | None
    own_id: NodeId
    voters: int


@dataclass(frozen=True, slots=True)
class WentOffline:
    """Nothing was heard from two networks for a while: failures no longer count, and bootstrap
    should be tried again.
    """

    family: Family


@dataclass(frozen=True, slots=True)
class CameOnline:
    family: Family


@dataclass(frozen=True, slots=True)
class PeerVerified:
    """A peer of our network proved itself by an exchange of records: for the first time in this
    run, or with a new record.
    """

    peer: VerifiedPeer


@dataclass(frozen=True, slots=True)
class PeerLost:
    """A verified peer does not count any more. ``reason``: silent, moved (it is elsewhere now),
    replaced (somebody else is there now), refused (its record does not hold any more) or surplus.
    """

    peer: VerifiedPeer
    reason: str


@dataclass(frozen=True, slots=True)
class RecordChanged:
    """Our own record is a new one, since our address or services changed. ``record``: its canonical
    bytes.
    """

    sequence: int
    record: bytes


Event: TypeAlias = (
    Finished
    | NodeAnswered
    | PeersFound
    | Joined
    | ContactAdded
    | ContactRemoved
    | AddressChanged
    | WentOffline
    | CameOnline
    | PeerVerified
    | PeerLost
    | RecordChanged
)
