"""Detector of mass failures: after one, peers that answered before it count as stale.

When four in five nodes of a network fail at once, most of what a node knows is wrong for as long as
its rechecks take, and so are the reports that it gets, as all nodes name the same dead peers. If
half of the last rechecks failed, that is evidence enough to recheck all other peers without delay,
and to give none of them to any node or caller until it has answered again. A peer that fails alone
is noticed when its turn comes.

Only rechecks of peers whose turn had come count, each peer once: the few that live answer all the
time, to other queries, and would outvote the dead.
"""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import Final, Protocol

from ..contract.times import NEVER

LAST: Final = 8
"""How many of the last rechecks are looked at."""
MANY: Final = 4
"""A mass failure is assumed when this many of the last `LAST` rechecks failed, beyond the usual
number. Where a tenth of the rechecked peers are gone, as nodes come and go, this is so 0.4 % of the
time; after a crash of half of all nodes, two thirds of the time.
"""
MEMORY: Final = 64
"""The usual share of failed rechecks is a moving mean over about so many, a quarter of an hour."""
MOST_USUAL: Final = 2
"""Of the last `LAST` rechecks, at most this many failures count as usual, so that a silence that
lasts does not become what is expected.
"""


class MassFailureRule(Protocol):
    @property
    def ongoing(self) -> bool: ...

    @property
    def stale_before(self) -> float: ...

    @property
    def unusual(self) -> int: ...

    @property
    def any_is_unusual(self) -> bool: ...

    def asked(self, now: float, *, answered: bool) -> None: ...


class MassFailureDetector:
    def __init__(self) -> None:
        self._failed_at: deque[float | None] = deque()
        """The last rechecks: when each failed, None if it was answered."""
        self._share = 0.0
        """The share of failures among the rechecks before the last `LAST`: what happens just now is
        no part of what is usual.
        """
        self.ongoing = False
        """Whether many peers failed just now, or this node lost its connection."""
        self.stale_before = NEVER
        """A peer that has not answered since then is not given to any node or caller."""

    @property
    def unusual(self) -> int:
        """How many of the last rechecks failed beyond the number that is usual in this network."""
        return max(0, len(self._failures()) - self._usual())

    @property
    def any_is_unusual(self) -> bool:
        """Whether one more peer that does not answer is a reason to recheck others soon."""
        return len(self._failures()) >= self._usual()

    def asked(self, now: float, *, answered: bool) -> None:
        """A peer that had answered before was rechecked."""
        if len(self._failed_at) == LAST:
            before = self._failed_at.popleft()
            self._share += ((before is not None) - self._share) / MEMORY
        self._failed_at.append(None if answered else now)
        failures = self._failures()
        many = MANY + self._usual()
        if len(failures) >= many and not self.ongoing:
            # They were queried before their time-outs: a peer that answered after the last but one
            # of these has survived.
            self.stale_before = failures[-2]
        self.ongoing = len(failures) >= many

    def _failures(self) -> list[float]:
        """When those of the last rechecks failed that did."""
        return [at for at in self._failed_at if at is not None]

    def _usual(self) -> int:
        """The usual number of failures among the last rechecks, with one standard deviation: where
        nodes come and go, one or two are always gone, and that is no reason for a faster pace.
        """
        mean = LAST * self._share
        return min(MOST_USUAL, int(mean + sqrt(mean)))
