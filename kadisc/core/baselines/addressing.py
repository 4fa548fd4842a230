"""What the defences of the room `addressing` are compared with: no detection of being offline, and
draws without regard to prefixes.
"""

from __future__ import annotations

from ...endpoints import Endpoint


class AlwaysOnline:
    """In place of `Connectivity`: the node never counts as offline."""

    __slots__ = ()
    online = True

    def answered(self, netgroup: bytes, now: float) -> bool:
        return False

    def failed(self, now: float) -> bool:
        return False

    def link_changed(self) -> None:
        pass


def each_endpoint_alone(endpoint: Endpoint) -> bytes:
    """In place of a prefix for `draw_by_prefix`: each endpoint has the same chance."""
    return endpoint
