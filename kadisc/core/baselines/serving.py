"""Serving without fixed samples, without a signature budget and without shares of the stores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random

from ...endpoints import Endpoint, Scope
from ...ids import NodeId
from ...wire.messages import InfoHashSamples
from ..serving.fair_shares import Crowd, Holder
from ..serving.info_hash_samples import InfoHashSampler
from ..serving.peer_rings import Announce, PeerRings
from ..serving.store_shares import PeerCrowd


class FreshInfoHashSamples(InfoHashSampler):
    """Every answer draws a new sample."""

    def sample(self, now: float) -> InfoHashSamples:
        return self.draw(now)


class NoSignatureBudget:
    """No budget: every signature is checked."""

    __slots__ = ()

    def may_check(self, source: Endpoint, now: float) -> bool:
        return True


class FirstCome:
    """No shares: a full store refuses every new key."""

    __slots__ = ("_full",)

    def __init__(self, full: str) -> None:
        self._full = full

    def charge(self, key: NodeId, holder: Holder) -> None:
        pass

    def release(self, key: NodeId) -> None:
        pass

    def holder_of(self, key: NodeId) -> Holder | None:
        return None

    def crowd(self, holder: Holder, *, is_full: bool) -> Crowd | None:
        return Crowd([], False, self._full) if is_full else None

    def recharge(self, key: NodeId, announcers: Iterable[Holder]) -> bool:
        return False


class WorthAlone(FirstCome):
    """No shares: in a full store the key that is worth least gives way, whose ever it is."""

    __slots__ = ("_keys",)

    def __init__(self, full: str) -> None:
        super().__init__(full)
        self._keys: dict[NodeId, None] = {}

    def charge(self, key: NodeId, holder: Holder) -> None:
        self._keys[key] = None

    def release(self, key: NodeId) -> None:
        self._keys.pop(key, None)

    def crowd(self, holder: Holder, *, is_full: bool) -> Crowd | None:
        return Crowd(list(self._keys), False, self._full) if is_full else None


class NoStoreShares:
    """No shares: peers are stored first come, first served, and an asker receives a random
    selection of them.
    """

    __slots__ = ("_rng",)

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def crowd(
        self, peers: Mapping[Endpoint, Announce], holder: Holder, *, is_full: bool
    ) -> PeerCrowd | None:
        return PeerCrowd(None, "store-peers") if is_full else None

    def may_displace(self, size: int, largest: int) -> bool:
        return False

    def most_crowded(self, peers: Mapping[Endpoint, Announce]) -> Endpoint:
        return next(iter(peers))

    def select(
        self,
        peers: Mapping[Endpoint, Announce],
        rings: PeerRings,
        info_hash: NodeId,
        asker: Endpoint,
        scopes: Sequence[Scope],
        count: int,
        now: float,
    ) -> list[Endpoint]:
        fit = [
            peer
            for peer, announce in peers.items()
            if len(peer) == len(asker) and announce.scope in scopes
        ]
        return self._rng.sample(fit, min(count, len(fit)))
