"""Unproven peers: those that answered with a valid record of the own network and did not prove that
they have its key (`proof.py`). An older node cannot; neither can one that sends a copy.

They are partners of gossip. They get no slot and no place among the tried peers of the address
book, and are not named to other nodes. The application is given one only while this node hardly
knows a proven peer, after all of those, and only if the record names the endpoint: no copy does.
"""

from __future__ import annotations

from typing import Final

from ...endpoints import family_of
from ...wire.records import PeerRecord
from .known_peers import KnownPeer, KnownPeers

MAX_UNPROVEN: Final = 64
"""Unproven peers that are kept at most."""
ENOUGH_PROVEN: Final = 8
"""Where so many proven peers are known, the application is given no unproven ones."""


class UnprovenPeers(KnownPeers):
    """One entry an endpoint; several may have the same key."""

    def keep(self, partner: KnownPeer, record: PeerRecord) -> None:
        """The peer has just answered with this record."""
        endpoint = partner.endpoint
        self.remove(endpoint)
        partner.is_named = record.endpoints.get(family_of(endpoint)) == endpoint
        self.put(partner)
        surplus = self.surplus(_is_needed)
        if surplus is not None:
            self.remove(surplus.endpoint)

    def expire(self, before: float) -> None:
        """Forgets those that answered last before that time."""
        for partner in [each for each in self if each.verified_at < before]:
            self.remove(partner.endpoint)

    def presentable(self, proven: KnownPeers, stale_before: float) -> list[KnownPeer]:
        """Those that the application may be given after all proven peers: none where enough of
        these are known, and none whose key is proven elsewhere.
        """
        if proven.count_online() >= ENOUGH_PROVEN:
            return []
        return [
            each
            for each in self
            if each.is_named
            and not each.failures
            and each.verified_at >= stale_before
            and not proven.has_key(each.peer.key)
        ]


def _is_needed(partner: KnownPeer) -> bool:
    return False
