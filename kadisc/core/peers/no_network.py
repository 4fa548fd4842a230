"""A node that is of no network: it serves and uses the DHT, and nothing else. In place of a
`PeerNetwork`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...wire import krpc
from ...wire.messages import Gossip, Reply
from ..contract.events import Event
from ..contract.queries import NO_COMMANDS, Commands, PendingQuery, RendezvousLookup
from ..serving.responder import Responder


class Served(NamedTuple):
    """``payload``: the datagram that answers a query, None where nothing may be said. ``proven``:
    its token was good, and that had been sent to where it came from.
    """

    payload: bytes | None
    proven: bool = False


class PeerNetworkApi(Protocol):
    """What a node tells those who are to know of peers of its own network, and asks of them."""

    def serve(self, query: Gossip, source: Endpoint, query_bytes: int, now: float) -> Served: ...

    def heard_from(self, source: Endpoint, now: float) -> None: ...

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> None: ...

    def missed(self, pending: PendingQuery, now: float) -> Commands: ...

    def happened(self, event: Event, now: float) -> Commands: ...

    def tag_searched(
        self, lookup: RendezvousLookup, peers: Sequence[Endpoint], now: float, *, stored: bool
    ) -> None: ...

    def first_hops(self, family: Family, count: int, now: float) -> list[Contact]: ...


class NoPeerNetwork:
    __slots__ = "_responder"

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    def serve(self, query: Gossip, source: Endpoint, query_bytes: int, now: float) -> Served:
        return Served(krpc.encode(self._responder.answer(query, source, now)))

    def heard_from(self, source: Endpoint, now: float) -> None:
        pass

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> None:
        pass

    def missed(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def happened(self, event: Event, now: float) -> Commands:
        return NO_COMMANDS

    def tag_searched(
        self, lookup: RendezvousLookup, peers: Sequence[Endpoint], now: float, *, stored: bool
    ) -> None:
        pass

    def first_hops(self, family: Family, count: int, now: float) -> list[Contact]:
        return []
