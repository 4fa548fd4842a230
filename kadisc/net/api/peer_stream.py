"""Peers for the application, for as long as it wants more: from the slots of the view, from the
address book and from the info-hashes of the network, in the order of `core/peers/selection.py`;
spread over subnets; each verified a short while ago, and none twice within a while.

Attack: a node that advertises aggressively is checked often, so a choice among the peers that
answered lately would favour it. Defence: a peer is chosen first, and asked afterwards if it has not
answered lately. There is no cursor and no list behind it: each peer is chosen when the caller asks
for it, so that a peer which was lost in the meantime is not returned.
"""

from __future__ import annotations

from collections import Counter

import trio

from ...core.contract.verified_peer import VerifiedPeer
from ...errors import Busy, Closed
from ..transport.nurseries import open_flat_nursery
from .peer_network import OwnNetwork

MAX_REMEMBERED = 4096
"""The number of returned peers that are remembered, so that they are not returned again; beyond it
the one returned longest ago is forgotten.
"""
CHOSEN_FROM = 32
"""The number of peers that the core offers for each choice."""
CHECKS_AT_ONCE = 8
"""The number of peers that are asked at once, where none has answered lately."""
RETRY_CHECK_S = 30.0
"""The least pause between two checks of one peer by one stream."""
GRACE_S = 0.5
"""When one peer has answered, those that were asked with it have so long to answer too; that saves
a second check.
"""
LOOK_AGAIN_S = 5.0
"""A stream that has no peer chooses again after so long, even when no peer was verified: by then a
peer may be checked or returned again.
"""
FIRST_SEARCH_S = 30.0
"""The pause after the first lookup on the DHT by a stream that has no peer; it doubles."""
LAST_SEARCH_S = 900.0
"""The longest pause between such lookups."""
EVER = float("inf")


class PeerStream:
    """``async for peer in node.peers(service="eth")``. Ends after ``count`` peers, where it is
    given, or with the node.
    """

    def __init__(
        self,
        network: OwnNetwork,
        *,
        service: str | None,
        count: int | None,
        verified_within_s: float,
        again_after_s: float,
    ) -> None:
        self._network = network
        self._service = service
        self._left = count
        self._verified_within_s = verified_within_s
        self._again_after_s = again_after_s
        self._given: dict[bytes, float] = {}  # mark of a peer -> moment, oldest first
        self._per_prefix: Counter[bytes] = Counter()
        self._checked_at: dict[bytes, float] = {}  # mark of a peer -> moment, oldest first
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
            candidates = self._candidates()
            if candidates and self._is_fresh(candidates[0]):
                return self._take(candidates[0])
            if not candidates:
                await self._look_further()
            elif (peer := await self._first_that_answers(candidates)) is not None:
                return self._take(peer)
        raise StopAsyncIteration

    def _candidates(self) -> list[VerifiedPeer]:
        """The peers to choose from, those first whose subnets were returned least; where none fits,
        peers that have not answered for long; and only then peers that did not prove their keys.
        """
        for is_proven, within_s in ((True, None), (True, EVER), (False, None), (False, EVER)):
            found = self._network.peers(
                CHOSEN_FROM, service=self._service, verified_within_s=within_s, but_not=self._given
            )
            usable = [
                peer
                for peer in found
                if peer.is_proven is is_proven
                and (self._is_fresh(peer) or peer.mark not in self._checked_at)
            ]
            if usable:
                return sorted(usable, key=self._times_given)
        return []

    def _is_fresh(self, peer: VerifiedPeer) -> bool:
        return self._network.age_s(peer) <= self._verified_within_s

    def _times_given(self, peer: VerifiedPeer) -> tuple[int, int]:
        """How often peers of its /24 and of its /16 were returned."""
        subnet, netgroup = self._network.prefixes(peer.endpoint)
        return self._per_prefix[subnet], self._per_prefix[netgroup]

    def _take(self, peer: VerifiedPeer) -> VerifiedPeer:
        self._given[peer.mark] = self._network.now()
        self._per_prefix.update(self._network.prefixes(peer.endpoint))
        while len(self._given) > MAX_REMEMBERED:
            del self._given[next(iter(self._given))]
        if len(self._per_prefix) > 2 * MAX_REMEMBERED:
            self._per_prefix.clear()
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

    async def _first_that_answers(self, candidates: list[VerifiedPeer]) -> VerifiedPeer | None:
        """Asks the first few peers that have not answered lately."""
        answered: list[VerifiedPeer] = []
        async with open_flat_nursery() as nursery:
            for peer in [peer for peer in candidates if not self._is_fresh(peer)][:CHECKS_AT_ONCE]:
                nursery.start_soon(self._check, peer, answered, nursery.cancel_scope)
        return answered[0] if answered else None

    async def _check(
        self, peer: VerifiedPeer, answered: list[VerifiedPeer], all_checks: trio.CancelScope
    ) -> None:
        """The first peer that answers is enough for now. The others count as checked too, or
        unresponsive peers would be asked again and again.
        """
        self._checked_at[peer.mark] = self._network.now()
        try:
            found = await self._network.check(peer.endpoint)
        except (Busy, Closed):
            return
        if (
            found is not None
            and found.key == peer.key
            and (self._service is None or self._service in found.services)
        ):
            answered.append(found)
            all_checks.deadline = min(all_checks.deadline, trio.current_time() + GRACE_S)

    async def _look_further(self) -> None:
        """Waits for a peer to be verified, and now and then searches the DHT."""
        now = self._network.now()
        async with open_flat_nursery() as nursery:
            if now >= self._search_at:
                self._search_at = now + self._search_pause_s
                self._search_pause_s = min(2 * self._search_pause_s, LAST_SEARCH_S)
                nursery.start_soon(self._network.search_dht)
            await self._network.wait_verified(LOOK_AGAIN_S)
            nursery.cancel_scope.cancel()
