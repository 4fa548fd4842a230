"""Peers for one application, for as long as it wants more: the one way of finding them, for the
library, the control socket, the command and the simulator.

A peer is chosen in the order of `selection.py`, and spread over subnets; a peer that has not
answered within the last seconds is asked first. Attack: a node that advertises aggressively is
checked often, so that a choice among the peers that answered lately would favour it. Defence: a
peer is chosen first and asked afterwards. There is no cursor and no list behind it: each peer is
chosen when the caller asks for it, so that a peer which was lost in the meantime is not returned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from typing import Final, Protocol

from ...endpoints import Endpoint
from ..contract.service_filter import EVERY_PEER, ServiceFilter
from ..contract.times import FOREVER, NEVER
from ..contract.verified_peer import VerifiedPeer

MAX_REMEMBERED: Final = 4096
"""The number of returned peers that are remembered, so that they are not returned again; beyond it
the one returned longest ago is forgotten.
"""
CHOSEN_FROM: Final = 32
"""The number of peers that are looked at for each choice."""
CHECKS_AT_ONCE: Final = 16
"""The number of peers that are asked at once, where none has answered lately."""
RETRY_CHECK_S: Final = 30.0
"""The least pause between two checks of one peer by one finder."""
GRACE_S: Final = 0.5
"""Peers that come later in the order, and have answered lately, wait so long for those that are
being asked.
"""
IN_ORDER_S: Final = 0.15
"""Of peers that are asked together, one that has answered waits so long for those before it in the
order: subnets are mixed by that, and not by who answers first.
"""
GIVE_UP_S: Final = 1.5
"""A peer that is asked makes room for the next one after so long; its answer counts later too."""
LOOK_AGAIN_S: Final = 5.0
"""A finder without a peer chooses again after so long, even where no peer was verified: by then a
peer may be checked or returned again.
"""


class KnownPeersView(Protocol):
    """What a finder needs of `PeerNetwork`."""

    def peers(
        self,
        count: int,
        now: float,
        *,
        offering: ServiceFilter = EVERY_PEER,
        verified_within_s: float | None = None,
        but_not: Container[bytes] = (),
    ) -> list[VerifiedPeer]: ...

    def age_s(self, peer: VerifiedPeer, now: float) -> float: ...

    def current(self, peer: VerifiedPeer, now: float) -> VerifiedPeer | None: ...

    def prefixes(self, endpoint: Endpoint) -> tuple[bytes, bytes]: ...


class PeerFinder:
    """``verified_within_s``: each peer answered at most so long ago. ``again_after_s``: a peer is
    returned again only after so long.
    """

    def __init__(
        self,
        network: KnownPeersView,
        *,
        offering: ServiceFilter = EVERY_PEER,
        verified_within_s: float,
        again_after_s: float,
    ) -> None:
        self._network = network
        self._offering = offering
        self._verified_within_s = verified_within_s
        self._again_after_s = again_after_s
        # Of a peer by its mark, the oldest first: when it was returned, and when it was checked.
        self._given: dict[bytes, float] = {}
        self._checked_at: dict[bytes, float] = {}
        self._asked: dict[bytes, VerifiedPeer] = {}
        """Peers that are being asked, and among them those that had answered lately already, all in
        the order in which they were chosen.
        """
        self._per_prefix: Counter[bytes] = Counter()
        self._looked_at = NEVER
        self._found: list[VerifiedPeer] = []
        """What `_candidates` returned at that time, if no peer was returned or asked since."""

    def next(self, now: float) -> VerifiedPeer | None:
        """A peer that has answered lately, and counts as returned; None where there is none now,
        and those of `to_check` are to be asked.
        """
        self._forget_old(now)
        for mark, peer in list(self._asked.items()):
            current = self._network.current(peer, now)
            if (
                current is not None
                and current.mark not in self._given
                and self._offers(current)
                and self._is_fresh(current, now)
            ):
                del self._asked[mark]  # under the mark that it had: it may have proven its key now
                return self._take(current, now)
            asked_at = self._checked_at.get(mark, NEVER)
            if now >= asked_at + GIVE_UP_S:
                del self._asked[mark]
            elif now < asked_at + IN_ORDER_S:
                return None
        if self._must_wait(now):
            return None
        candidates = self._candidates(now)
        if candidates and self._is_fresh(candidates[0], now):
            return self._take(candidates[0], now)
        return None

    def next_fresh(self, now: float) -> VerifiedPeer | None:
        """As `next`, of the peers that have answered lately alone: for a caller that has no others
        asked.
        """
        self._forget_old(now)
        found = self._network.peers(
            CHOSEN_FROM,
            now,
            offering=self._offering,
            verified_within_s=self._verified_within_s,
            but_not=self._given,
        )
        usable = self._spread([each for each in found if self._is_new(each)])
        return self._take(usable[0], now) if usable else None

    def forget(self, peer: VerifiedPeer) -> None:
        """The peer may be returned again, as one that was not."""
        for mark in (peer.key, peer.key + peer.endpoint):
            self._given.pop(mark, None)
            self._asked.pop(mark, None)
        self._looked_at = NEVER

    def to_check(self, now: float) -> list[VerifiedPeer]:
        """The peers to ask now whether they are there; they count as asked."""
        room = CHECKS_AT_ONCE - sum(mark in self._checked_at for mark in self._asked)
        candidates = self._candidates(now)
        due = [each for each in candidates if not self._is_fresh(each, now)][: max(0, room)]
        self._looked_at = NEVER
        for peer in candidates:
            if not due or (peer.mark in self._checked_at and peer.mark in self._asked):
                continue
            # One that has answered lately keeps its place: else all that are asked, also those of
            # its own subnet that stand behind it, would be returned before it.
            self._asked[peer.mark] = peer
            if not self._is_fresh(peer, now):
                self._checked_at[peer.mark] = now
            if peer is due[-1]:
                break
        return due

    def look_again_s(self, now: float) -> float:
        """After how many seconds to ask for a peer again, even if none was verified."""
        since = [
            self._checked_at[mark] + _pause_s(now - self._checked_at[mark])
            for mark in self._asked
            if mark in self._checked_at
        ]
        return max(0.0, min(min(since, default=FOREVER) - now, LOOK_AGAIN_S))

    def is_waiting(self, now: float) -> bool:
        """Whether a peer that is being asked may still answer soon."""
        return any(now < self._checked_at.get(mark, NEVER) + GIVE_UP_S for mark in self._asked)

    def _must_wait(self, now: float) -> bool:
        return any(now < self._checked_at.get(mark, NEVER) + GRACE_S for mark in self._asked)

    def _candidates(self, now: float) -> list[VerifiedPeer]:
        """The peers to choose from, those first whose subnets were returned least; where none fits,
        peers that have not answered for long; and only then peers that did not prove their keys.
        """
        if now == self._looked_at:
            return self._found
        self._looked_at, self._found = now, self._chosen_now(now)
        return self._found

    def _chosen_now(self, now: float) -> list[VerifiedPeer]:
        for is_proven, within_s in ((True, None), (True, FOREVER), (False, None), (False, FOREVER)):
            found = self._network.peers(
                CHOSEN_FROM,
                now,
                offering=self._offering,
                verified_within_s=within_s,
                but_not=self._given,
            )
            usable = [
                peer
                for peer in found
                if peer.is_proven is is_proven
                and self._is_new(peer)
                and (self._is_fresh(peer, now) or peer.mark not in self._checked_at)
            ]
            if usable:
                return self._spread(usable)
        return []

    def _spread(self, peers: list[VerifiedPeer]) -> list[VerifiedPeer]:
        """Those that strangers reach come first, then those of whose /24 and /16 the fewest were
        returned or stand before them.
        """
        turns = Counter(self._per_prefix)
        ranked: list[tuple[bool, bool, bool, int, int, int]] = []
        for place, peer in enumerate(peers):
            subnet, netgroup = self._network.prefixes(peer.endpoint)
            is_late = peer.is_on_lan, peer.is_beyond_caps, not peer.is_reachable
            ranked.append((*is_late, turns[subnet], turns[netgroup], place))
            turns.update((subnet, netgroup))
        ranked.sort()
        return [peers[place] for _, _, _, _, _, place in ranked]

    def _is_new(self, peer: VerifiedPeer) -> bool:
        """Whether it was not given before it proved its key."""
        return peer.key + peer.endpoint not in self._given

    def _offers(self, peer: VerifiedPeer) -> bool:
        return self._offering.fits(peer.services)

    def _is_fresh(self, peer: VerifiedPeer, now: float) -> bool:
        return self._network.age_s(peer, now) <= self._verified_within_s

    def _take(self, peer: VerifiedPeer, now: float) -> VerifiedPeer:
        self._looked_at = NEVER
        self._asked.pop(peer.mark, None)
        self._given[peer.mark] = now
        self._per_prefix.update(self._network.prefixes(peer.endpoint))
        while len(self._given) > MAX_REMEMBERED:
            del self._given[next(iter(self._given))]
        if len(self._per_prefix) > 2 * MAX_REMEMBERED:
            self._per_prefix.clear()
        return peer

    def _forget_old(self, now: float) -> None:
        _drop_older(self._given, now - self._again_after_s)
        _drop_older(self._checked_at, now - RETRY_CHECK_S)


def _pause_s(asked_s_ago: float) -> float:
    """After how many seconds since a peer was asked it makes a difference next."""
    if asked_s_ago < IN_ORDER_S:
        return IN_ORDER_S
    return GRACE_S if asked_s_ago < GRACE_S else GIVE_UP_S


def _drop_older(times: dict[bytes, float], before: float) -> None:
    while times:
        oldest = next(iter(times))
        if times[oldest] > before:
            break
        del times[oldest]
