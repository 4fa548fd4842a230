"""Getting into the network, and back into it.

Per address family. Whom we knew in the last run is asked at once, and so is everything that the
operator typed: numeric addresses together and each name as soon as it is resolved, so that a dead
name server delays nobody. Other sources follow, each a second after the one before and without
waiting for it, unless that one has led us in by then. What fails is tried again, after a pause that
doubles up to a minute, jittered so that a thousand nodes behind one dead host don't come back in
the same second. When the core finds itself cut off, or alone, it starts anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeAlias

import trio

from ...config import Config
from ...core.contract.events import (
    CameOnline,
    ContactAdded,
    ContactRemoved,
    JoinFinished,
    Outcome,
    WentOffline,
)
from ...core.contract.saved_state import SavedState
from ...endpoints import Endpoint, Family, family_of
from ...errors import Busy, Closed
from ...observe.shell_events import (
    BootstrapFailing,
    BootstrapWorking,
    HostUnresolved,
    LeftAlone,
    NetworkChanged,
)
from ..transport.dispatch import Subscription
from ..transport.nurseries import open_flat_nursery
from ..transport.pump import Pump
from .resolve import Unresolved, parse_host, resolve

Turn: TypeAlias = WentOffline | CameOnline | NetworkChanged | LeftAlone
_LOST: tuple[type[Turn], ...] = (WentOffline, NetworkChanged, LeftAlone)
"""After these, a node that was in looks for the network again."""
_HOPE: tuple[type[Turn], ...] = (CameOnline, NetworkChanged)
"""After these, a node that waits to try again tries at once."""
_NEXT_SOURCE_S = 1.0


class Source:
    """Hosts of one origin, as ``HOST:PORT`` texts; raises UsageError for one that cannot be read."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self.names = [host for host in hosts if parse_host(host) is None]
        self._numeric = [endpoint for host in hosts if (endpoint := parse_host(host)) is not None]

    def __bool__(self) -> bool:
        return bool(self.names or self._numeric)

    def endpoints(self, family: Family) -> list[Endpoint]:
        return [endpoint for endpoint in self._numeric if family_of(endpoint) is family]


class _Try:
    """What one try in one family has come to so far."""

    def __init__(self) -> None:
        self.joins = 0
        self.asked = 0
        """Addresses of hosts."""
        self.verified = 0
        """Contacts in the table when the best of the joins was done; 0 if none was answered."""


