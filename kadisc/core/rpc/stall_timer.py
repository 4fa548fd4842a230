"""When is a query overdue? The stall timer, from the round-trip times that were seen."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from typing import Final

from ...config import QueryConfig

WINDOW: Final = 64
ENOUGH: Final = 8


class StallTimer:
    """Calls a query stalled when nine tenths of the recent ones had been answered by then (after
    mldht's adaptive timer).

    A query to a contact whose own round-trip time is known is called stalled at three times that,
    where that is sooner.
    """

    __slots__ = ("_config", "_recent", "_sorted", "_stall_s")

    def __init__(self, config: QueryConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """The network changed: nothing that was measured holds any more."""
        # Plain numbers that lie side by side: a thousand nodes in one process have these two, and
        # use them for every answer.
        self._recent = array("d")
        self._sorted = array("d")
        self._stall_s = self._config.first_stall_s

    def sample(self, rtt_s: float) -> None:
        recent, ranked = self._recent, self._sorted
        recent.append(rtt_s)
        insort(ranked, rtt_s)
        if len(recent) > WINDOW:
            del ranked[bisect_left(ranked, recent.pop(0))]
        if len(recent) >= ENOUGH:
            p90_s = ranked[len(ranked) * 9 // 10]
            self._stall_s = self._bounded(1.25 * p90_s + 0.02)
        else:
            # A young node among dead contacts loses ``first_stall_s`` on each: a rough idea from
            # the first answer is worth a lot. But who answers first is a neighbour as a rule, and
            # three times his delay would call half of the world stalled.
            self._stall_s = self._bounded(
                max(2.5 * ranked[-1] + 0.02, self._config.first_stall_s / 2)
            )

    def stall_s(self, known_rtt_s: float | None = None) -> float:
        if known_rtt_s is None:
            return self._stall_s
        return min(self._stall_s, self._bounded(3.0 * known_rtt_s + 0.02))

    def _bounded(self, seconds: float) -> float:
        return min(max(seconds, self._config.min_stall_s), self._config.max_stall_s)
