"""An entry of the address book, and the answers of the book that are made from entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ...endpoints import Endpoint
from ..contract.peer_status import PeerStatus
from ..contract.saved_state import Verdict
from ..contract.times import NEVER
from ..contract.verified_peer import VerifiedPeer
from .verdicts import Judgement

Source: TypeAlias = Endpoint | str
"""What reported a peer: the endpoint of a node, or a word such as ``operator``, ``dns`` or ``lan``
for a source that is no node.
"""


@dataclass(slots=True, eq=False)
class BookEntry:
    """What the address book knows of one peer. Times are on the clock of the caller, ``NEVER`` for
    what did not happen.

    ``host``: the prefix that has one entry at most; ``status``: how the peer answered, None if it
    was only reported and never failed; ``verified_in_run``: verified since the start, so that it
    does not depend on what a file says; ``tried``: which of the two tables it is in; ``place``:
    bucket and position in that table; ``held_slot``: held a slot of the view that was old enough,
    in this run.
    """

    endpoint: Endpoint
    host: bytes
    source: Source
    first_seen_at: float
    reported_at: float
    times_reported: int = 1
    status: PeerStatus | None = None
    first_verified_at: float = NEVER
    verified_in_run: bool = False
    tried: bool = False
    place: tuple[int, int] | None = None
    held_slot: bool = False

    @property
    def peer(self) -> VerifiedPeer | None:
        """None if the peer was only reported."""
        return self.status.peer if self.status is not None else None

    @property
    def verified_at(self) -> float:
        return self.status.verified_at if self.status is not None else NEVER

    @property
    def failures(self) -> int:
        return self.status.failures if self.status is not None else 0

    @property
    def failed_at(self) -> float:
        return self.status.failed_at if self.status is not None else NEVER

    @property
    def rtt_s(self) -> float | None:
        return self.status.rtt_s if self.status is not None else None

    @property
    def last_news_at(self) -> float:
        """When it was last reported or verified."""
        return max(self.reported_at, self.verified_at)


@dataclass(frozen=True, slots=True)
class SelectedPeer:
    """A peer that is given to the application."""

    peer: VerifiedPeer
    verified_s_ago: float
    rtt_s: float | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a peer came from and why it is trusted. ``key``, ``sequence``, ``first_verified_s_ago``
    and ``verified_s_ago`` are None if it was only reported; ``source``: the first that reported it;
    ``times_reported``: how often it was reported, by all sources; ``verified_in_run``: it was
    verified since the start of the node.
    """

    endpoint: Endpoint
    key: bytes | None
    tried: bool
    verified_in_run: bool
    source: Source
    first_seen_s_ago: float
    reported_s_ago: float
    times_reported: int
    first_verified_s_ago: float | None
    verified_s_ago: float | None
    failures: int
    rtt_s: float | None
    sequence: int | None
    verdict: Verdict | None
    held_back_s: float
    """How long it will not be selected, because of feedback of the application."""
    in_book: bool = True
    """False for a peer that answered in this run and has no place in the address book."""


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """``new`` and ``tried``: peers in the two tables; ``verified_in_run``: peers of the tried table
    that were verified since the start; ``in_collision``: places whose owners are being tested.
    """

    new: int
    tried: int
    verified_in_run: int
    in_collision: int
    anchors: tuple[Endpoint, ...]


def provenance_of(entry: BookEntry, judgement: Judgement | None, now: float) -> Provenance:
    """``judgement``: the verdict that counts for the peer."""
    verified = entry.verified_at > NEVER
    return Provenance(
        endpoint=entry.endpoint,
        key=entry.peer.key if entry.peer else None,
        tried=entry.tried,
        verified_in_run=entry.verified_in_run,
        source=entry.source,
        first_seen_s_ago=now - entry.first_seen_at,
        reported_s_ago=now - entry.reported_at,
        times_reported=entry.times_reported,
        first_verified_s_ago=now - entry.first_verified_at if verified else None,
        verified_s_ago=now - entry.verified_at if verified else None,
        failures=entry.failures,
        rtt_s=entry.rtt_s,
        sequence=entry.peer.sequence if entry.peer else None,
        verdict=judgement.verdict if judgement is not None else None,
        held_back_s=max(0.0, judgement.held_back_until - now) if judgement is not None else 0.0,
    )
