"""The search behind ``kadisc peers NETWORK``: the peers of ``node.peers()``, until there are enough
or no more are likely to come soon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import trio

from ...core.contract.events import OperationId
from ...core.contract.verified_peer import VerifiedPeer
from ...endpoints import Endpoint, Family
from ..api.node import Node
from ..transport.nurseries import open_flat_nursery
from .host_resolver import HostResolver
from .multi_family import MultiFamilyLookup
from .port_check import PortCheck

QUIET_S = 2.0
"""The search ends where no node has answered and no peer was verified for so long."""
_LOOK_S = 0.05
"""How often to look whether the search has ended, where no peer is verified."""


class NetworkSearch(MultiFamilyLookup):
    """Ends at ``wanted`` peers; ``tell`` is called with each. ``service``: only peers that offer
    it; ``where``: only peers with these values of services (None: any). With fewer than
    ``at_least`` peers it goes on for ``wait_s`` seconds. ``connects``: only peers whose TCP port
    accepts connections, the port of ``service`` or else of any service that is a port; ``refused``
    counts the others. A peer of both address families is given with the endpoint first whose port
    accepted.
    """

    def __init__(
        self,
        node: Node,
        wanted: int,
        tell: Callable[[VerifiedPeer], None] | None = None,
        *,
        service: str | None = None,
        where: Mapping[str, int | bytes | None] | None = None,
        connects: bool = False,
        wait_s: float = 0.0,
        at_least: int = 0,
    ) -> None:
        super().__init__(node, node.own_network.keys.info_hashes[0])
        self.peers: list[VerifiedPeer] = []
        self.first_peer_s: float | None = None
        self.refused = 0
        self._wanted = wanted
        self._tell = tell
        self._ports = PortCheck(service)
        self._connects = connects
        self._connecting = 0
        self._queries_before = node.own_network.search_queries
        self._waits_until = self.started + wait_s
        self._at_least = at_least
        self._stream = node.peers(service=service, where=where)

    @property
    def queries(self) -> int:
        """Datagrams sent so far, checks of peers included."""
        running = {each.operation: each.queries for each in self.node.operations()}
        network = self.node.own_network
        begun = sum(running.get(operation, 0) for operation in network.search_operations)
        return network.search_queries + begun - self._queries_before

    async def run(self, sources: Sequence[Sequence[str]], timeout_s: float) -> HostResolver:
        async with open_flat_nursery() as nursery:
            await nursery.start(self._collect)
            host_resolver = await super().run(sources, timeout_s)
            nursery.cancel_scope.cancel()
        return host_resolver

    def is_followed(self, operation: OperationId) -> bool:
        return operation in self.node.own_network.search_operations

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        """Returns when no further peer is likely to come soon."""
        network = self.node.own_network
        if seeds:
            network.search_from(seeds, family)
        answered, quiet_at = self.answered, trio.current_time() + QUIET_S
        while self._is_busy(family):
            is_news = await network.wait_verified(_LOOK_S)
            if is_news or self.answered != answered or not self.answered:
                answered, quiet_at = self.answered, trio.current_time() + QUIET_S
            elif not (self._connecting or self._waits) and trio.current_time() >= quiet_at:
                break
        return self._contacts(family) > 0

    def _is_busy(self, family: Family) -> bool:
        return (
            self._waits
            or self.node.own_network.is_searching(family)
            or self._stream.is_asking
            or self._connecting > 0
        )

    @property
    def _waits(self) -> bool:
        """Whether peers are too few, and there is time left to wait for more. The stream looks
        further by itself.
        """
        return len(self.peers) < self._at_least and trio.current_time() < self._waits_until

    @property
    def has_reached_network(self) -> bool:
        return bool(self.answered or self.peers or any(map(self._contacts, self.node.own_ids)))

    def _contacts(self, family: Family) -> int:
        """Contacts that have answered."""
        return sum(dht.contacts for dht in self.node.snapshot().dhts if dht.family is family)

    async def _collect(self, task_status: trio.TaskStatus[None]) -> None:
        async with open_flat_nursery() as nursery:
            # What is known already, before anything is looked up.
            while (peer := self._stream.take_nowait()) is not None:
                self._take(peer, nursery)
            task_status.started()
            async for peer in self._stream:
                self._take(peer, nursery)

    def _take(self, peer: VerifiedPeer, connections: trio.Nursery) -> None:
        if self._connects:
            connections.start_soon(self._connect, peer)
        else:
            self._add(peer)

    async def _connect(self, peer: VerifiedPeer) -> None:
        self._connecting += 1
        try:
            accepting = await self._ports.accepting(peer)
        finally:
            self._connecting -= 1
        if accepting is None:
            self.refused += 1
        else:
            self._add(accepting)

    def _add(self, peer: VerifiedPeer) -> None:
        if len(self.peers) >= self._wanted:
            return
        self.answered += 1
        if self.first_peer_s is None:
            self.first_peer_s = self.elapsed_s
        self.peers.append(peer)
        if self._tell is not None:
            self._tell(peer)
        if len(self.peers) >= self._wanted:
            self.finish()
