"""Static peers: the core keeps their endpoints, and this module follows the names among them."""

from __future__ import annotations

from random import Random

import trio

from ...config import Config
from ...endpoints import Endpoint
from ...observe.shell_events import HostUnresolved
from ..transport.pump import Pump
from .resolve import Unresolved, parse_host, resolve

_RESOLVE_AGAIN_S = 300.0
"""The pause between two resolutions of a name: it may get another address (dynamic DNS)."""
_RETRY_S = 5.0
"""The pause after a name that could not be resolved; it doubles up to `_RESOLVE_AGAIN_S`."""


class StaticPeerResolver:
    """The peers of ``config.peer``. Raises UsageError for one that cannot be read."""

    def __init__(self, pump: Pump, config: Config, rng: Random) -> None:
        self._pump = pump
        self._config = config
        self._rng = rng
        self._numeric = [
            endpoint for peer in config.peer if (endpoint := parse_host(peer)) is not None
        ]
        self._names = [peer for peer in config.peer if parse_host(peer) is None]

    def start(self, nursery: trio.Nursery) -> None:
        for endpoint in self._numeric:
            self._add(endpoint)
        self._pump.flush()
        for name in self._names:
            nursery.start_soon(self._follow, name, name=f"kadisc peer {name}")

    async def _follow(self, name: str) -> None:
        """Keeps the endpoints of one name in the core up to date."""
        kept: tuple[Endpoint, ...] = ()
        retry_s = _RETRY_S
        failing = False
        while True:
            pause_s = _RESOLVE_AGAIN_S
            try:
                found = await resolve(name, self._config.resolve_timeout_s)
            except Unresolved as error:
                # The former endpoints are kept until the name has others.
                pause_s = retry_s
                retry_s = min(2 * retry_s, _RESOLVE_AGAIN_S)
                if not failing:
                    failing = True
                    self._pump.publish(HostUnresolved(name, str(error)))
            else:
                retry_s = _RETRY_S
                failing = False
                for endpoint in kept:
                    if endpoint not in found and endpoint not in self._numeric:
                        self._pump.core.remove_static_peer(endpoint)
                for endpoint in found:
                    if endpoint not in kept:
                        self._add(endpoint)
                kept = found
                self._pump.flush()
            await trio.sleep(pause_s * self._rng.uniform(0.75, 1.25))

    def _add(self, endpoint: Endpoint) -> None:
        self._pump.core.add_static_peer(endpoint, self._pump.now())
