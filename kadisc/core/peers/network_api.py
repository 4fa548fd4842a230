"""The interface by which the core speaks to the peers of the node's own network. `PeerNetwork`
implements it; `NoPeerNetwork` stands in for it in a node that is of no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...wire.messages import Gossip, Reply
from ..contract.events import Event, LookupResult, OperationId
from ..contract.queries import Commands, PendingQuery, RendezvousLookup
from ..contract.served import Served


class RendezvousApi(Protocol):
    """The lookups of the network's info-hashes are told to it."""

    def rendezvous_started(self, lookup: RendezvousLookup, operation: OperationId) -> None:
        """A rendezvous lookup that an application waits for begins."""
        ...

    def rendezvous_found(
        self, lookup: RendezvousLookup, peers: Sequence[Endpoint], now: float
    ) -> None:
        """An answer in a rendezvous lookup names peers."""
        ...

    def rendezvous_finished(
        self,
        lookup: RendezvousLookup,
        operation: OperationId,
        result: LookupResult,
        now: float,
        *,
        stored: bool,
    ) -> None:
        """A rendezvous lookup has ended. ``stored``: whether a node stored this node's announce."""
        ...


class PeerNetworkApi(Protocol):
    @property
    def rendezvous(self) -> RendezvousApi: ...

    def serve(self, query: Gossip, source: Endpoint, query_bytes: int, now: float) -> Served:
        """Answers a gossip query, which came in a datagram of ``query_bytes``."""
        ...

    def query_received(self, source: Endpoint, now: float) -> Commands:
        """A query of any kind came from ``source``."""
        ...

    def ping_received(self, nonce: bytes, source: Endpoint, now: float) -> Commands:
        """A ping of a witness, or of a node that says so; told before it is answered."""
        ...

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        """A matched reply to a query of any kind."""
        ...

    def missed(self, pending: PendingQuery, now: float) -> Commands:
        """A query of any kind timed out."""
        ...

    def happened(self, event: Event, now: float) -> Commands:
        """Another event of the node: it joined, or its address changed."""
        ...

    def first_hops(self, family: Family, count: int, now: float) -> list[Contact]:
        """Contacts for a lookup to start from, beside those of the routing table."""
        ...
