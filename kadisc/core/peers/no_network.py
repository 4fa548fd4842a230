"""`NoPeerNetwork`: takes the place of `PeerNetwork` in a node that is of no network. Such a node
serves and uses the DHT only.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...wire import krpc
from ...wire.messages import Gossip, Reply
from ..contract.events import Event, LookupResult, OperationId
from ..contract.queries import NO_COMMANDS, Commands, PendingQuery, RendezvousLookup
from ..contract.served import Served
from ..serving.responder import Responder


class NoRendezvous:
    __slots__ = ()

    def rendezvous_started(self, lookup: RendezvousLookup, operation: OperationId) -> None:
        pass

    def rendezvous_found(
        self, lookup: RendezvousLookup, peers: Sequence[Endpoint], now: float
    ) -> None:
        pass

    def rendezvous_finished(
        self,
        lookup: RendezvousLookup,
        operation: OperationId,
        result: LookupResult,
        now: float,
        *,
        stored: bool,
    ) -> None:
        pass


class NoPeerNetwork:
    __slots__ = ("_responder", "rendezvous")

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self.rendezvous = NoRendezvous()

    def serve(self, query: Gossip, source: Endpoint, query_bytes: int, now: float) -> Served:
        return Served(krpc.encode(self._responder.answer(query, source, now)))

    def query_received(self, source: Endpoint, now: float) -> Commands:
        return NO_COMMANDS

    def ping_received(self, nonce: bytes, source: Endpoint, now: float) -> Commands:
        return NO_COMMANDS

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        return NO_COMMANDS

    def missed(self, pending: PendingQuery, now: float) -> Commands:
        return NO_COMMANDS

    def happened(self, event: Event, now: float) -> Commands:
        return NO_COMMANDS

    def first_hops(self, family: Family, count: int, now: float) -> list[Contact]:
        return []
