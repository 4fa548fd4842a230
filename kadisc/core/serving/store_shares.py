"""Shares of one info-hash in the peer store: how many of its peers one subnet and one netgroup may
have, which of them goes when it is full, and which peers an asker receives.

Attacks: one operator announces hundreds of its peers, and half of every answer are its own, or no
other finds a place; a node that asks again and again from one subnet learns all peers of an
info-hash. Defence: a subnet and a netgroup have few places at an info-hash; a full one takes a
place from the netgroup that has most for one that has fewer; an answer has one peer of each
netgroup before a second one of any; and each asking subnet receives a selection of its own, which
stays the same for an hour (``answer_fixed_s``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, NamedTuple, Protocol

from ...config import ServingConfig
from ...endpoints import Endpoint, Scope
from ...ids import NodeId
from ..addressing.policy import AddressPolicy
from .fair_shares import Holder
from .peer_rings import Announce, PeerRings

SECRET_BYTES: Final = 32
"""Size of the key of the hash that selects peers."""


class PeerCrowd(NamedTuple):
    """Why an info-hash has no room, and the peer that gives up its place; None: the new one is
    refused.
    """

    gives: Endpoint | None
    reason: str


class StoreShareRule(Protocol):
    def crowd(
        self, peers: Mapping[Endpoint, Announce], holder: Holder, *, is_full: bool
    ) -> PeerCrowd | None: ...

    def may_displace(self, size: int, largest: int) -> bool: ...

    def most_crowded(self, peers: Mapping[Endpoint, Announce]) -> Endpoint: ...

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
        """At most ``count`` of the peers that are of the asker's family and of one of ``scopes``.
        ``rings``: of the same peers.
        """
        ...


class SubnetShares:
    """The shares are ``max_per_subnet_in_info_hash`` and ``max_per_netgroup_in_info_hash``."""

    def __init__(self, config: ServingConfig, rng: Random, scopes: AddressPolicy) -> None:
        self._config = config
        self._rng = rng
        self._scopes = scopes
        self._secret = b""

    def crowd(
        self, peers: Mapping[Endpoint, Announce], holder: Holder, *, is_full: bool
    ) -> PeerCrowd | None:
        """What stands in the way of another peer of ``holder``; None if nothing does."""
        config = self._config
        if len(peers) < config.max_per_subnet_in_info_hash and not is_full:
            return None
        subnet, netgroup = holder
        in_subnet = in_netgroup = 0
        for announce in peers.values():
            if announce.netgroup == netgroup:
                in_netgroup += 1
                in_subnet += announce.subnet == subnet
        if in_subnet >= config.max_per_subnet_in_info_hash:
            return PeerCrowd(None, "store-share")
        if in_netgroup >= config.max_per_netgroup_in_info_hash:
            within = {peer: each for peer, each in peers.items() if each.netgroup == netgroup}
            return self._crowd_at(self.most_crowded(within), peers, in_subnet, "store-share")
        if not is_full:
            return None
        peer = self.most_crowded(peers)
        largest = peers[peer].netgroup
        of_largest = sum(each.netgroup == largest for each in peers.values())
        if self.may_displace(in_netgroup, of_largest):
            return PeerCrowd(peer, "store-peers")
        if largest == netgroup:
            return self._crowd_at(peer, peers, in_subnet, "store-peers")
        return PeerCrowd(None, "store-peers")

    def may_displace(self, size: int, largest: int) -> bool:
        """Whether one of ``size`` may take a place from one of ``largest``: if it still has no more
        than that one afterwards.
        """
        return size + 1 < largest

    def most_crowded(self, peers: Mapping[Endpoint, Announce]) -> Endpoint:
        """The peer that was announced longest ago, of the subnet with most peers, of the netgroup
        with most peers.
        """
        netgroups: dict[bytes, int] = {}
        subnets: dict[bytes, int] = {}
        for announce in peers.values():
            subnet, netgroup = announce.subnet, announce.netgroup
            netgroups[netgroup] = netgroups.get(netgroup, 0) + 1
            subnets[subnet] = subnets.get(subnet, 0) + 1
        return max(
            peers,
            key=lambda peer: (netgroups[peers[peer].netgroup], subnets[peers[peer].subnet]),
        )

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
        """The first of each netgroup before the second of any. A peer that is added or removed
        changes little more than its own place in a selection.
        """
        hour = int(now // self._config.answer_fixed_s)
        if rings.hour != hour:
            if not self._secret:  # most nodes never need it
                self._secret = self._rng.randbytes(SECRET_BYTES)
            of_hour = hour.to_bytes(8, "big", signed=True) + info_hash.to_bytes(20, "big")
            rings.rank(hour, hashlib.blake2b(of_hour, key=self._secret).digest(), peers)
        return rings.choose(scopes, asker, self._scopes.share(asker), count)

    def _crowd_at(
        self, peer: Endpoint, peers: Mapping[Endpoint, Announce], in_subnet: int, reason: str
    ) -> PeerCrowd:
        """``peer`` is one of the most crowded subnet of the netgroup of the new one."""
        theirs = peers[peer].holder
        of_theirs = sum(each.holder == theirs for each in peers.values())
        return PeerCrowd(peer if self.may_displace(in_subnet, of_theirs) else None, reason)
