"""Are we cut off? Then nobody's silence is his own fault.

Without this, a pulled cable empties the table in a few minutes, and the node comes back to nothing.
Evidence of being online is a matched reply, nothing else: anybody can send us anything else.
"""

from __future__ import annotations

from typing import Protocol

from ...config import MaintenanceConfig


class ConnectivityRule(Protocol):
    @property
    def online(self) -> bool: ...

    def heard(self, network: bytes, now: float) -> bool: ...

    def missed(self, now: float) -> bool: ...

    def doubt(self) -> None: ...


class Connectivity:
    """Offline = so many queries in a row failed, and for ``offline_after_s`` nothing was heard from
    two networks (/16s).

    Two, because a single one can be a neighbour behind the same dead uplink, or one attacker who
    feeds us. ``network`` is the wide prefix of a public endpoint, and the endpoint itself for
    others.
    """

    __slots__ = ("_config", "_heard", "_missed", "online")

    def __init__(self, config: MaintenanceConfig) -> None:
        self._config = config
        self._heard: dict[bytes, float] = {}  # the two networks heard last, the older first
        self._missed = 0
        self.online = True

    def heard(self, network: bytes, now: float) -> bool:
        """A matched reply came from ``network``; True if we are back online by it."""
        self._heard.pop(network, None)
        self._heard[network] = now
        if len(self._heard) > 2:
            del self._heard[next(iter(self._heard))]
        self._missed = 0
        came_back = not self.online
        self.online = True
        return came_back

    def missed(self, now: float) -> bool:
        """A query failed; True if we are offline from now on."""
        self._missed += 1
        if not self.online or self._missed < self._config.offline_failures:
            return False
        heard_from_two = (
            len(self._heard) == 2 and min(self._heard.values()) > now - self._config.offline_after_s
        )
        self.online = heard_from_two
        return not self.online

    def doubt(self) -> None:
        """The link changed: what was heard before proves nothing now."""
        self._heard.clear()


class AlwaysOnline:
    """What offline detection is measured against."""

    __slots__ = ()
    online = True

    def heard(self, network: bytes, now: float) -> bool:
        return False

    def missed(self, now: float) -> bool:
        return False

    def doubt(self) -> None:
        pass
