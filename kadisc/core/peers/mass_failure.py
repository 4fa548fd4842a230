"""After a mass death: what is believed of peers that answered before it.

When four in five nodes of a network go at once, most of what a node knows is wrong for as long as
its checks take, and what it is told as well, as everybody names the same dead. Half of those that
were asked last are silent: that is evidence enough to ask all others without delay, and, until they
have answered again, to give none of them to anybody. Those that die one by one are noticed when
their turn comes.

Only peers whose turn it was to be looked after count, each once: the few that live answer all the
time, to whatever else, and would outvote the dead.
"""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import Final, Protocol

LAST: Final = 8
MANY: Final = 4
"""Of the last so many that were asked, so many did not answer. Where a tenth of those asked are
gone, as nodes come and go, that holds for 0.4 % of the time; after a crash of half of all, for two
thirds.
"""
MEMORY: Final = 64
"""How many are usually silent is the mean of about so many that were asked, a quarter of an hour...
"""
MOST_USUAL: Final = 2
"""...and of the last `LAST` at most so many: a silence that goes on does not become what is
expected.
"""
NEVER: Final = float("-inf")


class MassFailureRule(Protocol):
    @property
    def goes_on(self) -> bool: ...

    @property
    def stale_before(self) -> float: ...

    @property
    def unusual(self) -> int: ...

    @property
    def any_is_unusual(self) -> bool: ...

    def asked(self, now: float, *, answered: bool) -> None: ...


class MassFailureDetector:
    def __init__(self) -> None:
        self._silent_at: deque[float | None] = deque()  # None for those that answered
        self._share = 0.0
        """Of those that were asked before the last ones: of what is usual, what happens just now is
        no part.
        """
        self.goes_on = False
        """Whether something happened to the network, or to us, just now."""
        self.stale_before = NEVER
        """Who has not answered since then is not given to anybody."""

    @property
    def unusual(self) -> int:
        """So many of the last did not answer, beyond those that do not in a network like this one."""
        return max(0, len(self._silent()) - self._usual())

    @property
    def any_is_unusual(self) -> bool:
        """Whether one more that does not answer is worth a look at others."""
        return len(self._silent()) >= self._usual()

    def asked(self, now: float, *, answered: bool) -> None:
        """One that had answered before was asked whether it is still there."""
        if len(self._silent_at) == LAST:
            before = self._silent_at.popleft()
            self._share += ((before is not None) - self._share) / MEMORY
        self._silent_at.append(None if answered else now)
        silent, many = self._silent(), MANY + self._usual()
        if len(silent) >= many and not self.goes_on:
            # They had been asked before they were found silent: who answered after the last but one
            # has survived.
            self.stale_before = silent[-2]
        self.goes_on = len(silent) >= many

    def _silent(self) -> list[float]:
        """When those of the last were found silent that were."""
        return [at for at in self._silent_at if at is not None]

    def _usual(self) -> int:
        """Of the last, with one standard deviation: where nodes come and go, one or two are always
        found gone, and that is no reason to hurry.
        """
        mean = LAST * self._share
        return min(MOST_USUAL, int(mean + sqrt(mean)))


class NoMassFailureDetector:
    """What it is measured against: each death is one by itself."""

    __slots__ = ()
    goes_on = False
    stale_before = NEVER
    unusual = 0
    any_is_unusual = True

    def asked(self, now: float, *, answered: bool) -> None:
        pass
