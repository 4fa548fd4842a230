"""Static peers: the core keeps their endpoints, and this module follows the names among them."""

from __future__ import annotations

from collections.abc import Iterable
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
    """Starts with the peers of ``config.peer``. Raises UsageError for one that cannot be read."""

    def __init__(self, pump: Pump, config: Config, rng: Random) -> None:
        self._pump = pump
        self._config = config
        self._rng = rng
        self._wanted = tuple(dict.fromkeys(config.peer))
        for peer in self._wanted:
            parse_host(peer)
        self._found: dict[str, tuple[Endpoint, ...]] = {}
        """The endpoints of each peer that are in the core."""
        self._followed: dict[str, trio.CancelScope] = {}
        """The tasks of those that are names."""
        self._nursery: trio.Nursery | None = None

    def start(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.keep(self._wanted)

    def keep(self, peers: Iterable[str]) -> None:
        """Keeps these HOST:PORT, and no others, from now on; before `start`, from then on."""
        self._wanted = tuple(dict.fromkeys(peers))
        if self._nursery is None:
            return
        for peer in [each for each in self._found if each not in self._wanted]:
            self._place(peer, ())
            del self._found[peer]
            if (scope := self._followed.pop(peer, None)) is not None:
                scope.cancel()
        for peer in self._wanted:
            if peer in self._found:
                continue
            self._found[peer] = ()
            if (endpoint := parse_host(peer)) is not None:
                self._place(peer, (endpoint,))
            else:
                scope = self._followed[peer] = trio.CancelScope()
                self._nursery.start_soon(self._follow, peer, scope, name=f"kadisc peer {peer}")
        self._pump.flush()

    def endpoints_of(self, peer: str) -> tuple[Endpoint, ...]:
        """Where a peer is; empty where its name has no address yet."""
        return self._found.get(peer, ())

    async def _follow(self, name: str, scope: trio.CancelScope) -> None:
        """Keeps the endpoints of one name in the core up to date."""
        retry_s = _RETRY_S
        failing = False
        with scope:
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
                    self._place(name, found)
                    self._pump.flush()
                await trio.sleep(pause_s * self._rng.uniform(0.75, 1.25))

    def _place(self, peer: str, found: tuple[Endpoint, ...]) -> None:
        """Several peers may be at one endpoint, which stays until none of them is."""
        before = self._found[peer]
        elsewhere = {each for other, at in self._found.items() if other != peer for each in at}
        self._found[peer] = found
        core = self._pump.core
        for endpoint in before:
            if endpoint not in found and endpoint not in elsewhere:
                core.remove_static_peer(endpoint)
        for endpoint in found:
            if endpoint not in before and endpoint not in elsewhere:
                core.add_static_peer(endpoint, self._pump.now())
