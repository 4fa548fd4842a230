"""What a node takes with it over a restart: whom it knew, and where it thought it was. Ages, never
clock readings: clocks do not survive.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...wire.items import Item
from .verified_peer import VerifiedPeer


@dataclass(frozen=True, slots=True)
class SavedContact:
    """``age_s``: since it was first verified; ``verified_s_ago``: since it was last verified; both
    when the state was made.
    """

    contact: Contact
    age_s: float
    verified_s_ago: float
    rtt_s: float | None = None
    client: bytes | None = None


@dataclass(frozen=True, slots=True)
class SavedDht:
    """``ip`` is 4 or 16 bytes: our own address as it was voted, None if it never was."""

    family: Family
    ip: bytes | None
    contacts: tuple[SavedContact, ...]


@dataclass(frozen=True, slots=True)
class SavedPeer:
    """An entry of the address book. ``source``: who told us of it, an endpoint or a word;
    ``tried``: in which table it was; ``peer`` and the two ages beside it are None where it was only
    heard of.
    """

    endpoint: Endpoint
    source: Endpoint | str
    tried: bool
    first_seen_s_ago: float
    heard_s_ago: float
    heard_times: int = 1
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
    """``sequence``: of our own record, as far as it got."""

    sequence: int
    book: SavedBook


@dataclass(frozen=True, slots=True)
class SavedState:
    """``published``: what is put on the DHT again and again, for as long as nobody says otherwise.
    The shell does that; the core leaves it alone.
    """

    dhts: tuple[SavedDht, ...]
    peer_network: SavedPeerNetwork | None = None
    published: tuple[Item, ...] = ()
