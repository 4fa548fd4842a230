"""The peers that other nodes announced to this node, by info-hash (BEP 5): bounded in every
direction, each removed after its lifetime.
"""

from __future__ import annotations

from ...config import ServingConfig
from ...endpoints import Endpoint, Scope, subnet_prefix
from ...ids import NodeId
from ..addressing.policy import AddressPolicy
from ..contract.times import FOREVER
from .store_shares import StoreShareRule


class PeerStore:
    """All announces have the same lifetime, so one dict in order of announcement is also in order
    of expiry, and expiry is O(1) a peer.

    When a bound is reached a new peer is refused, and only a stored one is renewed: a stored peer
    is worth as much as a new one, and replacing it would let a flood empty the store.
    """

    __slots__ = (
        "_config",
        "_expiry",
        "_in_share",
        "_peers",
        "_per_subnet",
        "_scopes",
        "_shares",
        "deadline",
    )

    def __init__(
        self, config: ServingConfig, scopes: AddressPolicy, shares: StoreShareRule
    ) -> None:
        self._config = config
        self._shares = shares
        self._scopes = scopes
        self._expiry: dict[tuple[NodeId, Endpoint], float] = {}
        self._peers: dict[NodeId, dict[Endpoint, Scope]] = {}
        self._per_subnet: dict[bytes, int] = {}
        self._in_share: dict[tuple[NodeId, bytes], int] = {}  # peers by info-hash and subnet
        self.deadline = FOREVER
        """When the first peer expires."""

    def __len__(self) -> int:
        return len(self._expiry)

    @property
    def info_hashes(self) -> int:
        return len(self._peers)

    def known(self, now: float) -> list[NodeId]:
        """The info-hashes that have peers."""
        self.expire(now)
        return list(self._peers)

    def add(self, info_hash: NodeId, peer: Endpoint, now: float) -> str | None:
        """Stores or renews a peer; returns the reason of a refusal, or None."""
        self.expire(now)
        key = (info_hash, peer)
        if self._expiry.pop(key, None) is None:
            refusal = self._refusal(info_hash, peer)
            if refusal:
                return refusal
            self._peers.setdefault(info_hash, {})[peer] = self._scopes.of(peer)
            subnet, share = subnet_prefix(peer), (info_hash, self._scopes.subnet(peer))
            self._per_subnet[subnet] = self._per_subnet.get(subnet, 0) + 1
            self._in_share[share] = self._in_share.get(share, 0) + 1
        self._expiry[key] = now + self._config.peer_lifetime_s
        self.deadline = next(iter(self._expiry.values()))
        return None

    def holds(self, info_hash: NodeId) -> bool:
        """Whether the info-hash has any peer, expired ones included."""
        return info_hash in self._peers

    def sample(self, info_hash: NodeId, asker: Endpoint, count: int, now: float) -> list[Endpoint]:
        """At most ``count`` peers of the asker's family that may be sent to it. If there are more,
        the store share rule selects.
        """
        self.expire(now)
        size = len(asker)
        scopes = (Scope.PUBLIC, self._scopes.of(asker))
        peers = [
            peer
            for peer, scope in self._peers.get(info_hash, {}).items()
            if len(peer) == size and scope in scopes
        ]
        if len(peers) <= count:
            return peers
        return self._shares.select(peers, info_hash, asker, count, now)

    def held(self, info_hash: NodeId, now: float) -> list[Endpoint]:
        """All peers of the info-hash, for the operator of this node."""
        self.expire(now)
        return list(self._peers.get(info_hash, ()))

    def expire(self, now: float) -> None:
        while self.deadline <= now:
            key = next(iter(self._expiry))
            del self._expiry[key]
            self.deadline = next(iter(self._expiry.values()), FOREVER)
            info_hash, peer = key
            peers = self._peers[info_hash]
            del peers[peer]
            if not peers:
                del self._peers[info_hash]
            subnet, share = subnet_prefix(peer), (info_hash, self._scopes.subnet(peer))
            self._per_subnet[subnet] -= 1
            if not self._per_subnet[subnet]:
                del self._per_subnet[subnet]
            self._in_share[share] -= 1
            if not self._in_share[share]:
                del self._in_share[share]

    def _refusal(self, info_hash: NodeId, peer: Endpoint) -> str | None:
        config = self._config
        peers = self._peers.get(info_hash)
        if len(self._expiry) >= config.max_peers_stored:
            return "store-full"
        if peers is None and len(self._peers) >= config.max_info_hashes:
            return "store-info-hashes"
        if peers is not None and len(peers) >= config.max_peers_per_info_hash:
            return "store-peers"
        if self._per_subnet.get(subnet_prefix(peer), 0) >= config.max_stored_per_subnet:
            return "store-subnet"
        if self._shares.refuses(self._in_share.get((info_hash, self._scopes.subnet(peer)), 0)):
            return "store-share"
        return None
