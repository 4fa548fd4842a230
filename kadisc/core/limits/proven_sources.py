"""Who passes before any limit that is kept by address: answers to our queries, and endpoints that
have proved that they are where they say.

The attack (sigp's discv5 and libtorrent fall for it): a limit or a ban that is kept by source
address is a weapon for whoever forges sources. He floods in the name of an honest node, and it is
the honest node that is not heard any more. So what can be told from a forgery is told first, by a
look at 9 bytes and one in a dict: a spoofer sees neither the transaction ids of our queries nor
what an endpoint that he forges was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import inf
from typing import Final, Protocol

from ...config import LimitsConfig
from ...endpoints import Endpoint
from ...wire.envelope import TID_BYTES

_TID: Final = b"1:t%d:" % TID_BYTES


class Lane(Enum):
    FAST = "fast"  # no limit is kept by its address
    FULL = "full"  # a proven endpoint that asks more than any node needs
    SLOW = "slow"  # nothing is known: it may be forged

    __hash__ = object.__hash__


class ProvenSourcesRule(Protocol):
    def lane(self, payload: bytes, source: Endpoint, now: float) -> Lane: ...

    def is_proven(self, endpoint: Endpoint, now: float) -> bool: ...

    def proved(self, endpoint: Endpoint, now: float) -> None: ...


WINDOW_S: Final = 1.0
NEVER: Final = -inf
"""One object: a minus before ``inf`` would make another one for each endpoint."""


class ProvenSources:
    """Two generations of proven endpoints, each with the time when what it asked will have been
    forgiven (see `Budget`). Contacts of the table are proven anyway and take no place there. As
    long as all together ask less than one may, nobody's own share need be looked at.
    """

    __slots__ = (
        "_awaits", "_burst_s", "_in_window", "_is_contact", "_keep_s", "_max", "_old", "_per_window", "_period_s", "_proven",
        "_turn_at", "_window_ends_at",
    )  # fmt: skip

    def __init__(
        self,
        limits: LimitsConfig,
        awaits: Callable[[bytes, Endpoint], bool],
        is_contact: Callable[[Endpoint], bool],
    ) -> None:
        """``awaits``: whether a query with that transaction id waits for an answer from that
        endpoint. ``is_contact``: whether the table has it.
        """
        self._awaits = awaits
        self._is_contact = is_contact
        self._keep_s = limits.proven_for_s
        self._max = limits.max_proven_sources
        self._period_s = 1.0 / limits.proven_queries_per_s
        self._burst_s = limits.proven_query_burst * self._period_s
        self._per_window = limits.proven_queries_per_s * WINDOW_S
        self._in_window = 0
        self._window_ends_at = NEVER
        self._proven: dict[Endpoint, float] = {}
        self._old: dict[Endpoint, float] = {}
        self._turn_at = NEVER

    def __len__(self) -> int:
        return len(self._proven) + len(self._old)

    def lane(self, payload: bytes, source: Endpoint, now: float) -> Lane:
        # Sorted keys put the transaction id near the end; after it come at most `v` and `y`.
        at = payload.rfind(_TID) + len(_TID)
        if at >= len(_TID) and self._awaits(payload[at : at + TID_BYTES], source):
            return Lane.FAST
        if not self.is_proven(source, now):
            return Lane.SLOW
        if now >= self._window_ends_at:
            self._window_ends_at, self._in_window = now + WINDOW_S, 0
        self._in_window += 1
        return (
            Lane.FAST
            if self._in_window <= self._per_window or self._take(source, now)
            else Lane.FULL
        )

    def _take(self, source: Endpoint, now: float) -> bool:
        """Notes a query of a proven endpoint, unless it has asked too many already."""
        # Into the generation that it is found in: to ask is no proof, and makes none last longer.
        generation = (
            self._old if source in self._old and source not in self._proven else self._proven
        )
        asked_at = max(generation.get(source, NEVER), now - self._burst_s) + self._period_s
        if asked_at > now:
            return False
        if (
            len(generation) >= self._max and source not in generation
        ):  # a contact; no table has so many
            self._turn(now)
            generation = self._proven
        generation[source] = asked_at
        return True

    def is_proven(self, endpoint: Endpoint, now: float) -> bool:
        if now >= self._turn_at:
            self._turn(now)
        return self._is_contact(endpoint) or endpoint in self._proven or endpoint in self._old

    def proved(self, endpoint: Endpoint, now: float) -> None:
        """It answered a query of ours, or used a token that was sent to it."""
        if endpoint not in self._proven and not self._is_contact(endpoint):
            if now >= self._turn_at or len(self._proven) >= self._max:
                self._turn(now)
            self._proven[endpoint] = self._old.get(endpoint, NEVER)

    def _turn(self, now: float) -> None:
        self._old, self._proven = {} if now >= self._turn_at + self._keep_s else self._proven, {}
        self._turn_at = now + self._keep_s


class NoProvenSources:
    """What the fast lane is measured against: all are limited by the address that they come from,
    whatever they have proved.
    """

    __slots__ = ()

    def lane(self, payload: bytes, source: Endpoint, now: float) -> Lane:
        return Lane.SLOW

    def is_proven(self, endpoint: Endpoint, now: float) -> bool:
        return False

    def proved(self, endpoint: Endpoint, now: float) -> None:
        pass
