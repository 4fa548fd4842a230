"""Quarantine of contacts that may be reachable for this node alone.

A node behind a restricted NAT answers a check through the mapping that its own query opened, and
other nodes cannot reach it: returned to them, it is a dead contact. A node that sent a query lately
is therefore suspect. It takes its place in the table as *inbound* until it answers a query that was
sent after ``silence_s`` without traffic in either direction; by then nearly every NAT has dropped
the mapping.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...endpoints import Endpoint, Scope, scope_of
from ..contract.times import NEVER

MAX_SOURCES: Final = 16_384
"""How many sources one generation holds."""


class QuarantineRule(Protocol):
    def contacted_us(self, endpoint: Endpoint, now: float) -> None: ...

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool: ...


class InboundMemory:
    """The sources of queries of the last one to three times ``silence_s``, in two generations: O(1)
    a datagram, in bounded memory.

    A flood that fills a generation ends it early; what is forgotten then is a suspicion, and
    revalidation finds the dead contacts. Loopback addresses have no NAT before them and are exempt.
    The generations are dicts, because a set grows fourfold and takes twice the memory.
    """

    __slots__ = ("_current", "_previous", "_silence_s", "_turn_at")

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._current: dict[Endpoint, None] = {}
        self._previous: dict[Endpoint, None] = {}
        self._turn_at = NEVER

    def contacted_us(self, endpoint: Endpoint, now: float) -> None:
        self._turn(now)
        self._current[endpoint] = None

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool:
        self._turn(now)
        has_queried = endpoint in self._current or endpoint in self._previous
        return has_queried and scope_of(endpoint) is not Scope.LOOPBACK

    def _turn(self, now: float) -> None:
        if now < self._turn_at and len(self._current) < MAX_SOURCES:
            return
        self._previous = self._current if now < self._turn_at + self._silence_s else {}
        self._current = {}
        self._turn_at = now + self._silence_s
