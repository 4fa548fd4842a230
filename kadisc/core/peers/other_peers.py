"""The verified peers that the application is given after those of `selection.py`, where it wants
more: what the slots and the book do not hold, because their places collide or because their subnet
has more peers than the limits allow.

Attack: one address range has hundreds of peers that prove their keys. Defence: they come after all
others, of each subnet one before a second one of any, and those beyond the limits are marked, so
that the application can tell. Nobody else is told of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import Final

from ..addressing.netgroup_sampling import PrefixOf
from ..contract.verified_peer import VerifiedPeer
from .crowded_subnets import CrowdedSubnets
from .known_peers import KnownPeer, KnownPeers

LAN_SHARE: Final = 4
"""Peers on the LAN are at most this part of what the application gets at once, while there are
others.
"""


class OtherPeers:
    def __init__(self, known: KnownPeers, crowded: CrowdedSubnets, subnet_of: PrefixOf) -> None:
        self._known = known
        self._crowded = crowded
        self._subnet_of = subnet_of

    def added_to(
        self, chosen: list[VerifiedPeer], count: int, is_wanted: Callable[[KnownPeer], bool]
    ) -> list[VerifiedPeer]:
        """``chosen``, and after them further known peers that are wanted, up to ``count``. Of all
        of them, those that perhaps this node alone can reach come later, and those beyond the
        limits by subnet are marked and come last.
        """
        beyond = self._crowded.beyond_caps()
        keys = {peer.key for peer in chosen}
        turns: dict[bytes, int] = {}
        for peer in chosen:
            subnet = self._subnet_of(peer.endpoint)
            turns[subnet] = turns.get(subnet, 0) + 1
        found = [  # they keep their order
            (peer.endpoint in beyond, self._is_inbound(peer), 0, peer) for peer in chosen
        ]
        on_lan: list[VerifiedPeer] = []
        for known in self._known:
            peer = known.peer
            if known.failures or peer.key in keys or not is_wanted(known):
                continue
            keys.add(peer.key)
            if known.on_lan:
                on_lan.append(peer)
                continue
            subnet = self._subnet_of(peer.endpoint)
            turns[subnet] = turns.get(subnet, 0) + 1
            found.append((peer.endpoint in beyond, known.inbound, turns[subnet], peer))
        found.sort(key=itemgetter(0, 1, 2))
        given = [
            replace(peer, is_beyond_caps=True) if is_beyond else peer
            for is_beyond, _, _, peer in found[:count]
        ]
        room = count - len(given)
        if given:
            room = min(room, max(1, count // LAN_SHARE))
        return given + on_lan[:room]

    def _is_inbound(self, peer: VerifiedPeer) -> bool:
        known = self._known.at(peer.endpoint)
        return known is not None and known.inbound
