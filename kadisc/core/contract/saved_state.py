"""The state of a node that is saved over a restart: contacts, peers, and its own address. Times are
ages, never clock readings, because the clock of the next run starts elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...wire.items import Item
from .verified_peer import VerifiedPeer


@dataclass(frozen=True, slots=True)
class SavedContact:
    """``age_s``: time since it was first verified; ``verified_s_ago``: time since it was last
    verified; both at the time of saving.
    """

    contact: Contact
    age_s: float
    verified_s_ago: float
    rtt_s: float | None = None
    client: bytes | None = None


@dataclass(frozen=True, slots=True)
class SavedDht:
    """``ip`` is 4 or 16 bytes: the external address that the votes decided, None if they
    never did.
    """

    family: Family
    ip: bytes | None
    contacts: tuple[SavedContact, ...]


@dataclass(frozen=True, slots=True)
class SavedPeer:
    """An entry of the address book. ``source``: the endpoint of the node that reported it, or a
    word; ``tried``: whether it is in the tried table; ``peer``, ``first_verified_s_ago`` and
    ``verified_s_ago`` are None if the peer was only reported.
    """

    endpoint: Endpoint
    source: Endpoint | str
    tried: bool
    first_seen_s_ago: float
    reported_s_ago: float
    times_reported: int = 1
    failures: int = 0
    peer: VerifiedPeer | None = None
    first_verified_s_ago: float | None = None
    verified_s_ago: float | None = None
    rtt_s: float | None = None


@dataclass(frozen=True, slots=True)
class SavedBook:
    peers: tuple[SavedPeer, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedPeerNetwork:
    """``sequence``: the last one of the record of this node."""

    sequence: int
    book: SavedBook


@dataclass(frozen=True, slots=True)
class SavedState:
    """``published``: items that the shell puts on the DHT again and again until they are withdrawn.
    The core does not use them.
    """

    dhts: tuple[SavedDht, ...]
    peer_network: SavedPeerNetwork | None = None
    published: tuple[Item, ...] = ()
