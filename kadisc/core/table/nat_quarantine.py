"""Who contacted us first may be unreachable for everybody else.

A node behind a restricted NAT answers our check through the hole that its own query just opened,
and nobody else can reach it: hand it out, and you hand out a dead contact. So whoever queried us
lately is suspect, and takes its place in the table as *inbound*, until it answers a query that was
sent after ``silence_s`` without traffic either way; by then nearly every NAT has closed the hole.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...endpoints import Endpoint, Scope, scope_of

MAX_REMEMBERED: Final = 16_384


class QuarantineRule(Protocol):
    def contacted_us(self, endpoint: Endpoint, now: float) -> None: ...

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool: ...


class InboundMemory:
    """Remembers who queried us for one to three times ``silence_s``, in two generations: O(1) a
    packet, bounded whatever is sent.

    A flood that fills a generation turns it over early; what is forgotten then is suspicion, and
    revalidation finds the dead ones. Loopback addresses have no NAT before them and are exempt.
    Dicts, because a set grows fourfold and takes twice the memory.
    """

    __slots__ = ("_current", "_previous", "_silence_s", "_turn_at")

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._current: dict[Endpoint, None] = {}
        self._previous: dict[Endpoint, None] = {}
        self._turn_at = float("-inf")

    def contacted_us(self, endpoint: Endpoint, now: float) -> None:
        self._turn(now)
        self._current[endpoint] = None

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool:
        self._turn(now)
        return (endpoint in self._current or endpoint in self._previous) and scope_of(
            endpoint
        ) is not Scope.LOOPBACK

    def _turn(self, now: float) -> None:
        if now < self._turn_at and len(self._current) < MAX_REMEMBERED:
            return
        self._previous = self._current if now < self._turn_at + self._silence_s else {}
        self._current = {}
        self._turn_at = now + self._silence_s


class NoQuarantine:
    """What the quarantine is measured against."""

    __slots__ = ()

    def contacted_us(self, endpoint: Endpoint, now: float) -> None:
        pass

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool:
        return False
