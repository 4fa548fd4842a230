"""What the defences of the room `addressing` are compared with: no detection of being offline, and
draws without regard to prefixes.
"""

from __future__ import annotations

from ...endpoints import Endpoint
from ..addressing.connectivity import Verdict


class AlwaysOnline:
    """In place of `Connectivity`: the node never counts as offline."""

    __slots__ = ()
    online = True
    missing = 0

    def answered(self, now: float) -> bool:
        return False

    def silent(self, contact: Endpoint | None, others: int, now: float) -> Verdict:
        return Verdict.NOTHING

    def doubts(self, now: float) -> bool:
        return False

    def is_silent(self, contact: Endpoint) -> bool:
        return False

    def cut_off(self) -> bool:
        return False

    def link_changed(self) -> None:
        pass


def each_endpoint_alone(endpoint: Endpoint) -> bytes:
    """In place of a prefix for `draw_by_prefix`: each endpoint has the same chance."""
    return endpoint
