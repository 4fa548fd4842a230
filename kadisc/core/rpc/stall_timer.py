"""The stall timer: after which time a query without an answer counts as stalled, from the recent
round-trip times.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from typing import Final

from ...config import QueryConfig

WINDOW: Final = 64
"""How many recent round-trip times count."""
ENOUGH: Final = 8
"""With so many round-trip times their 90th percentile is used."""


class StallTimer:
    """A query stalls when nine tenths of the recent ones had been answered by then (after the
    adaptive timer of mldht). A query to a contact of known round-trip time stalls after three times
    that, where it is sooner.
    """

    __slots__ = ("_config", "_recent", "_sorted", "_stall_s")

    def __init__(self, config: QueryConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """The network changed: the measurements no longer hold."""
        # Arrays of plain numbers: each of a thousand nodes in one process has these two, and uses
        # them for every answer.
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
            # A new node among dead contacts loses ``first_stall_s`` on each, so a rough estimate
            # from the first answer is worth much. But the first answer usually comes from a nearby
            # node, and three times its delay would let half of all queries stall.
            self._stall_s = self._bounded(
                max(2.5 * ranked[-1] + 0.02, self._config.first_stall_s / 2)
            )

    def stall_s(self, known_rtt_s: float | None = None) -> float:
        if known_rtt_s is None:
            return self._stall_s
        return min(self._stall_s, self._bounded(3.0 * known_rtt_s + 0.02))

    def _bounded(self, seconds: float) -> float:
        return min(max(seconds, self._config.min_stall_s), self._config.max_stall_s)
