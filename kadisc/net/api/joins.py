"""Waiting until the node has joined the DHT, or is closed."""

from __future__ import annotations

import trio

from ...core.contract.events import Joined
from ...endpoints import Family
from ...errors import Closed
from ..transport.pump import Pump
from .lookups import Lookups


class Joins:
    """In which address families the node has joined."""

    def __init__(self, pump: Pump, lookups: Lookups) -> None:
        self._lookups = lookups
        self._joined: set[Family] = set()
        self._events = {family: trio.Event() for family in lookups.families}
        self._any = trio.Event()
        pump.dispatch.tap(self._note)

    async def wait(self, family: Family | None = None) -> None:
        """Returns once the node has joined in this family, or in any. Raises UsageError where the
        node has no socket for it, and Closed where the node was closed before it joined.
        """
        event = self._any if family is None else self._events[self._lookups.served(family)]
        await event.wait()
        if not (self._joined if family is None else family in self._joined):
            raise Closed("the node was closed before it joined")

    def close(self) -> None:
        """Ends every wait: the node will not join any more."""
        for event in (self._any, *self._events.values()):
            event.set()

    def _note(self, event: object) -> None:
        if isinstance(event, Joined):
            self._joined.add(event.family)
            self._events[event.family].set()
            self._any.set()
