"""After a mass death: what is believed of peers that answered before it.

When four in five nodes of a network go at once, most of what a node knows is wrong for as long as its checks take, and what it is told as well, as
everybody names the same dead. Three that are silent at once are evidence enough to ask all others without delay, and, until they have answered
again, to give none of them to anybody. One that dies alone is noticed when its turn comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

MOURNED_S = 60.0
MANY = 3
"""So many lost or silent within that time."""
NEVER = float("-inf")


class MourningRule(Protocol):
    @property
    def doubted_before(self) -> float: ...

    def lost(self, now: float) -> None: ...

    def goes_on(self, silent_since: Sequence[float], now: float) -> bool: ...


class Mourning:
    def __init__(self) -> None:
        self._lost_at: list[float] = []
        self._goes_on = False
        self.doubted_before = NEVER
        """Who has not answered since then is not given to anybody."""

    def lost(self, now: float) -> None:
        self._lost_at = [*(at for at in self._lost_at if at > now - MOURNED_S), now][-8:]

    def goes_on(self, silent_since: Sequence[float], now: float) -> bool:
        """Whether something happened to the network, or to us, just now. ``silent_since``: when each of those failed that did not answer last."""
        evidence = [*silent_since, *(at for at in self._lost_at if at > now - MOURNED_S)]
        begins = len(evidence) >= MANY and not self._goes_on
        self._goes_on = len(evidence) >= MANY
        if begins:
            # The first of them had been asked before it was found silent: who answered after that has survived.
            self.doubted_before = max(self.doubted_before, min(evidence))
        return self._goes_on


class NoMourning:
    """What it is measured against: each death is one by itself."""

    __slots__ = ()
    doubted_before = NEVER

    def lost(self, now: float) -> None:
        pass

    def goes_on(self, silent_since: Sequence[float], now: float) -> bool:
        return False
