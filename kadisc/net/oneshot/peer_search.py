"""The lookups behind ``kadisc peers`` and ``kadisc announce``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...contacts import Contact
from ...core.contract.events import LookupKind, Outcome
from ...endpoints import Endpoint, Family
from ...errors import NoAnswer
from ...ids import NodeId
from ..api.node import Node
from .multi_family import MultiFamilyLookup


class PeerSearch(MultiFamilyLookup):
    """Finds the peers announced under an info-hash. It ends at ``wanted`` peers; ``tell`` is called
    with each as it is found.
    """

    def __init__(
        self,
        node: Node,
        target: NodeId,
        wanted: int,
        tell: Callable[[Endpoint], None] | None = None,
    ) -> None:
        super().__init__(node, target)
        self.peers: dict[Endpoint, None] = {}
        self.first_peer_s: float | None = None
        self._wanted = wanted
        self._tell = tell

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        async with self.node.find_peers(self.target, family=family, seeds=seeds) as found:
            self.follow(found)
            for endpoint in self.node.stored_peers(self.target):
                self._add(endpoint)
            async for peer in found:
                self._add(peer.endpoint)
                if len(self.peers) >= self._wanted:
                    self.finish()
                    return True
        return Outcome.DONE in found.outcomes

    def _add(self, peer: Endpoint) -> None:
        # Two lookups with different seeds find the same peers.
        if peer in self.peers or len(self.peers) >= self._wanted:
            return
        if self.first_peer_s is None:
            self.first_peer_s = self.elapsed_s
        self.peers[peer] = None
        if self._tell is not None:
            self._tell(peer)


class AnnounceSearch(MultiFamilyLookup):
    """Finds the nodes closest to an info-hash and announces there, once."""

    def __init__(self, node: Node, target: NodeId, port: int, *, implied_port: bool) -> None:
        super().__init__(node, target)
        self.stored: list[Contact] = []
        self._port = port
        self._implied_port = implied_port
        self._announcing = 0

    @property
    def queries(self) -> int:
        return super().queries + self._announcing

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        answers = await self.follow_to_end(
            self.node.lookup(self.target, kind=LookupKind.GET_PEERS, family=family, seeds=seeds)
        )
        if answers.outcome is not Outcome.DONE:
            return False
        # The lookup of the announce begins at the closest nodes: one hop, which brings the tokens.
        closest = [node.contact.endpoint for node in answers.result.closest]
        try:
            announced = await self.node.announce(
                self.target,
                self._port,
                implied_port=self._implied_port,
                family=family,
                seeds=closest,
            )
        except NoAnswer:
            return False
        self._announcing += announced.queries
        self.stored += announced.stored
        self.stored.sort(key=lambda contact: contact.id ^ self.target)
        return True
