"""Announcing a peer under an info-hash (BEP 5): a get_peers lookup, then announce_peer with the
token of each of the k closest.
"""

from __future__ import annotations

from ...endpoints import Endpoint
from ...ids import NodeId
from ...wire.messages import AnnouncePeer
from ..contract.events import AnnounceFinished, LookupResult, OperationId, Outcome
from .store import MakeLookup, StoreOperation


class AnnounceOperation(StoreOperation):
    """With ``implied_port`` the source port of the datagram counts, which a NAT may have changed;
    ``port`` is then for nodes that do not support that field.
    """

    def __init__(
        self,
        operation: OperationId,
        make_lookup: MakeLookup,
        own_id: NodeId,
        port: int,
        *,
        implied_port: bool,
    ) -> None:
        super().__init__(make_lookup, own_id)
        self._operation = operation
        self._port = port
        self._implied_port = implied_port
        self._peers: tuple[Endpoint, ...] = ()

    @property
    def method(self) -> str:
        return "announce_peer"

    def _query(self, target: NodeId, token: bytes) -> AnnouncePeer:
        return AnnouncePeer(b"", self._own_id, target, self._port, token, self._implied_port)

    def _found(self, result: LookupResult) -> bool:
        self._peers = result.peers
        return True

    def _finished(self, outcome: Outcome) -> AnnounceFinished:
        return AnnounceFinished(
            self._operation,
            outcome,
            tuple(self.stored),
            self._peers,
            self.queries,
            tuple(self.refused),
            self.unanswered,
            self.looked_up,
        )
