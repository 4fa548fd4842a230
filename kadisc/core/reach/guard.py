"""Whether the network can spare this node.

A node that strangers do not reach is of little use in the tables of others: each of their lookups
that meets it loses time. So it marks its queries as read-only (BEP 43), and stops to announce
itself. But where all nodes of a network are behind routers, all would do that, and none would find
another any more. Defence (`guarded_conduct`): that conduct waits until the network has been large
for a while, and ends at once when it is not any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from ..contract.times import FOREVER

LOOK_AGAIN_S: Final = 10.0
"""How often a closed node looks whether the network is still large."""


class GuardRule(Protocol):
    def allows(self, now: float) -> bool:
        """Whether the node may withdraw from the tables of others."""
        ...


class NetworkGuard:
    """``is_large``: whether enough peers are known, and enough contacts."""

    __slots__ = ("_for_s", "_is_large", "_large_since")

    def __init__(self, is_large: Callable[[], bool], for_s: float) -> None:
        self._is_large = is_large
        self._for_s = for_s
        self._large_since = FOREVER

    def allows(self, now: float) -> bool:
        if not self._is_large():
            self._large_since = FOREVER
        elif self._large_since == FOREVER:
            self._large_since = now
        return now >= self._large_since + self._for_s
