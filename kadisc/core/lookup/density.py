"""Whether more nodes are named near a target than the size of the network allows.

Attack: IDs are forged near a target, or ground until they are valid by BEP 42 beside it, so that
the k closest are the attacker's, and neither a search nor an announce reaches an honest node (S.
Sridhar et al., "Content Censorship in the InterPlanetary File System", NDSS 2024). They compare
the lengths of the prefixes that the k closest share with the target with those in a network of the
estimated size, by their KL divergence. With 8 nodes that sees only what is ten times too dense.
Here every node that an answer named counts, by its exact distance: in a lookup among colluders
each answer names more of them, and 40 names are enough to see a density that is twice as high.

With N nodes at random IDs, the number of those within a distance d (a share of the ID space) is
Poisson distributed with mean N d. So the j-th closest is improbable if j or more of them within its
distance have less than a small chance (`least_expected`). In an honest network the nodes around a
target name the same k and few others, so the names are complete up to twice k at most, and farther
out few of those that exist are named: there a larger chance is safe (decision 0053).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from ...ids import ID_SPACE
from .network_size import least_expected

MARGIN: Final = 1.15
"""The network is taken for so much larger than estimated."""
SMALLEST: Final = 32.0
"""In a smaller network nothing is improbable: all of its nodes are among the named ones."""
RANKS: Final = 64
"""So many of the closest are looked at."""


class Chances:
    """How improbable a density must be: of the nodes up to twice the k, and of those beyond."""

    __slots__ = ("beyond", "within")

    def __init__(self, within: float, beyond: float) -> None:
        self.within = within
        self.beyond = beyond


DOUBT: Final = Chances(1e-4, 1e-2)
"""Enough to ask on."""
ALARM: Final = Chances(2e-5, 1e-3)
"""Enough to call the lookup suspicious."""


class Density:
    """What a network of so many nodes allows near one target. ``size``: the estimate; with None
    nothing is improbable.
    """

    __slots__ = ("_k", "_per_node", "_size")

    def __init__(self, size: float | None, k: int) -> None:
        self._size = size if size is not None and size >= SMALLEST else None
        self._per_node = ID_SPACE / (MARGIN * size) if self._size is not None and size else 0.0
        self._k = k

    def is_improbable(self, distances: Iterable[int], chances: Chances) -> bool:
        """``distances`` of the nodes named, closest first."""
        if self._size is None:
            return False
        bounds = _bounds(2 * self._k + 2, chances.within, chances.beyond)
        per_node = self._per_node
        return any(
            distance < bound * per_node for distance, bound in zip(distances, bounds, strict=False)
        )

    def radius_of(self, nodes: float) -> int:
        """The distance within which so many nodes are expected, 0 if the size is unknown."""
        return 0 if self._size is None else int(ID_SPACE / self._size * nodes)


@cache
def _bounds(complete: int, within: float, beyond: float) -> tuple[float, ...]:
    return tuple(
        [
            least_expected(rank, within if rank <= complete else beyond)
            for rank in range(1, RANKS + 1)
        ]
    )
