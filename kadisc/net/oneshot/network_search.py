"""The search behind ``kadisc peers NETWORK``: the peers that the node knows, and those that
announced themselves under the info-hashes of the network, each verified by an exchange of records.
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
from .host_resolver import HostResolver
from .multi_family import MultiFamilyLookup

CHECKS_AT_ONCE = 16
"""The number of record exchanges in flight."""
CHECKS_PER_INFO_HASH = 32
"""The number of checks that the announces under one info-hash can cause. An attacker that floods
one of the four info-hashes does not use up the checks of the others.
"""
CHECKS_PER_SUBNET = 8
"""The number of checks of one /24 (IPv6 /48). False announces cannot direct more queries than that
at a victim's subnet.
"""
CONNECTIONS_AT_ONCE = 16
"""The number of TCP connections in flight."""
QUIET_S = 2.0
"""When the lookups are done, verified peers name further ones. The search goes on while that brings
a new peer within this time.
"""
VERIFIED_WITHIN_S = 120.0
"""A peer counts if it has answered within this time."""


class NetworkSearch(MultiFamilyLookup):
    """Ends at ``wanted`` peers; ``tell`` is called with each. ``service``: only peers that offer
    it. ``connects``: only peers whose TCP port accepts connections, the port of ``service`` or else
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
        super().__init__(node, node.own_network.keys.info_hashes[0])
        self.peers: list[VerifiedPeer] = []
        self.first_peer_s: float | None = None
        self.refused = 0
        self._wanted = wanted
        self._tell = tell
        self._service = service
        self._connects = connects
        self._checked: set[Endpoint] = set()
        self._per_subnet: Counter[bytes] = Counter()
        self._checks = trio.CapacityLimiter(CHECKS_AT_ONCE)
        self._connections = trio.CapacityLimiter(CONNECTIONS_AT_ONCE)

    @property
    def queries(self) -> int:
        """Datagrams sent so far; each check counts as one."""
        return super().queries + len(self._checked)

    async def run(self, sources: Sequence[Sequence[str]], timeout_s: float) -> HostResolver:
        async with open_flat_nursery() as nursery:
            nursery.start_soon(self._collect)
            host_resolver = await super().run(sources, timeout_s)
            nursery.cancel_scope.cancel()
        return host_resolver

    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        outcomes: list[Outcome | None] = []
        async with open_flat_nursery() as nursery:
            for info_hash in self.node.own_network.keys.info_hashes:
                nursery.start_soon(self._look_up, info_hash, family, seeds, nursery, outcomes)
        # Each exchange also asked the peer for others; the node itself checks those, one a second.
        while await self.node.own_network.wait_verified(QUIET_S):
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
        left = CHECKS_PER_INFO_HASH
        try:
            async with self.node.find_peers(info_hash, family=family, seeds=seeds) as found:
                self.follow(found)
                async for peer in found:
                    if left and self.is_worth_a_check(peer.endpoint):
                        left -= 1
                        checks.start_soon(self._check, peer.endpoint)
        except Busy:
            return
        outcomes += found.outcomes

    def is_worth_a_check(self, endpoint: Endpoint) -> bool:
        """Whether to check an endpoint that was announced; it counts as checked then."""
        subnet, _ = self.node.own_network.prefixes(endpoint)
        if (
            endpoint in self._checked
            or self._per_subnet[subnet] >= CHECKS_PER_SUBNET
            or endpoint in self.node.local_endpoints.values()
        ):
            return False
        self._checked.add(endpoint)
        self._per_subnet[subnet] += 1
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
        values = list(peer.services.values())
        if self._service is not None:
            values = [value for name, value in peer.services.items() if name == self._service]
        return [value for value in values if isinstance(value, int)]

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
