"""Lookups without a network: contacts named by their distance from the target."""

from __future__ import annotations

from collections.abc import Sequence

from kadisc.config import LookupConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.lookup.peer import LookupRules, Peer
from kadisc.endpoints import Endpoint

from .world import address

TARGET = 1 << 159
SMALL = LookupConfig(alpha=2, max_alpha=4)
RULES = LookupRules(AddressPolicy(False).subnet, AddressPolicy(False).host, 1)


def at_distance(distance: int, endpoint: Endpoint | None = None) -> Contact:
    return Contact(TARGET ^ distance, endpoint or address(distance))


def distances(peers: Sequence[Peer]) -> list[int]:
    return [peer.distance for peer in peers]
