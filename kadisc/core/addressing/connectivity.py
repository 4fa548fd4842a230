"""Detection of being offline: while this node is cut off, the silence of others is not their fault.

Without it, a pulled cable empties the routing table in a few minutes, and the node comes back to
nothing. The only evidence of being online is a matched reply: any host can send other datagrams.
"""

from __future__ import annotations

from typing import Protocol

from ...config import MaintenanceConfig
from ..contract.bounded import put_newest


class ConnectivityRule(Protocol):
    @property
    def online(self) -> bool: ...

    def answered(self, netgroup: bytes, now: float) -> bool: ...

    def failed(self, now: float) -> bool: ...

    def link_changed(self) -> None: ...


class Connectivity:
    """The node is offline when ``offline_failures`` queries in a row failed, and no answers came
    from two netgroups (/16s) within ``offline_after_s``.

    Two netgroups, because a single one can be a neighbour behind the same dead uplink, or one
    attacker that sends answers on purpose. ``netgroup`` is that of a public endpoint, and the
    endpoint itself for other addresses.
    """

    __slots__ = ("_answered_at", "_config", "_failures", "online")

    def __init__(self, config: MaintenanceConfig) -> None:
        self._config = config
        self._answered_at: dict[bytes, float] = {}  # the last two netgroups, the older first
        self._failures = 0
        self.online = True

    def answered(self, netgroup: bytes, now: float) -> bool:
        """A matched reply came from ``netgroup``. Returns whether the node is back online by it."""
        put_newest(self._answered_at, netgroup, now, 2)
        self._failures = 0
        came_back = not self.online
        self.online = True
        return came_back

    def failed(self, now: float) -> bool:
        """A query failed. Returns whether the node is offline from now on."""
        self._failures += 1
        if not self.online or self._failures < self._config.offline_failures:
            return False
        since = now - self._config.offline_after_s
        self.online = len(self._answered_at) == 2 and min(self._answered_at.values()) > since
        return not self.online

    def link_changed(self) -> None:
        """The network link of the host changed: earlier answers prove nothing now."""
        self._answered_at.clear()
