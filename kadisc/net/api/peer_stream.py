"""Peers for the application, for as long as it wants more: from the slots, from the address book
and from what the tags of the network led to, in the order of `core/peers/selection.py`; spread over
networks; each verified a short while ago, and none twice within a while.

No cursor and no list behind it: each peer is chosen when it is asked for, so that nobody is given
who was lost in the meantime. It is chosen first, and asked then if it has not answered lately. The
other way round, with a choice among those that answered lately, whoever is loud would be chosen
more often than others: who pushes himself is checked often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import trio

from ...core.contract.verified_peer import VerifiedPeer
from ...errors import Busy, Closed
from ..transport.nurseries import open_flat_nursery
from .peer_network import OwnNetwork

MAX_REMEMBERED = 4096
"""Peers given that are not to be given again; beyond it the one given longest ago may be."""
CHOSEN_FROM = 32
CHECKS_AT_ONCE = 8
"""Of peers that have not answered for too long."""
RETRY_CHECK_S = 30.0
GRACE_S = 0.5
"""When one has answered, others that were asked with it have so long to answer too; that saves a
second check.
"""
PATIENCE_S = 5.0
"""Without news it looks again after so long: times go by that let a peer be checked or given again.
"""
FIRST_SEARCH_S, LAST_SEARCH_S = 30.0, 900.0
"""Pauses between lookups of the tags by a stream that has run dry."""
EVER = float("inf")


class PeerStream:
    """``async for peer in node.peers(service="eth")``. Ends at ``count``, where one is given, or
    with the node.
    """

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
            drawn = self._draw()
            if drawn and self._is_fresh(drawn[0]):
                return self._give(drawn[0])
            try:
                if not drawn:
                    await self._look_further()
                elif (peer := await self._first_that_answers(drawn)) is not None:
                    return self._give(peer)
            except Closed:
                break
        raise StopAsyncIteration

    def _draw(self) -> list[VerifiedPeer]:
        """Those that come next by turn and by lot, the first in the networks that were given least;
        then those not heard of for long.
        """
        for within_s in (None, EVER):
            found = self._network.peers(
                CHOSEN_FROM, service=self._service, verified_within_s=within_s, but_not=self._given
            )
            fit = [
                peer for peer in found if self._is_fresh(peer) or peer.key not in self._checked_at
            ]
            if fit:
                return sorted(fit, key=self._times_given)
        return []

    def _is_fresh(self, peer: VerifiedPeer) -> bool:
        return self._network.age_s(peer) <= self._verified_within_s

    def _times_given(self, peer: VerifiedPeer) -> tuple[int, int]:
        subnet, netgroup = self._network.peer_network.prefixes(peer.endpoint)
        return self._per_network[subnet], self._per_network[netgroup]

    def _give(self, peer: VerifiedPeer) -> VerifiedPeer:
        self._given[peer.key] = self._network.now()
        self._per_network.update(self._network.peer_network.prefixes(peer.endpoint))
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
        for times, lifetime_s in (
            (self._given, self._again_after_s),
            (self._checked_at, RETRY_CHECK_S),
        ):
            while times and now - times[oldest := next(iter(times))] >= lifetime_s:
                del times[oldest]

    async def _first_that_answers(self, drawn: list[VerifiedPeer]) -> VerifiedPeer | None:
        """Of the first few that have not answered for too long."""
        answered: list[VerifiedPeer] = []
        async with open_flat_nursery() as nursery:
            for peer in [peer for peer in drawn if not self._is_fresh(peer)][:CHECKS_AT_ONCE]:
                nursery.start_soon(self._check, peer, answered, nursery.cancel_scope)
        return answered[0] if answered else None

    async def _check(
        self, peer: VerifiedPeer, answered: list[VerifiedPeer], all_checks: trio.CancelScope
    ) -> None:
        """The first that is there is enough for now. The others have had their turn too, or those
        that are dead would be asked again and again.
        """
        self._checked_at[peer.key] = self._network.now()
        try:
            found = await self._network.check(peer.endpoint)
        except Busy:
            return
        if (
            found is not None
            and found.key == peer.key
            and (self._service is None or self._service in found.services)
        ):
            answered.append(found)
            all_checks.deadline = min(all_checks.deadline, trio.current_time() + GRACE_S)

    async def _look_further(self) -> None:
        """Waits for news, and now and then asks the DHT for some."""
        now = self._network.now()
        async with open_flat_nursery() as nursery:
            if now >= self._search_at:
                self._search_at = now + self._search_pause_s
                self._search_pause_s = min(2 * self._search_pause_s, LAST_SEARCH_S)
                nursery.start_soon(self._search_tags)
            await self._network.news(PATIENCE_S)
            nursery.cancel_scope.cancel()
