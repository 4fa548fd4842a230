"""Whether the network is calm: it is not split, and not many nodes left lately. Some promises hold
in calm times alone.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ..model.world import World

LATELY_S: Final = 600.0
MOST_LEFT: Final = 0.15
"""The share of the nodes that may leave in `LATELY_S` in calm times."""


class Calm:
    def __init__(self, world: World) -> None:
        self._world = world
        self._left_at: deque[float] = deque()
        self._disturbed_until = float("-inf")

    def left(self, now: float) -> None:
        """A node has left, or moved."""
        self._left_at.append(now)

    def is_calm(self, now: float) -> bool:
        left_at = self._left_at
        while left_at and left_at[0] < now - LATELY_S:
            left_at.popleft()
        if self._world.network.partitioned:
            self._disturbed_until = now + LATELY_S
        if len(left_at) > MOST_LEFT * (len(self._world.hosts) + len(left_at)):
            return False
        return now >= self._disturbed_until
