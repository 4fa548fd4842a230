"""What the address book knows of one peer, and what it tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ...endpoints import Endpoint
from ..contract.verified_peer import VerifiedPeer

NEVER: Final = float("-inf")
Source: TypeAlias = Endpoint | str
"""Who told us: the endpoint of a node, or a word such as ``operator``, ``dns`` or ``lan`` for what
is no node.
"""
Verdict: TypeAlias = Literal["good", "bad", "busy", "wrong-network"]
"""What the application says of a peer that it was given."""


@dataclass(slots=True, eq=False)
class BookPeer:
    """``peer`` is None while it was only heard of. Times are on the caller's clock, ``NEVER`` for
    what did not happen.

    ``met``: it was verified in this run, so what a file says of it no longer matters. ``place``:
    bucket and position in its table. ``good``: how many good words count; ``held_back_until``: not
    given out before. ``seated``: it held a slot that was old enough, in this run.
    """

    endpoint: Endpoint
    host: bytes
    source: Source
    first_seen_at: float
    heard_at: float
    heard_times: int = 1
    peer: VerifiedPeer | None = None
    first_verified_at: float = NEVER
    verified_at: float = NEVER
    met: bool = False
    failures: int = 0
    failed_at: float = NEVER
    rtt_s: float | None = None
    tried: bool = False
    place: tuple[int, int] | None = None
    verdict: Verdict | None = None
    good: int = 0
    held_back_until: float = NEVER
    seated: bool = False

    @property
    def known_at(self) -> float:
        """When we last had news of it, of whatever worth."""
        return max(self.heard_at, self.verified_at)


@dataclass(frozen=True, slots=True)
class BookEntry:
    """A peer that is given to the application."""

    peer: VerifiedPeer
    verified_s_ago: float
    rtt_s: float | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a peer came from and why it is trusted. ``key``, ``sequence`` and ``verified_s_ago``
    are None where it was only heard of; ``source``: who told us first; ``heard_times``: how often
    it was named, by whomever; ``met``: it was verified in this run.
    """

    endpoint: Endpoint
    key: bytes | None
    tried: bool
    met: bool
    source: Source
    first_seen_s_ago: float
    heard_s_ago: float
    heard_times: int
    first_verified_s_ago: float | None
    verified_s_ago: float | None
    failures: int
    rtt_s: float | None
    sequence: int | None
    verdict: Verdict | None
    held_back_s: float
    """How long it will not be given out, for what the application said of it."""


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """``new`` and ``tried``: peers in the two tables; ``met``: those of the tried ones that were
    verified in this run; ``in_collision``: places whose owners are being tested.
    """

    new: int
    tried: int
    met: int
    in_collision: int
    anchors: tuple[Endpoint, ...]


def provenance_of(entry: BookPeer, now: float) -> Provenance:
    verified = entry.verified_at > NEVER
    return Provenance(
        endpoint=entry.endpoint,
        key=entry.peer.key if entry.peer else None,
        tried=entry.tried,
        met=entry.met,
        source=entry.source,
        first_seen_s_ago=now - entry.first_seen_at,
        heard_s_ago=now - entry.heard_at,
        heard_times=entry.heard_times,
        first_verified_s_ago=now - entry.first_verified_at if verified else None,
        verified_s_ago=now - entry.verified_at if verified else None,
        failures=entry.failures,
        rtt_s=entry.rtt_s,
        sequence=entry.peer.sequence if entry.peer else None,
        verdict=entry.verdict,
        held_back_s=max(0.0, entry.held_back_until - now),
    )
