"""A view that replaces at random, as push-pull gossip mostly does: the baseline of `GossipView`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..contract.times import FOREVER
from ..contract.verified_peer import VerifiedPeer
from ..peers.view import ViewPeer, ViewSnapshot, any_endpoint


class NaiveView:
    """It has as many places as the view has slots. Each peer that is offered gets one, if need be
    that of a peer drawn at random: the peer that pushes most wins.
    """

    def __init__(self, config: GossipConfig, rng: Random) -> None:
        self._size = (
            config.flat_slots + config.slots_from_8 + config.slots_from_16 + config.slots_from_24
        )
        self._failures_allowed = config.slot_failures
        self._rng = rng
        self._rounds = 0
        self._peers: dict[Endpoint, tuple[VerifiedPeer, float, int]] = {}
        """With the time of the last answer, and the failures since then."""

    def __len__(self) -> int:
        return len(self._peers)

    def offer(self, peer: VerifiedPeer, now: float) -> int:
        known = peer.endpoint in self._peers
        if not known and len(self._peers) >= self._size:
            del self._peers[self._rng.choice(list(self._peers))]
        self._peers[peer.endpoint] = peer, now, 0
        return int(not known)

    def named_again(self, peer: VerifiedPeer, now: float) -> None:
        """A peer that is named is taken in, again and again."""
        if peer.endpoint not in self._peers:
            self.offer(peer, now)

    def would_win(self, endpoint: Endpoint) -> bool:
        return endpoint not in self._peers

    def confirmed(self, endpoint: Endpoint, now: float) -> None:
        if endpoint in self._peers:
            self._peers[endpoint] = self._peers[endpoint][0], now, 0

    def failed(self, endpoint: Endpoint, now: float) -> None:
        if endpoint in self._peers:
            peer, verified_at, failures = self._peers[endpoint]
            self._peers[endpoint] = peer, verified_at, failures + 1
            if failures + 1 >= self._failures_allowed:
                del self._peers[endpoint]

    def remove(self, endpoint: Endpoint) -> None:
        self._peers.pop(endpoint, None)

    def round(self, now: float) -> None:
        self._rounds += 1

    def challengers(self, known: Iterable[Endpoint]) -> list[Endpoint]:
        return []

    def sample(
        self,
        count: int,
        now: float,
        *,
        hierarchical: bool | None = None,
        verified_within_s: float = FOREVER,
    ) -> list[VerifiedPeer]:
        eligible = [
            peer
            for peer, at, failures in self._peers.values()
            if not failures and now - at <= verified_within_s
        ]
        return self._rng.sample(eligible, min(count, len(eligible)))

    def mature_holders(self) -> list[Endpoint]:
        return list(self._peers)

    def partner(
        self, now: float, wanted: Callable[[Endpoint], bool] = any_endpoint
    ) -> VerifiedPeer | None:
        peers = [peer for peer, _, _ in self._peers.values() if wanted(peer.endpoint)]
        return self._rng.choice(peers) if peers else None

    def slots_of(self, endpoint: Endpoint) -> int:
        return int(endpoint in self._peers)

    def entries(self, now: float) -> list[ViewPeer]:
        return [seen for seen in self._seen(now) if not seen.failures]

    def snapshot(self, now: float) -> ViewSnapshot:
        return ViewSnapshot(
            self._rounds,
            self._size,
            self._size - len(self._peers),
            len(self._peers),
            tuple(self._seen(now)),
        )

    def _seen(self, now: float) -> list[ViewPeer]:
        return [
            ViewPeer(peer, 1, now - at, failures) for peer, at, failures in self._peers.values()
        ]
