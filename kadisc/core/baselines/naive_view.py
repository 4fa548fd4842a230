"""A view that replaces at random, as push-pull gossip mostly does: the baseline of `GossipView`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..contract.peer_status import PeerStatus
from ..contract.times import FOREVER
from ..contract.verified_peer import VerifiedPeer
from ..peers.slot_ranking import Challenge, Standing
from ..peers.view import ViewPeer, ViewSnapshot, any_endpoint


class NaiveView:
    """It has as many places as the view has slots. Each peer that is offered gets one, if need be
    that of a peer drawn at random: the peer that pushes most wins.
    """

    def __init__(self, config: GossipConfig, rng: Random) -> None:
        self._size = (
            config.flat_slots + config.slots_from_8 + config.slots_from_16 + config.slots_from_24
        )
        self._rng = rng
        self._rounds = 0
        self._peers: dict[Endpoint, PeerStatus] = {}

    def __len__(self) -> int:
        return len(self._peers)

    def offer(self, status: PeerStatus, now: float) -> int:
        endpoint = status.known_peer.endpoint
        known = endpoint in self._peers
        if not known and len(self._peers) >= self._size:
            del self._peers[self._rng.choice(list(self._peers))]
        self._peers[endpoint] = status
        return int(not known)

    def named_again(self, status: PeerStatus, now: float) -> None:
        """A peer that is named is taken in, again and again."""
        if status.known_peer.endpoint not in self._peers:
            self.offer(status, now)

    def would_win(self, endpoint: Endpoint) -> bool:
        return endpoint not in self._peers

    def remove(self, endpoint: Endpoint) -> None:
        self._peers.pop(endpoint, None)

    def round(self, now: float) -> None:
        self._rounds += 1

    def challenge(self) -> Challenge:
        return Challenge((), Standing(b"", AddressPolicy(False)), lambda endpoint: True)

    def sample(
        self,
        count: int,
        now: float,
        *,
        hierarchical: bool | None = None,
        verified_within_s: float = FOREVER,
    ) -> list[VerifiedPeer]:
        eligible = [
            status.known_peer
            for status in self._peers.values()
            if not status.failures and now - status.verified_at <= verified_within_s
        ]
        return self._rng.sample(eligible, min(count, len(eligible)))

    def mature_holders(self) -> list[Endpoint]:
        return list(self._peers)

    def partner(
        self, now: float, wanted: Callable[[Endpoint], bool] = any_endpoint
    ) -> VerifiedPeer | None:
        peers = [status for endpoint, status in self._peers.items() if wanted(endpoint)]
        return self._rng.choice(peers).known_peer if peers else None

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

    def inconsistencies(self) -> Iterator[str]:
        if len(self._peers) > self._size:
            yield f"the view has too many peers: {len(self._peers)}"

    def _seen(self, now: float) -> list[ViewPeer]:
        return [
            ViewPeer(status.known_peer, 1, now - status.verified_at, status.failures)
            for status in self._peers.values()
        ]
