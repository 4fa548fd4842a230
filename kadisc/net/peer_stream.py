"""Peers for the application, for as long as it wants more: from the slots, from the address book and from what the tags of the network led to, in
turn; spread over networks; each verified a short while ago, and none twice within a while.

No cursor and no list behind it: each peer is chosen when it is asked for, so that nobody is given who was lost in the meantime.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import trio

from ..core.peers import VerifiedPeer
from ..errors import Busy, Closed
from .nurseries import open_flat_nursery
from .own_network import OwnNetwork

MAX_REMEMBERED = 4096
"""Peers given that are not to be given again; beyond it the one given longest ago may be."""
CHOSEN_FROM = 32
CHECKS_AT_ONCE = 8
"""Of peers that have not answered for too long."""
RETRY_CHECK_S = 30.0
PATIENCE_S = 5.0
"""Without news it looks again after so long: times go by that let a peer be checked or given again."""
FIRST_SEARCH_S, LAST_SEARCH_S = 30.0, 900.0
"""Pauses between lookups of the tags by a stream that has run dry."""
EVER = float("inf")


class PeerStream:
    """``async for peer in node.peers(service="eth")``. Ends at ``count``, where one is given, or with the node."""

    def __init__(
        self,
        network: OwnNetwork,
        search_tags: Callable[[], Awaitable[None]],
        *,
        service: str | None,
        count: int | None,
        verified_within_s: float,
        again_after_s: float,
    ) -> None:
        self._network = network
        self._search_tags = search_tags
        self._service = service
        self._left = count
        self._verified_within_s = verified_within_s
        self._again_after_s = again_after_s
        self._given: dict[bytes, float] = {}  # by key, in the order of time
        self._per_network: Counter[bytes] = Counter()
        self._checked_at: dict[bytes, float] = {}
        self._search_at = -EVER
        self._search_pause_s = FIRST_SEARCH_S

    def __aiter__(self) -> PeerStream:
        return self

    async def __anext__(self) -> VerifiedPeer:
        if self._left == 0:
            raise StopAsyncIteration
        await trio.lowlevel.checkpoint()
        while not self._network.closed:
            self._forget_old()
            peer = self._choose()
            if peer is not None:
                return self._give(peer)
            try:
                await self._look_further()
            except Closed:
                break
        raise StopAsyncIteration

    def _choose(self) -> VerifiedPeer | None:
        """Of those that come next by turn and by lot, the first in the network that was given least."""
        found = self._network.peers(CHOSEN_FROM, service=self._service, verified_within_s=self._verified_within_s, but_not=self._given)
        return min(found, key=self._times_given, default=None)

    def _times_given(self, peer: VerifiedPeer) -> tuple[int, int]:
        narrow, wide = self._network.community.networks(peer.endpoint)
        return self._per_network[narrow], self._per_network[wide]

    def _give(self, peer: VerifiedPeer) -> VerifiedPeer:
        self._given[peer.key] = self._network.now()
        self._per_network.update(self._network.community.networks(peer.endpoint))
        while len(self._given) > MAX_REMEMBERED:
            del self._given[next(iter(self._given))]
        if len(self._per_network) > 2 * MAX_REMEMBERED:
            self._per_network.clear()
        if self._left is not None:
            self._left -= 1
        self._search_pause_s = FIRST_SEARCH_S
        return peer

    def _forget_old(self) -> None:
        now = self._network.now()
        for times, lifetime_s in ((self._given, self._again_after_s), (self._checked_at, RETRY_CHECK_S)):
            while times and now - times[oldest := next(iter(times))] >= lifetime_s:
                del times[oldest]

    async def _look_further(self) -> None:
        """Checks peers that have not answered for too long; without any, waits for news, and now and then asks the DHT for some."""
        unwanted = {**self._given, **self._checked_at}
        stale = self._network.peers(CHECKS_AT_ONCE, service=self._service, verified_within_s=EVER, but_not=unwanted)
        now = self._network.now()
        if stale:
            async with open_flat_nursery() as nursery:
                for peer in stale:
                    nursery.start_soon(self._check, peer, nursery.cancel_scope)
            return
        async with open_flat_nursery() as nursery:
            if now >= self._search_at:
                self._search_at = now + self._search_pause_s
                self._search_pause_s = min(2 * self._search_pause_s, LAST_SEARCH_S)
                nursery.start_soon(self._search_tags)
            await self._network.news(PATIENCE_S)
            nursery.cancel_scope.cancel()

    async def _check(self, peer: VerifiedPeer, others: trio.CancelScope) -> None:
        """The first that is there is enough for now. The others have had their turn too, or those that are dead would be asked again and again."""
        self._checked_at[peer.key] = self._network.now()
        try:
            if await self._network.check(peer.endpoint) is not None:
                others.cancel()
        except Busy:
            pass
