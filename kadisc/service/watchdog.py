"""The tasks that tell the service manager how the node is: a line of status, and the beat that the
manager's watchdog waits for.

Both are tasks of the event loop of the node, so that a loop that stands still sends nothing. The
beat is withheld as well while the node does not do its work, though the loop turns.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio

from ..core.snapshot import Snapshot
from ..net.transport.nurseries import open_flat_nursery
from ..observe.describe import count, family_name
from .notify import Notifier

STATUS_S: Final = 5.0
"""How often the status is looked at; it is sent where it differs."""
_UNWELL_S: Final = 1.0
"""How soon a node that does not work is looked at again."""


@asynccontextmanager
async def told(
    notifier: Notifier, status: Callable[[], str], works: Callable[[], bool]
) -> AsyncIterator[None]:
    """Tells the manager that the node is ready, how it is while the block is open, and that it
    stops. ``works``: whether the node does its work at this moment.
    """
    if not notifier.is_wanted:
        yield
        return
    try:
        async with open_flat_nursery() as nursery:
            notifier.ready()
            nursery.start_soon(_tell_status, notifier, status)
            if notifier.watchdog_s is not None:
                nursery.start_soon(_beat, notifier, notifier.watchdog_s / 2, works)
            yield
            nursery.cancel_scope.cancel()
    finally:
        notifier.stopping()


async def _tell_status(notifier: Notifier, status: Callable[[], str]) -> None:
    while True:
        notifier.status(status())
        await trio.sleep(STATUS_S)


async def _beat(notifier: Notifier, every_s: float, works: Callable[[], bool]) -> None:
    while True:
        if works():
            notifier.alive()
            await trio.sleep(every_s)
        else:
            await trio.sleep(min(_UNWELL_S, every_s))


def status_words(snapshot: Snapshot) -> str:
    """``joined, 214 contacts, 12 peers``; by address family where they differ in it."""
    states = {each.family: _state(each.joined, each.online) for each in snapshot.dhts}
    if len(set(states.values())) == 1:
        words = next(iter(states.values()))
    else:
        words = ", ".join(f"{family_name(family)} {state}" for family, state in states.items())
    contacts = count(sum(each.contacts for each in snapshot.dhts), "contact")
    network = snapshot.peer_network
    peers = f", {count(network.online, 'peer')}" if network is not None else ""
    return f"{words}, {contacts}{peers}"


def _state(joined: bool, online: bool) -> str:
    if joined and not online:
        return "offline"
    return "joined" if joined else "joining"
