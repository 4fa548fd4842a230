"""How large the network is, and how close to a target its nodes can be.

Attack: an attacker that has many places by BEP 42 puts nodes right beside the target, all of them
closer than any honest node. Their IDs are valid, and yet there is something wrong with them: in a
network of 300 nodes eight within a millionth of the ID space do not happen. Defence: the m closest
IDs of a lookup that are valid by BEP 42 must be as far from the target as m of all nodes of the
network would be; those that are closer count as invalid.

The bound: with N nodes at random IDs the number of those within a distance d (a share of the ID
space) is Poisson distributed with mean N d. `least_expected(m)` is the mean at which m or more
occur with a chance of `CHANCE` (1 in 100,000): 0.00001 for the closest, 0.0045 for the second, 0.04
for the third, 0.9 for the eighth. N is taken as twice the estimate, so that an estimate that is
half of the truth does no harm. So of all lookups for 8 nodes less than 1 in 10,000 has an honest ID
that counts as invalid, and that one still counts, among the few of its kind.

The estimate is what contacts report of their own neighbourhoods (`table/size_reports.py`). A young
node has too few reports; until then it is the median of the last `KEPT` lookups that ended by
themselves, which an attacker that surrounds a few targets does not move. Each contributes (k - 1) /
the distance of its k-th closest, which two attackers right beside the target change by a third at
most. Lookups that found too many nodes (`region.py`) do not contribute.
"""

from __future__ import annotations

from functools import cache
from math import exp
from typing import Final

from ...ids import ID_SPACE
from ..table.size_reports import SizeReports

CHANCE: Final = 1e-5
"""The chance that the m-th closest honest node is closer than the bound for m."""
MARGIN: Final = 2.0
"""So many times the estimate is the largest that the network is taken for."""
KEPT: Final = 15
"""How many lookups the estimate is made of."""
ENOUGH: Final = 5
"""With fewer lookups there is no estimate, and no bound."""
MIN_FOUND: Final = 8
"""A lookup that found fewer nodes says too little."""
MAX_RANK: Final = 32
"""The farther nodes of a lookup have the bound of this rank."""


class NetworkSize:
    """The size of the network in one address family, by the lookups of this node."""

    __slots__ = ("_reports", "_sizes")

    def __init__(self, reports: SizeReports) -> None:
        self._reports = reports
        self._sizes: list[float] = []  # by each lookup, the oldest first

    def found(self, nodes: int, distance: int, k: int) -> None:
        """A lookup for ``k`` nodes ended by itself, with so many; ``distance``: of the farthest."""
        if nodes < max(k, MIN_FOUND) or not distance:
            return
        self._sizes.append((nodes - 1) * (ID_SPACE / distance))
        if len(self._sizes) > KEPT:
            del self._sizes[0]

    @property
    def estimate(self) -> float | None:
        """How many nodes there are, None while too little is known."""
        if (reported := self._reports.estimate) is not None:
            return reported
        if len(self._sizes) < ENOUGH:
            return None
        return sorted(self._sizes)[len(self._sizes) // 2]

    @property
    def reported(self) -> float | None:
        """How many nodes there are by the reports of contacts alone, None while they are few."""
        return self._reports.estimate

    def least_distances(self, k: int) -> tuple[int, ...]:
        """The least distance from a target of the closest valid ID, of the second closest, and so
        on; empty while the size is unknown.
        """
        size = self.estimate
        if size is None:
            return ()
        per_node = ID_SPACE / (MARGIN * size)
        return tuple([int(least * per_node) for least in _least_of(min(k, MAX_RANK))])


@cache
def _least_of(k: int) -> tuple[float, ...]:
    return tuple([least_expected(rank) for rank in range(1, k + 1)])


def least_expected(count: int, chance: float = CHANCE) -> float:
    """The mean of a Poisson distribution that reaches ``count`` with that chance."""
    low, high = 0.0, float(count)
    for _ in range(60):
        mean = (low + high) / 2
        term = below = exp(-mean)
        for number in range(1, count):
            term *= mean / number
            below += term
        if 1.0 - below > chance:
            high = mean
        else:
            low = mean
    return low
