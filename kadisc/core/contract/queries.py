"""An exchange: one query of ours, from the wish to send it to its answer; and the interface of
whoever wished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Protocol, TypeAlias

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...ids import NodeId
from ...wire.messages import AnnouncePeer, Error, FindNode, Get, GetPeers, Gossip, Ping, Put, Reply
from ..peers.rendezvous import RendezvousLookup
from .events import Event

OutgoingQuery: TypeAlias = Ping | FindNode | GetPeers | AnnouncePeer | Get | Put | Gossip


class Owner(Protocol):
    """Whoever wants an answer. Each call returns what is to be done next; none may touch anything
    else.
    """

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands: ...

    def stalled(self, pending: PendingQuery, now: float) -> Commands:
        """The expected round-trip time has passed; the query is sent once more, and may be called
        stalled once more.
        """
        ...

    def failed(self, pending: PendingQuery, error: Error | None, now: float) -> Commands:
        """The other node answered with an error, or (None) it did not answer in time, or the query
        could not be sent.
        """
        ...


@dataclass(slots=True, eq=False)
class SendQuery:
    """A decision to send a query. ``expected_id`` is the ID that hearsay gives to the endpoint,
    None if none is known.
    """

    endpoint: Endpoint
    expected_id: NodeId | None
    query: OutgoingQuery
    owner: Owner
    discreet: bool = False
    """Whoever answers is no candidate for the table by that."""
    once: bool = False
    """Not sent again: it asks somebody who left the last one unanswered, and both would have to be
    lost.
    """
    fast_retry: bool = False
    """Sent again, and called stalled, after half the usual time."""
    background: bool = False
    """For the table's own sake: waits while the application's searches have found nothing."""

    # Written out, here and below, to be compiled: see messages.py.
    def __init__(
        self,
        endpoint: Endpoint,
        expected_id: NodeId | None,
        query: OutgoingQuery,
        owner: Owner,
        discreet: bool = False,
        once: bool = False,
        fast_retry: bool = False,
        background: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.expected_id = expected_id
        self.query = query
        self.owner = owner
        self.discreet = discreet
        self.once = once
        self.fast_retry = fast_retry
        self.background = background


@dataclass(frozen=True, slots=True)
class RefreshLookup:
    """A decision to look up an ID for the table's own sake: a refresh, or a walk through a bucket
    that is too empty.
    """

    family: Family
    target: NodeId
    is_own_id: bool = False
    k: int | None = None
    """How many answers are enough; None for the usual number."""
    fills: int | None = None
    """The bucket that it is for: it ends when that holds enough."""


Command: TypeAlias = SendQuery | RefreshLookup | RendezvousLookup | Event
Commands: TypeAlias = Sequence[Command]

NO_COMMANDS: Final[Commands] = ()


@dataclass(slots=True, eq=False)
class PendingQuery:
    """A query that was sent. Times are in seconds on the caller's clock."""

    endpoint: Endpoint
    expected_id: NodeId | None
    query: OutgoingQuery
    owner: Owner
    payload: bytes
    sent_at: float
    stall_at: float
    expires_at: float
    proves_reachability: bool
    """When it was sent, the endpoint had no NAT mapping towards us that its own earlier query could
    have opened.
    """
    discreet: bool = False
    due_at: float = inf
    """When it is overdue next."""
    stalls: int = 0
    transmissions: int = 1
    contacts: Sequence[Contact] = ()
    """What its answer named, as far as it may be used; set before the owner is told."""

    def __init__(
        self,
        endpoint: Endpoint,
        expected_id: NodeId | None,
        query: OutgoingQuery,
        owner: Owner,
        payload: bytes,
        sent_at: float,
        stall_at: float,
        expires_at: float,
        proves_reachability: bool,
        discreet: bool = False,
        contacts: Sequence[Contact] = (),
    ) -> None:
        self.endpoint = endpoint
        self.expected_id = expected_id
        self.query = query
        self.owner = owner
        self.payload = payload
        self.sent_at = sent_at
        self.stall_at = stall_at
        self.expires_at = expires_at
        self.proves_reachability = proves_reachability
        self.discreet = discreet
        self.due_at = inf
        self.stalls = 0
        self.transmissions = 1
        self.contacts = contacts

    def rtt_s(self, now: float) -> float | None:
        """None after a retransmission: nobody can tell which of the two was answered (Karn's rule)."""
        return now - self.sent_at if self.transmissions == 1 else None
