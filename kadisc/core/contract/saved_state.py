"""The state of a node that is saved over a restart: contacts, peers, and its own address. Times are
ages, never clock readings, because the clock of the next run starts elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

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


_NUMBERS: Final = struct.Struct("<?ddqqddd")
_NO_AGE: Final = -1.0


def _packed(value: float | None) -> float:
    return _NO_AGE if value is None else value


def _unpacked(value: float) -> float | None:
    return None if value < 0.0 else value


class PackedPeers:
    """Immutable entries of the address book, as a sequence. Each `SavedPeer` is made when it is
    read.

    The garbage collector looks at every object that can hold others. Some thousand more of them, as
    a full address book would be, make it collect all generations, which stops the process for tens
    of milliseconds; here they are a few lists and a string of numbers.
    """

    __slots__ = ("_endpoints", "_numbers", "_peers", "_sources")

    def __init__(self) -> None:
        self._endpoints: list[Endpoint] = []
        self._sources: list[Endpoint | str] = []
        self._peers: list[VerifiedPeer | None] = []
        self._numbers = bytearray()

    def append(self, saved: SavedPeer) -> None:
        self._endpoints.append(saved.endpoint)
        self._sources.append(saved.source)
        self._peers.append(saved.peer)
        self._numbers += _NUMBERS.pack(
            saved.tried,
            saved.first_seen_s_ago,
            saved.reported_s_ago,
            saved.times_reported,
            saved.failures,
            _packed(saved.first_verified_s_ago),
            _packed(saved.verified_s_ago),
            _packed(saved.rtt_s),
        )

    def only(self, numbers: list[int]) -> PackedPeers:
        """Some of them, by position."""
        size = _NUMBERS.size
        chosen = PackedPeers()
        chosen._endpoints = [self._endpoints[number] for number in numbers]
        chosen._sources = [self._sources[number] for number in numbers]
        chosen._peers = [self._peers[number] for number in numbers]
        chosen._numbers = bytearray(
            b"".join([self._numbers[number * size : (number + 1) * size] for number in numbers])
        )
        return chosen

    def __len__(self) -> int:
        return len(self._endpoints)

    def __getitem__(self, number: int) -> SavedPeer:
        number = range(len(self._endpoints))[number]
        tried, first_seen, reported, times, failures, first_verified, verified, rtt = (
            _NUMBERS.unpack_from(self._numbers, number * _NUMBERS.size)
        )
        return SavedPeer(
            self._endpoints[number],
            self._sources[number],
            tried,
            first_seen,
            reported,
            times,
            failures,
            self._peers[number],
            _unpacked(first_verified),
            _unpacked(verified),
            _unpacked(rtt),
        )

    def __iter__(self) -> Iterator[SavedPeer]:
        for number in range(len(self._endpoints)):
            yield self[number]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (PackedPeers, tuple)):
            return NotImplemented
        return tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True, slots=True)
class SavedBook:
    """The address book of one network, as it is saved."""

    peers: tuple[SavedPeer, ...] | PackedPeers = ()


Verdict: TypeAlias = Literal["good", "bad", "busy", "wrong-network"]
"""What the application says of a peer that it was given."""


@dataclass(frozen=True, slots=True)
class SavedVerdict:
    """``mark``: the key of the peer (32 bytes), and if that was not proven, key and endpoint;
    ``good``: how many good verdicts count; ``held_back_s``: for how many seconds more the peer is
    not given to the application.
    """

    mark: bytes
    verdict: Verdict
    good: int
    held_back_s: float


@dataclass(frozen=True, slots=True)
class SavedPeerNetwork:
    """``sequence``: the last one of the record of this node."""

    sequence: int
    book: SavedBook
    verdicts: tuple[SavedVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedRun:
    """The last run in one address family. ``port``: of its socket; ``ended_at_s``: when it ended,
    in seconds since 1970, None where it did not end in order.
    """

    family: Family
    port: int
    ended_at_s: float | None


@dataclass(frozen=True, slots=True)
class SavedState:
    """``published``: items that the shell puts on the DHT again and again until they are withdrawn.
    The core does not use them.
    """

    dhts: tuple[SavedDht, ...]
    peer_network: SavedPeerNetwork | None = None
    published: tuple[Item, ...] = ()
    runs: tuple[SavedRun, ...] = ()
    """Of the shell as well: in the mappings that the last run opened at a router nothing new gets
    in.
    """
