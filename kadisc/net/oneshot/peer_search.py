"""The lookups behind ``kadisc peers`` and ``kadisc announce``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...contacts import Contact
from ...core.contract.events import Outcome, StoreRefusal
from ...endpoints import Endpoint, Family
from ...errors import ErrorAnswer, KadiscError, NoAnswer
from ...ids import NodeId
from ...observe.describe import count
from ..api.announcing import announce_once
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
        self.refused: list[StoreRefusal] = []
        self.unanswered: list[Contact] = []
        self._port = port
        self._implied_port = implied_port
        self._refusal: ErrorAnswer | None = None

    def failure(self) -> KadiscError | None:
        """What to raise if no node stored it, ErrorAnswer or NoAnswer; None if it was stored."""
        if self.stored:
            return None
        return self._refusal or NoAnswer(
            f"{count(self.answered, 'node')} answered, but none stored the announce; try again"
        )

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        try:
            announced = await announce_once(
                self.node.pump,
                self.target,
                self._port,
                family=family,
                implied_port=self._implied_port,
                seeds=seeds,
                follow=self.follow,
            )
        except ErrorAnswer as error:
            self._refusal = error
            return True
        except NoAnswer:
            return False
        self.stored += announced.stored
        self.stored.sort(key=lambda contact: contact.id ^ self.target)
        self.refused += announced.refused
        self.unanswered += announced.unanswered
        return True
