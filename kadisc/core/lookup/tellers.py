"""Which nodes name nodes that do not answer: what they name is asked last.

Attack: a contact that has behaved for long answers lookups with endpoints without a node, under IDs
right beside the target. They are closer than any node, so the lookup asks each of them, twice, and
waits. With one such contact in ten a lookup took 38 queries instead of 10, and five times as long.

Defence: a node is doubted once `SILENT_NAMES` of its names have been silent in one lookup, and as
many more for each of its names that has answered. What only doubted nodes have named comes after
all others, in that lookup and in those of the next `DOUBTED_S`. It is still asked where too few
others are left, so that an honest node that names a part of the network that has crashed does no
harm: the survivors are named by others too.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...endpoints import Endpoint
from ..contract.bounded import put_newest

SILENT_NAMES: Final = 3
DOUBTED_S: Final = 600.0
MAX_DOUBTED: Final = 512


class TellerRule(Protocol):
    """Of one lookup."""

    @property
    def any_doubted(self) -> bool: ...

    def named(self, endpoint: Endpoint, teller: Endpoint) -> None: ...

    def silent(self, endpoint: Endpoint) -> None: ...

    def answered(self, endpoint: Endpoint) -> None: ...

    def is_doubtful(self, endpoint: Endpoint) -> bool: ...


class TellerMemoryRule(Protocol):
    """Of all lookups of a node."""

    def begin(self, now: float) -> TellerRule: ...


class AllTellers:
    """Without the defence: all names count alike."""

    __slots__ = ()

    def begin(self, now: float) -> TellerRule:
        return self

    @property
    def any_doubted(self) -> bool:
        return False

    def named(self, endpoint: Endpoint, teller: Endpoint) -> None:
        pass

    def silent(self, endpoint: Endpoint) -> None:
        pass

    def answered(self, endpoint: Endpoint) -> None:
        pass

    def is_doubtful(self, endpoint: Endpoint) -> bool:
        return False


class TellerMemory:
    """The nodes that are doubted, and until when."""

    __slots__ = ("doubted",)

    def __init__(self) -> None:
        self.doubted: dict[Endpoint, float] = {}

    def begin(self, now: float) -> TellerRule:
        while self.doubted and next(iter(self.doubted.values())) <= now:
            del self.doubted[next(iter(self.doubted))]
        return Tellers(self.doubted, now)


class Tellers:
    """Who named whom in one lookup, and how many of the names of each were silent."""

    __slots__ = ("_doubted", "_live", "_now", "_silent", "_silent_names", "_teller_of")

    def __init__(self, doubted: dict[Endpoint, float], now: float) -> None:
        """``doubted``: shared by all lookups of the node; ``now``: when this one begins."""
        self._doubted = doubted
        self._now = now
        self._teller_of: dict[Endpoint, Endpoint] = {}
        self._silent: dict[Endpoint, Endpoint] = {}  # whom each silent name is counted against
        self._silent_names: dict[Endpoint, int] = {}
        self._live: dict[Endpoint, int] = {}

    @property
    def any_doubted(self) -> bool:
        return bool(self._doubted)

    def named(self, endpoint: Endpoint, teller: Endpoint) -> None:
        """The first that names an endpoint counts, or the first that is not doubted."""
        first = self._teller_of.get(endpoint)
        if first is None or (first in self._doubted and teller not in self._doubted):
            self._teller_of[endpoint] = teller

    def silent(self, endpoint: Endpoint) -> None:
        """The query has taken longer than expected; an answer may still come."""
        teller = self._teller_of.get(endpoint)
        if teller is not None and endpoint not in self._silent:
            self._silent[endpoint] = teller
            self._silent_names[teller] = self._silent_names.get(teller, 0) + 1
            self._judge(teller)

    def answered(self, endpoint: Endpoint) -> None:
        blamed, teller = self._silent.pop(endpoint, None), self._teller_of.get(endpoint)
        if blamed is not None:
            self._silent_names[blamed] -= 1
        if teller is not None:
            self._live[teller] = self._live.get(teller, 0) + 1
            self._judge(teller)

    def is_doubtful(self, endpoint: Endpoint) -> bool:
        """Whether only doubted nodes have named it."""
        teller = self._teller_of.get(endpoint)
        return teller is not None and teller in self._doubted

    def _judge(self, teller: Endpoint) -> None:
        silent, live = self._silent_names.get(teller, 0), self._live.get(teller, 0)
        if silent >= SILENT_NAMES * (1 + live):
            put_newest(self._doubted, teller, self._now + DOUBTED_S, MAX_DOUBTED)
        elif live:
            self._doubted.pop(teller, None)


ALL_TELLERS: Final = AllTellers()