class Bootstrap:
    """Joins, and joins again. ``sources`` come in the order in which they are tried; the first one,
    which may be empty, beside the contacts at hand.
    """

    def __init__(
        self, pump: Pump, config: Config, sources: Sequence[Sequence[str]], rng: Random
    ) -> None:
        self._pump = pump
        self._config = config
        self._rng = rng
        first, *others = [Source(hosts) for hosts in sources] or [Source(())]
        self._sources = [first, *filter(None, others)]
        self._unresolved: set[str] = set()
        self._alone: set[Family] = set()
        pump.dispatch.tap(self._note)

    def start(self, nursery: trio.Nursery) -> None:
        for family in self._pump.core.own_ids:
            nursery.start_soon(self._stay_in, family, name=f"kadisc bootstrap {family.value}")

    def _note(self, event: object) -> None:
        if isinstance(event, ContactAdded):
            self._alone.discard(event.contact.family)
        elif isinstance(event, ContactRemoved):
            family = event.contact.family
            if family not in self._alone and not len(self._pump.core.dhts[family].table):
                self._alone.add(family)
                self._pump.publish(LeftAlone(family))

    async def _stay_in(self, family: Family) -> None:
        turns = Subscription[Turn](self._pump.dispatch, (*_LOST, *_HOPE), queue_size=16)
        async with turns:
            # Without hosts there is nobody to insist on: one attempt makes the core serve, and
            # others may come to us.
            await self._get_in(
                family,
                turns,
                insist=self._has_hosts or self._pump.core.has_contacts(family),
            )
            while True:
                await _next_of(_LOST, turns, family)
                await self._get_in(family, turns, insist=True)

    @property
    def _has_hosts(self) -> bool:
        return any(self._sources)

    async def _get_in(self, family: Family, turns: Subscription[Turn], *, insist: bool) -> None:
        # The first host to answer may be as lost as we are. As long as few are known, the others
        # are asked again.
        enough = self._config.core.table.k if self._has_hosts else 1
        pause_s = self._config.bootstrap_retry_s
        failing = False
        while True:
            this_try = await self._try_once(family, enough)
            if this_try.verified >= enough or not insist:
                break
            if this_try.asked and not this_try.verified and not failing:
                failing = True
                self._pump.publish(BootstrapFailing(family, _no_answer_from(this_try.asked)))
            elif this_try.verified and failing:
                failing = False
                self._pump.publish(BootstrapWorking(family))
            with trio.move_on_after(pause_s * self._rng.uniform(0.75, 1.25)) as pause:
                await _next_of(_HOPE, turns, family)
            pause_s = (
                min(2 * pause_s, self._config.bootstrap_retry_max_s)
                if pause.cancelled_caught
                else self._config.bootstrap_retry_s
            )
        if failing:
            self._pump.publish(BootstrapWorking(family))

    async def _try_once(self, family: Family, enough: int) -> _Try:
        """Tries the contacts at hand and every source."""
        this_try = _Try()
        async with open_flat_nursery() as nursery:
            if self._pump.core.has_contacts(family):
                # Apart from the hosts: whoever is dead among those must not keep us from being in.
                nursery.start_soon(self._join, this_try, [], family)
            for number, source in enumerate(self._sources):
                nursery.start_soon(
                    self._ask, this_try, source, family, number * _NEXT_SOURCE_S, enough
                )
        if not this_try.joins:
            # Nobody to ask, for now. Whoever asks us may be a way in, and is let in after a join,
            # not before (restart eclipse).
            await self._join(this_try, [], family)
        return this_try

    async def _ask(
        self, this_try: _Try, source: Source, family: Family, delay_s: float, enough: int
    ) -> None:
        async def join_name(host: str) -> None:
            if endpoints := await self._resolved(host, family):
                await self._join(this_try, endpoints, family)

        await trio.sleep(delay_s)
        if delay_s and this_try.verified >= enough:
            return
        async with open_flat_nursery() as nursery:
            if numeric := source.endpoints(family):
                nursery.start_soon(self._join, this_try, numeric, family)
            for host in source.names:
                nursery.start_soon(join_name, host)

    async def _join(self, this_try: _Try, endpoints: Sequence[Endpoint], family: Family) -> None:
        this_try.joins += 1
        this_try.asked += len(endpoints)
        try:
            with self._pump.operation(
                lambda now: self._pump.core.join(endpoints, now, family=family)
            ) as waiter:
                finished = await waiter.wait()
        except (Busy, Closed):
            await trio.lowlevel.checkpoint()
            return
        assert isinstance(finished, JoinFinished)
        if finished.outcome is Outcome.DONE:
            this_try.verified = max(this_try.verified, finished.verified)

    async def _resolved(self, host: str, family: Family) -> list[Endpoint]:
        try:
            endpoints = await resolve(host, self._config.resolve_timeout_s)
        except Unresolved as error:
            # Once for both families and all tries.
            if host not in self._unresolved:
                self._unresolved.add(host)
                self._pump.publish(HostUnresolved(host, str(error)))
            return []
        self._unresolved.discard(host)
        return [endpoint for endpoint in endpoints if family_of(endpoint) is family]


def _no_answer_from(asked: int) -> str:
    return (
        f"no answer from any of {asked} bootstrap addresses"
        if asked > 1
        else "no answer from the bootstrap address"
    )


async def _next_of(
    kinds: tuple[type[Turn], ...], turns: Subscription[Turn], family: Family
) -> None:
    async for turn in turns:
        if isinstance(turn, kinds) and (isinstance(turn, NetworkChanged) or turn.family is family):
            return
    await trio.sleep_forever()  # the node is closing, and will cancel us


def sources_of(config: Config, given: Sequence[str], saved: SavedState) -> list[Sequence[str]]:
    """Where to join, by source: each is tried a second after the one before. What was typed for
    this run is for whoever wants that and no other.
    """
    if given:
        return [[*config.peers, *given]]
    others = [hosts for hosts in (config.bootstrap, config.routers) if hosts]
    if config.peers or any(dht.contacts for dht in saved.dhts):
        return [config.peers, *others]
    return list(others)
