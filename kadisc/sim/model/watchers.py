"""The interface of watchers: oracles, traces and counters that see everything and change
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...core.contract.events import Datagram, Event
from ...endpoints import Endpoint
from .host import Host


class Watcher(Protocol):
    def sent(self, host: Host, outbox: Sequence[Datagram], now: float) -> None: ...

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None: ...

    def happened(self, host: Host, events: Sequence[Event], now: float) -> None: ...


class CoreCaller(Protocol):
    """``now``: on the clock of the node."""

    def receive(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None: ...

    def tick(self, host: Host, now: float) -> None: ...
