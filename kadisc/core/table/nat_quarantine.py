"""Quarantine of contacts that may be reachable for this node alone.

A node behind a restricted NAT answers a check through the mapping that its own query opened, and
other nodes cannot reach it: returned to them, it is a dead contact. A node that sent a query lately
is therefore suspect. It takes its place in the table as *inbound* until it answers a query that was
sent after ``silence_s`` without traffic in either direction; by then nearly every NAT has dropped
the mapping.

A node behind such a NAT that goes on sending queries would enter the table again as soon as it has
left it, for as long as it lives. So a contact in quarantine leaves the table at the first silence,
and after `FALLS` times its own queries do not make it a candidate for `FALLEN_S`. What others say
of it still does: where one of them could reach it, it is named (decision 0039).
"""

from __future__ import annotations

from typing import Final, Protocol

from ...endpoints import LOOPBACK, Endpoint, scope_of
from ..contract.times import NEVER

MAX_SOURCES: Final = 16_384
"""How many sources one generation holds."""
FALLS: Final = 2
"""A node that restarts soon after it came is silent once."""
FALLEN_S: Final = 3600.0
"""For so long at least, and for twice as long at most, the falls of an endpoint are remembered."""
MAX_FALLEN: Final = 512
"""How many endpoints that fell one generation holds."""


class QuarantineRule(Protocol):
    def contacted_us(self, endpoint: Endpoint, now: float) -> bool: ...

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool: ...

    def fell(self, endpoint: Endpoint, now: float) -> None: ...

    def has_fallen(self, endpoint: Endpoint) -> bool: ...


class InboundMemory:
    """The sources of queries of the last one to three times ``silence_s``, in two generations: O(1)
    a datagram, in bounded memory.

    A flood that fills a generation ends it early; what is forgotten then is a suspicion, and
    revalidation finds the dead contacts. Loopback addresses have no NAT before them and are exempt.
    The generations are dicts, because a set grows fourfold and takes twice the memory.
    """

    __slots__ = (
        "_current",
        "_fallen",
        "_fallen_before",
        "_fallen_turn_at",
        "_previous",
        "_silence_s",
        "_turn_at",
    )

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._current: dict[Endpoint, None] = {}
        self._previous: dict[Endpoint, None] = {}
        self._turn_at = NEVER
        # How often each endpoint fell, in two generations as well.
        self._fallen: dict[Endpoint, int] = {}
        self._fallen_before: dict[Endpoint, int] = {}
        self._fallen_turn_at = NEVER

    def contacted_us(self, endpoint: Endpoint, now: float) -> bool:
        """Returns whether the query makes its source worth a check."""
        self._turn(now)
        self._current[endpoint] = None
        if not self._fallen and not self._fallen_before:
            return True
        self._turn_fallen(now)
        return self._falls(endpoint) < FALLS

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool:
        self._turn(now)
        has_queried = endpoint in self._current or endpoint in self._previous
        return has_queried and scope_of(endpoint) is not LOOPBACK

    def fell(self, endpoint: Endpoint, now: float) -> None:
        """A contact left the table without having answered after the silence."""
        self._turn_fallen(now)
        self._fallen[endpoint] = min(self._falls(endpoint) + 1, FALLS)

    def has_fallen(self, endpoint: Endpoint) -> bool:
        """Whether that happened once in the last hour, or perhaps two."""
        return self._falls(endpoint) > 0

    def _falls(self, endpoint: Endpoint) -> int:
        return max(self._fallen.get(endpoint, 0), self._fallen_before.get(endpoint, 0))

    def _turn_fallen(self, now: float) -> None:
        if now < self._fallen_turn_at and len(self._fallen) < MAX_FALLEN:
            return
        self._fallen_before = self._fallen if now < self._fallen_turn_at + FALLEN_S else {}
        self._fallen = {}
        self._fallen_turn_at = now + FALLEN_S

    def _turn(self, now: float) -> None:
        if now < self._turn_at and len(self._current) < MAX_SOURCES:
            return
        self._previous = self._current if now < self._turn_at + self._silence_s else {}
        self._current = {}
        self._turn_at = now + self._silence_s
