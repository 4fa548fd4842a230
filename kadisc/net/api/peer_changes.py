"""The peers of the network that an application follows: each that is found, and each of them that
is lost again, without asking the DHT again and again.

It begins like `PeerStream`, with lookups of the network's info-hashes. As soon as these bring no
more, and a peer is there, it only listens: the node itself looks for peers, exchanges records with
them and notices which are silent. Peers that it told of and that have been silent for long are
asked, and those held back because of feedback once that is over; one at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import trio

from ...core.contract.service_filter import ServiceFilter
from ...core.contract.verified_peer import VerifiedPeer
from ...errors import Busy, Closed
from ..transport.nurseries import open_flat_nursery
from .peer_network import OwnNetwork
from .peer_stream import VERIFIED_WITHIN_S

QUIET_S: Final = 2.0
"""The search ends where a peer is there, and for so long no other was found."""
LOOK_AGAIN_S: Final = 5.0
"""How often to look for peers that have answered, where there is no news."""
PACE_S: Final = 1.0
"""The least time between two peers while as many wait for a verdict as the window has."""
SILENT_S: Final = 180.0
"""A peer that has not answered for so long is asked whether it is there."""
MAX_HELD_BACK: Final = 256
"""So many peers that are held back because of feedback are asked again; of more, the latest."""
SURPLUS: Final = "surplus"
FEEDBACK: Final = "feedback"
SERVICES: Final = "services"
FORGOTTEN: Final = "forgotten"
"""Reasons of losses that no event has: it is held back because of feedback; its record no longer
has the services that are wanted; it was out of use for long.
"""


@dataclass(frozen=True, slots=True)
class PeerChange:
    """``reason``: None for a peer that is there, with the record that it has now; else why it is
    lost: a reason of `PeerLost`, ``feedback``, ``services`` or ``forgotten``.
    """

    peer: VerifiedPeer
    reason: str | None = None


@asynccontextmanager
async def followed(
    network: OwnNetwork, *, offering: ServiceFilter, again_after_s: float, window: int
) -> AsyncIterator[PeerChanges]:
    """``window``: how many peers may wait for feedback before each further one has to wait for a
    second.
    """
    async with open_flat_nursery() as nursery:
        changes = PeerChanges(
            network, offering=offering, again_after_s=again_after_s, window=window, nursery=nursery
        )
        network.begin_following(changes)
        try:
            yield changes
        finally:
            network.end_following(changes)
            nursery.cancel_scope.cancel()


class PeerChanges:
    """``async for change in changes``. Ends with the node."""

    def __init__(
        self,
        network: OwnNetwork,
        *,
        offering: ServiceFilter,
        again_after_s: float,
        window: int,
        nursery: trio.Nursery,
    ) -> None:
        self._network = network
        self._offering = offering
        self._window = window
        self._finder = network.finder(
            offering=offering, verified_within_s=VERIFIED_WITHIN_S, again_after_s=again_after_s
        )
        self._given: dict[bytes, VerifiedPeer] = {}
        """Those that were told of and are not lost, by key and endpoint."""
        self._unjudged: set[bytes] = set()
        self._reasons: dict[bytes, str] = {}
        """Of those given that an event has told to be lost."""
        self._held_back: dict[bytes, VerifiedPeer] = {}
        self._given_at = self._found_at = network.now()
        self._is_searching = True
        self._nursery = nursery
        self._is_asking = False

    def __aiter__(self) -> PeerChanges:
        return self

    async def __anext__(self) -> PeerChange:
        await trio.lowlevel.checkpoint()
        while not self._network.closed:
            change = self._next_known() or self._next_found()
            if change is not None:
                return change
            self._ask_one()
            await self._network.wait_for_change(self._wait_s())
        raise StopAsyncIteration

    # --- what the network tells -------------------------------------------------------------------

    def lost(self, peer: VerifiedPeer, reason: str) -> None:
        """Keeps the reason until the loss is told."""
        if _place(peer) in self._given:
            self._reasons[_place(peer)] = reason

    def judged(self, peers: Sequence[VerifiedPeer]) -> None:
        """They have a verdict, and do not wait for one."""
        self._unjudged.difference_update(peer.key for peer in peers)

    # --- changes ----------------------------------------------------------------------------------

    def _next_known(self) -> PeerChange | None:
        """The next peer of those told of that is lost, or has a new record."""
        for place, peer in self._given.items():
            current = self._network.current(peer)
            if current is None or not self._offering.fits(current.services):
                return self._lose(place, peer, current)
            if current.services != peer.services:
                self._given[place] = current
                return PeerChange(current)
        return None

    def _lose(self, place: bytes, peer: VerifiedPeer, current: VerifiedPeer | None) -> PeerChange:
        told = self._reasons.pop(place, FORGOTTEN)
        if current is not None:
            reason = SERVICES
        else:
            reason = FEEDBACK if self._network.is_held_back(peer) else told
            if reason == FEEDBACK:
                self._hold_back(place, peer)
        del self._given[place]
        self._unjudged.discard(peer.key)
        if reason != SURPLUS:  # it is there, and would only come and go
            self._finder.forget(peer)
        return PeerChange(peer, reason)

    def _next_found(self) -> PeerChange | None:
        now = self._network.now()
        if now < self._not_before:
            return None
        find = self._network.next_peer if self._is_searching else self._network.next_fresh
        peer = find(self._finder)
        if peer is None:
            self._is_searching = not self._given or (
                self._is_searching
                and (
                    now < self._found_at + QUIET_S
                    or self._finder.is_waiting(now)
                    or any(map(self._network.is_searching, self._network.families))
                )
            )
            return None
        self._given_at = self._found_at = now
        self._given[_place(peer)] = peer
        self._unjudged.add(peer.key)
        return PeerChange(peer)

    @property
    def _not_before(self) -> float:
        """When the next peer that is found may be told."""
        return self._given_at + (PACE_S if len(self._unjudged) >= self._window else 0.0)

    def _wait_s(self) -> float:
        now = self._network.now()
        if now < self._not_before:
            return self._not_before - now
        if self._is_searching:
            return max(0.01, min(self._finder.look_again_s(now), LOOK_AGAIN_S))
        return LOOK_AGAIN_S

    # --- peers to ask whether they are there ------------------------------------------------------

    def _hold_back(self, place: bytes, peer: VerifiedPeer) -> None:
        self._held_back[place] = peer
        while len(self._held_back) > MAX_HELD_BACK:
            del self._held_back[next(iter(self._held_back))]

    def _ask_one(self) -> None:
        """One that a query would not help to seem reachable is not asked (see `recheck.py`)."""
        if self._is_asking:
            return
        for place, peer in self._held_back.items():
            if not self._network.is_held_back(peer):
                del self._held_back[place]
                self._start_asking(peer)
                return
        for peer in self._given.values():
            if peer.is_reachable and self._network.age_s(peer) > SILENT_S:
                self._start_asking(peer)
                return

    def _start_asking(self, peer: VerifiedPeer) -> None:
        self._is_asking = True
        self._nursery.start_soon(self._ask, peer)

    async def _ask(self, peer: VerifiedPeer) -> None:
        try:
            await self._network.check(peer.endpoint)
        except (Busy, Closed):
            await trio.sleep(LOOK_AGAIN_S)
        finally:
            self._is_asking = False


def _place(peer: VerifiedPeer) -> bytes:
    return peer.key + peer.endpoint
