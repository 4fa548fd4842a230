"""After a mass death: what is believed of peers that answered before it.

When four in five nodes of a network go at once, most of what a node knows is wrong for as long as its checks take, and what it is told as well, as
everybody names the same dead. Half of those that were asked last are silent: that is evidence enough to ask all others without delay, and, until they
have answered again, to give none of them to anybody. Those that die one by one are noticed when their turn comes.

Only peers whose turn it was to be looked after count, each once: the few that live answer all the time, to whatever else, and would outvote the dead.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

LAST: Final = 8
MANY: Final = 4
"""Of the last so many that were asked, so many did not answer. Where a tenth of those asked are gone, as nodes come and go, that holds for 0.4 %
of the time; after a crash of half of all, for two thirds."""
NEVER: Final = float("-inf")


class MourningRule(Protocol):
    @property
    def goes_on(self) -> bool: ...

    @property
    def doubted_before(self) -> float: ...

    @property
    def silent(self) -> int: ...

    def asked(self, now: float, *, answered: bool) -> None: ...


class Mourning:
    def __init__(self) -> None:
        self._silent_at: deque[float | None] = deque(maxlen=LAST)  # None for those that answered
        self.goes_on = False
        """Whether something happened to the network, or to us, just now."""
        self.doubted_before = NEVER
        """Who has not answered since then is not given to anybody."""

    @property
    def silent(self) -> int:
        """So many of the last did not answer."""
        return sum(at is not None for at in self._silent_at)

    def asked(self, now: float, *, answered: bool) -> None:
        """One that had answered before was asked whether it is still there."""
        self._silent_at.append(None if answered else now)
        silent = [at for at in self._silent_at if at is not None]
        if len(silent) >= MANY and not self.goes_on:
            # They had been asked before they were found silent: who answered after the last but one has survived.
            self.doubted_before = silent[-2]
        self.goes_on = len(silent) >= MANY


class NoMourning:
    """What it is measured against: each death is one by itself."""

    __slots__ = ()
    goes_on = False
    doubted_before = NEVER
    silent = 0

    def asked(self, now: float, *, answered: bool) -> None:
        pass
