"""Announcing a peer under an info-hash (BEP 5): a get_peers lookup, then announce_peer with the token of each of the k closest."""

from __future__ import annotations

from ..endpoints import Endpoint
from ..ids import NodeId
from ..wire.messages import AnnouncePeer, Error, Reply
from .events import AnnounceFinished, FoundNode, LookupResult, OperationId, Outcome
from .exchange import NO_STEPS, Ask, Exchange, Steps
from .search import Search


class AnnounceOperation:
    """The owner of the announce_peer queries. With ``implied_port`` the datagram's source port counts, which a NAT may have changed;
    ``port`` is then for those who do not know that field."""

    def __init__(self, operation: OperationId, search: Search, own_id: NodeId, port: int, *, implied_port: bool) -> None:
        self.search = search
        self._operation = operation
        self._own_id = own_id
        self._port = port
        self._implied_port = implied_port
        self.queries = 0
        self._ended = False
        self._waiting: set[Endpoint] = set()
        self._stored: list[FoundNode] = []
        self._asked: dict[Endpoint, FoundNode] = {}
        self._peers: tuple[Endpoint, ...] = ()

    def looked_up(self, outcome: Outcome, result: LookupResult) -> Steps:
        """The lookup has ended; who gave a token is asked to store."""
        self._peers = result.peers
        if self._ended:
            return NO_STEPS
        self._asked = {node.contact.endpoint: node for node in result.closest if node.token is not None}
        if outcome is not Outcome.DONE or not self._asked:
            return self._end(Outcome.NO_ANSWER if outcome is Outcome.DONE else outcome)
        self._waiting = set(self._asked)
        return [Ask(endpoint, node.contact.id, self._query(result.target, node.token or b""), self) for endpoint, node in self._asked.items()]

    def answered(self, exchange: Exchange, reply: Reply, now: float) -> Steps:
        node = self._asked.get(exchange.endpoint)
        if node is not None and exchange.endpoint in self._waiting:
            self._stored.append(node)
        return self._one_less(exchange.endpoint)

    def stalled(self, exchange: Exchange, now: float) -> Steps:
        # Stalled again, it is not waited for any longer: others have stored it, and this one may still.
        return self._one_less(exchange.endpoint) if exchange.stalls > 1 and self._stored else NO_STEPS

    def failed(self, exchange: Exchange, error: Error | None, now: float) -> Steps:
        return self._one_less(exchange.endpoint)

    def end(self, outcome: Outcome, now: float) -> Steps:
        return [*self._end(outcome), *self.search.end(outcome, now)]

    def _query(self, info_hash: NodeId, token: bytes) -> AnnouncePeer:
        return AnnouncePeer(b"", self._own_id, info_hash, self._port, token, self._implied_port)

    def _one_less(self, endpoint: Endpoint) -> Steps:
        self._waiting.discard(endpoint)
        if self._waiting:
            return NO_STEPS
        return self._end(Outcome.DONE if self._stored else Outcome.NO_ANSWER)

    def _end(self, outcome: Outcome) -> Steps:
        if self._ended:
            return NO_STEPS
        self._ended = True
        stored = tuple(node.contact for node in self._stored)
        return [AnnounceFinished(self._operation, outcome, stored, self._peers, self.search.queries + self.queries)]
