"""Commands that the components of the core return, and the life of one query: from the command to
send it until it is answered, fails or times out.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol, TypeAlias

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...ids import NodeId
from ...wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    Knock,
    Ping,
    Put,
    Reach,
    Reply,
)
from . import purposes
from .events import Event
from .query_group import QueryGroup

OutgoingQuery: TypeAlias = (
    Ping | FindNode | GetPeers | AnnouncePeer | Get | Put | Gossip | Reach | Knock
)


class Priority(enum.Enum):
    """Which of the two waiting lines of the send queue a query joins."""

    CALLER = "caller"  # lookups, pings and all other queries that a caller waits for
    MAINTENANCE = "maintenance"  # checks of contacts, and gossip


MAINTENANCE: Final = Priority.MAINTENANCE
"""Read for every query: see `endpoints.IPV4`."""


class QueryFailure(enum.Enum):
    """Why a query failed without an answer."""

    TIMED_OUT = "timed out"
    NOT_SENT = "not sent"  # the queues are full, or the operating system refused to send


class Owner(Protocol):
    """The component that a query is sent for. Each call returns the commands that follow; an owner
    touches no other component.
    """

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands: ...

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        """The expected round-trip time has passed. The query is sent once more, and may be reported
        as stalled once more.
        """
        ...

    def failed(self, command: SendQuery, reason: Error | QueryFailure, now: float) -> Commands:
        """The other node answered with an error, did not answer in time, or was not sent to."""
        ...


@dataclass(slots=True, eq=False)
class SendQuery:
    """A command to send a query. ``expected_id`` is the ID that other nodes reported for the
    endpoint, None if none is known.
    """

    endpoint: Endpoint
    expected_id: NodeId | None
    query: OutgoingQuery
    owner: Owner
    learn_contact: bool = True
    """Whether the node that answers becomes a candidate for the routing table."""
    retransmit: bool = True
    """Whether it is sent once more when no answer comes in the expected time. False for a contact
    whose last query failed: both datagrams would have to be lost to misjudge it.
    """
    fast_retry: bool = False
    """Whether it is sent again, and reported as stalled, after half the usual time."""
    background: bool = False
    """Whether it serves the routing table alone, and waits while the lookups of callers have found
    nothing yet.
    """
    priority: Priority = Priority.CALLER
    group: QueryGroup | None = None
    """Where its transmissions are counted; None if they are not counted."""
    only_new_contacts: bool = False
    """Whether, of the contacts in its answer, only those are wanted that the table does not hold.
    """
    spaced: bool = False
    """Whether it is a query of maintenance that begins something new: few of them go to one
    endpoint.
    """
    purpose: str = purposes.CALLER
    """What it is sent for, one of `purposes`: under that name it is counted."""
    tells_of_node: bool = True
    """Whether an answer tells the round-trip time and has a vote on the own address, and silence
    counts against the node asked. False where the answer waits for a third node, or where a third
    node chose whom to ask.
    """
    timeout_s: float | None = None
    """How long to wait for the answer; None for the usual time."""

    # Written out, here and below, so that mypyc can compile it: see messages.py.
    def __init__(
        self,
        endpoint: Endpoint,
        expected_id: NodeId | None,
        query: OutgoingQuery,
        owner: Owner,
        learn_contact: bool = True,
        retransmit: bool = True,
        fast_retry: bool = False,
        background: bool = False,
        priority: Priority = Priority.CALLER,
        group: QueryGroup | None = None,
        only_new_contacts: bool = False,
        spaced: bool = False,
        purpose: str = purposes.CALLER,
        tells_of_node: bool = True,
        timeout_s: float | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.expected_id = expected_id
        self.query = query
        self.owner = owner
        self.learn_contact = learn_contact
        self.retransmit = retransmit
        self.fast_retry = fast_retry
        self.background = background
        self.priority = priority
        self.group = group
        self.only_new_contacts = only_new_contacts
        self.spaced = spaced
        self.purpose = purpose
        self.tells_of_node = tells_of_node
        self.timeout_s = timeout_s


@dataclass(frozen=True, slots=True)
class RefreshLookup:
    """A command to look up an ID for the routing table: a refresh of a bucket, a lookup of the own
    ID, or a lookup inside a bucket that holds too few contacts.
    """

    family: Family
    target: NodeId
    is_own_id: bool = False
    k: int | None = None
    """How many answers are enough; None for the usual number."""
    fills: int | None = None
    """The bucket that the lookup is to fill: it ends when that bucket holds enough contacts."""


@dataclass(frozen=True, slots=True)
class RendezvousLookup:
    """A command to look up which peers announced under one info-hash of the own network."""

    family: Family
    number: int
    """Which of the network's info-hashes it is, from 0."""
    info_hash: NodeId
    announces: bool
    """Whether this node announces itself there as well."""
    port: int | None
    """The port of this node as far as it is known, for nodes that do not support the implied
    port.
    """
    paths: int
    for_caller: bool = False
    """Whether an application waits for what it finds."""
    implied_port: bool = True
    """Whether the announce asks for the port that it comes from, and not for ``port``."""
    seeds: tuple[Endpoint, ...] = ()
    """Endpoints to begin with, beside the contacts of the routing table."""


@dataclass(frozen=True, slots=True)
class SendReply:
    """A command to answer a query that came some time ago."""

    payload: bytes
    destination: Endpoint


Command: TypeAlias = SendQuery | SendReply | RefreshLookup | RendezvousLookup | Event
Commands: TypeAlias = Sequence[Command]

NO_COMMANDS: Final[Commands] = ()


@dataclass(slots=True, eq=False)
class PendingQuery:
    """A query that was sent and is not answered yet. Times are in seconds on the caller's clock."""

    command: SendQuery
    payload: bytes
    sent_at: float
    stall_at: float
    expires_at: float
    proves_reachability: bool
    """Whether an answer cannot have come through a NAT mapping that an earlier datagram of the
    other node opened towards this node.
    """
    endpoint: Endpoint
    owner: Owner
    due_at: float = inf
    """When it stalls or expires next."""
    stalls: int = 0
    transmissions: int = 1
    answer_admitted: bool = False
    """Whether a datagram with its transaction ID has passed the limits on traffic already."""
    contacts: Sequence[Contact] = ()
    """The usable contacts of its answer; set before the owner is told of the answer."""

    def __init__(
        self,
        command: SendQuery,
        payload: bytes,
        sent_at: float,
        stall_at: float,
        expires_at: float,
        proves_reachability: bool,
        contacts: Sequence[Contact] = (),
    ) -> None:
        self.command = command
        self.payload = payload
        self.sent_at = sent_at
        self.stall_at = stall_at
        self.expires_at = expires_at
        self.proves_reachability = proves_reachability
        self.endpoint = command.endpoint
        self.owner = command.owner
        self.due_at = inf
        self.stalls = 0
        self.transmissions = 1
        self.answer_admitted = False
        self.contacts = contacts

    def rtt_s(self, now: float) -> float | None:
        """None after a retransmission: which of the two datagrams was answered is unknown (Karn's
        algorithm); and where the answer waited for another node.
        """
        if self.transmissions > 1 or not self.command.tells_of_node:
            return None
        return max(0.0, now - self.sent_at)  # a clock may have gone back
