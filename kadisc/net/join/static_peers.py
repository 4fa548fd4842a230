"""Peers that the operator wants to be kept: the core keeps endpoints, and the names are followed
here.
"""

from __future__ import annotations

from random import Random

import trio

from ...config import Config
from ...endpoints import Endpoint, family_of
from ...observe.shell_events import HostUnresolved
from ..transport.pump import Pump
from .resolve import Unresolved, parse_host, resolve

_LOOK_AGAIN_S = 300.0
"""A name may come to mean another address: homes have such names."""
_RETRY_S = 5.0
"""After a name that could not be resolved; doubled up to the above."""


class KeptPeers:
    """``config.peers``; raises UsageError for one that cannot be read."""

    def __init__(self, pump: Pump, config: Config, rng: Random) -> None:
        self._pump = pump
        self._config = config
        self._rng = rng
        self._numeric = [
            endpoint for peer in config.peers if (endpoint := parse_host(peer)) is not None
        ]
        self._names = [peer for peer in config.peers if parse_host(peer) is None]

    def start(self, nursery: trio.Nursery) -> None:
        for endpoint in self._numeric:
            self._pin(endpoint)
        self._pump.flush()
        for name in self._names:
            nursery.start_soon(self._follow, name, name=f"kadisc peer {name}")

    async def _follow(self, name: str) -> None:
        pinned: tuple[Endpoint, ...] = ()
        retry_s, failing = _RETRY_S, False
        while True:
            pause_s = _LOOK_AGAIN_S
            try:
                found = await resolve(name, self._config.resolve_timeout_s)
            except Unresolved as error:
                # What it meant before is kept until it means something else.
                pause_s, retry_s = retry_s, min(2 * retry_s, _LOOK_AGAIN_S)
                if not failing:
                    failing = True
                    self._pump.publish(HostUnresolved(name, str(error)))
            else:
                retry_s, failing = _RETRY_S, False
                for endpoint in pinned:
                    if endpoint not in found and endpoint not in self._numeric:
                        self._unpin(endpoint)
                for endpoint in found:
                    if endpoint not in pinned:
                        self._pin(endpoint)
                pinned = found
                self._pump.flush()
            await trio.sleep(pause_s * self._rng.uniform(0.75, 1.25))

    def _pin(self, endpoint: Endpoint) -> None:
        if (dht := self._pump.core.dhts.get(family_of(endpoint))) is not None:
            dht.parts.static_peers.add(endpoint, self._pump.now())

    def _unpin(self, endpoint: Endpoint) -> None:
        if (dht := self._pump.core.dhts.get(family_of(endpoint))) is not None:
            dht.parts.static_peers.remove(endpoint)
