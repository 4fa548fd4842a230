"""Exempts datagrams from the limits that are kept by address: answers to queries of this node, and
datagrams from endpoints that have proved that they receive packets.

Attack: whoever is asked something sends queries with the transaction ID of that question, which
pass every limit. Defence: only what looks like an answer is let through by its transaction ID, and
one datagram for each question.

Attack (discv5 of sigp and libtorrent are open to it): a limit or a ban by source address is a
weapon for an attacker that forges sources. A flood in the name of an honest node silences that
node. Defence: what can be told from a forgery is recognised first, by reading 9 bytes and one
look-up. A spoofer sees neither the transaction IDs of the queries of this node nor what a forged
endpoint was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from ...config import LimitsConfig
from ...endpoints import Endpoint
from ...wire.envelope import seems_answer, tid_near_end
from ..contract.times import NEVER
from .asker_tokens import AskerTokenRule


class SourceClass(Enum):
    """What is known of the source of a datagram."""

    PROVEN = "proven"  # an awaited answer or a proven endpoint: not limited by its address
    OVER_LIMIT = "over limit"  # a proven endpoint that sends more queries than a node needs
    UNPROVEN = "unproven"  # it may be forged: limited by its address

    __hash__ = object.__hash__


class ProvenSourcesRule(Protocol):
    def classify(self, payload: bytes, source: Endpoint, now: float) -> SourceClass: ...

    def is_proven(self, endpoint: Endpoint, now: float) -> bool: ...

    def proved(self, endpoint: Endpoint, now: float) -> None: ...


WINDOW_S: Final = 1.0
"""The window in which the queries of all proven endpoints together are counted."""


class ProvenSources:
    """Two generations of proven endpoints, each with the time when the cost of its queries will
    have been repaid (see `Budget`). Contacts of the routing table are always proven and take no
    place here. While all proven endpoints together send less than one of them may, their shares are
    not checked.
    """

    __slots__ = (
        "_admits",
        "_asker_tokens",
        "_burst_s",
        "_in_window",
        "_is_contact",
        "_keep_s",
        "_max",
        "_old",
        "_per_window",
        "_period_s",
        "_proven",
        "_turn_at",
        "_window_ends_at",
        "shown_by",
    )

    def __init__(
        self,
        limits: LimitsConfig,
        admits: Callable[[bytes, Endpoint], bool],
        is_contact: Callable[[Endpoint], bool],
        asker_tokens: AskerTokenRule,
    ) -> None:
        """``admits``: whether a query with that transaction ID waits for an answer from that
        endpoint, and none has come yet. ``is_contact``: whether the routing table holds it.
        """
        self._admits = admits
        self._is_contact = is_contact
        self._asker_tokens = asker_tokens
        self.shown_by: Endpoint | None = None
        """The source of the datagram that is being read, if a token in it proved that; there is no
        state of it beside this.
        """
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

    def classify(self, payload: bytes, source: Endpoint, now: float) -> SourceClass:
        """The class of the source of a datagram; a query of a proven source is counted."""
        tid = tid_near_end(payload)
        self.shown_by = None
        if tid is not None and seems_answer(payload) and self._admits(tid, source):
            return SourceClass.PROVEN
        if not self.is_proven(source, now):
            if not self._asker_tokens.proves(payload, source, now):
                return SourceClass.UNPROVEN
            self.shown_by = source
        if now >= self._window_ends_at:
            self._window_ends_at = now + WINDOW_S
            self._in_window = 0
        self._in_window += 1
        if self._in_window <= self._per_window or self._take(source, now):
            return SourceClass.PROVEN
        return SourceClass.OVER_LIMIT

    def _take(self, source: Endpoint, now: float) -> bool:
        """Counts a query of a proven endpoint. Returns False if it has sent too many already."""
        # The query is counted in the generation that holds the endpoint: it is no proof, and must
        # not prolong one.
        generation = self._proven
        if source in self._old and source not in self._proven:
            generation = self._old
        asked_at = max(generation.get(source, NEVER), now - self._burst_s) + self._period_s
        if asked_at > now:
            return False
        # Only a contact is not in a generation, and no routing table holds so many.
        if len(generation) >= self._max and source not in generation:
            self._turn(now)
            generation = self._proven
        generation[source] = asked_at
        return True

    def is_proven(self, endpoint: Endpoint, now: float) -> bool:
        if now >= self._turn_at:
            self._turn(now)
        return (
            self._is_contact(endpoint)
            or endpoint in self._proven
            or endpoint in self._old
            or endpoint == self.shown_by
        )

    def proved(self, endpoint: Endpoint, now: float) -> None:
        """The endpoint answered a query of this node, or used a token that was sent to it."""
        if endpoint not in self._proven and not self._is_contact(endpoint):
            if now >= self._turn_at or len(self._proven) >= self._max:
                self._turn(now)
            self._proven[endpoint] = self._old.get(endpoint, NEVER)

    def _turn(self, now: float) -> None:
        """Starts a new generation. After a longer silence both generations are dropped."""
        self._old = {} if now >= self._turn_at + self._keep_s else self._proven
        self._proven = {}
        self._turn_at = now + self._keep_s
