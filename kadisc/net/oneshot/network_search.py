"""The search behind ``kadisc peers NETWORK``: whom the node knows, and who announced under the
network's tags on the DHT, each proved by an exchange of records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import trio

from ...core.contract.events import Outcome
from ...core.contract.verified_peer import VerifiedPeer
from ...endpoints import Endpoint, Family, host_of
from ...errors import Busy, Closed
from ..api.node import Node
from ..tcp_check import accepts
from ..transport.nurseries import open_flat_nursery
from .host_resolver import WayIn
from .multi_family import MultiFamilyLookup

CHECKS_AT_ONCE = 16
CHECKS_PER_TAG = 32
"""Whoever floods one of the four tags leaves the others theirs..."""
CHECKS_PER_NETWORK = 8
"""...and makes us ask no /24 (IPv6 /48) oftener than that."""
CONNECTIONS_AT_ONCE = 16
QUIET_S = 2.0
"""Once the lookups are done, whoever was verified names others: it goes on while that brings
somebody new within this time.
"""
VERIFIED_WITHIN_S = 120.0


class NetworkSearch(MultiFamilyLookup):
    """Ends at ``wanted`` peers; ``tell`` is called with each. ``service``: only peers that offer
    it. With ``connects`` only those are taken whose TCP port accepts: that of ``service``, or else
    of any service that is a port; ``refused`` counts the others.
    """

    def __init__(
        self,
        node: Node,
        wanted: int,
        tell: Callable[[VerifiedPeer], None] | None = None,
        *,
        service: str | None = None,
        connects: bool = False,
    ) -> None:
        super().__init__(node, node.own_network.tags[0])
        self.peers: list[VerifiedPeer] = []
        self.first_peer_s: float | None = None
        self.refused = 0
        self._wanted = wanted
        self._tell = tell
        self._service = service
        self._connects = connects
        self._checked: set[Endpoint] = set()
        self._per_network: Counter[bytes] = Counter()
        self._checks = trio.CapacityLimiter(CHECKS_AT_ONCE)
        self._connections = trio.CapacityLimiter(CONNECTIONS_AT_ONCE)

    @property
    def queries(self) -> int:
        """Checks count as one datagram each."""
        return super().queries + len(self._checked)

    async def run(self, sources: Sequence[Sequence[str]], timeout_s: float) -> WayIn:
        async with open_flat_nursery() as nursery:
            nursery.start_soon(self._collect)
            host_resolver = await super().run(sources, timeout_s)
            nursery.cancel_scope.cancel()
        return host_resolver

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        outcomes: list[Outcome | None] = []
        async with open_flat_nursery() as nursery:
            for info_hash in self.node.own_network.tags:
                nursery.start_soon(self._look_up, info_hash, family, seeds, nursery, outcomes)
        # Each that was verified was asked for its peers in passing; those are checked by the node
        # itself, one a second.
        while await self.node.own_network.news(QUIET_S):
            pass
        return Outcome.DONE in outcomes

    async def _look_up(
        self,
        info_hash: int,
        family: Family,
        seeds: Sequence[Endpoint],
        checks: trio.Nursery,
        outcomes: list[Outcome | None],
    ) -> None:
        left = CHECKS_PER_TAG
        try:
            async with self.node.find_peers(info_hash, family=family, seeds=seeds) as found:
                self.follow(found)
                async for endpoint in found:
                    if left and self._is_worth_a_check(endpoint):
                        left -= 1
                        checks.start_soon(self._check, endpoint)
        except Busy:
            return
        outcomes += found.outcomes

    def _is_worth_a_check(self, endpoint: Endpoint) -> bool:
        network, _ = self.node.own_network.peer_network.prefixes(endpoint)
        if (
            endpoint in self._checked
            or self._per_network[network] >= CHECKS_PER_NETWORK
            or endpoint in self.node.local_endpoints.values()
        ):
            return False
        self._checked.add(endpoint)
        self._per_network[network] += 1
        return True

    async def _check(self, endpoint: Endpoint) -> None:
        async with self._checks:
            try:
                await self.node.own_network.check(endpoint)
            except (Busy, Closed):
                return

    async def _collect(self) -> None:
        async with open_flat_nursery() as nursery:
            async for peer in self.node.peers(
                service=self._service, verified_within_s=VERIFIED_WITHIN_S
            ):
                if not self._connects:
                    self._add(peer)
                else:
                    nursery.start_soon(self._connect, peer)

    async def _connect(self, peer: VerifiedPeer) -> None:
        async with self._connections:
            for port in self._ports(peer):
                if await accepts(host_of(peer.endpoint), port):
                    self._add(peer)
                    return
        self.refused += 1

    def _ports(self, peer: VerifiedPeer) -> list[int]:
        chosen = (
            peer.services.values() if self._service is None else [peer.services.get(self._service)]
        )
        return [value for value in chosen if isinstance(value, int)]

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
            self.enough()
