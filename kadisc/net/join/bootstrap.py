"""Joining the DHT, and joining it again.

Each address family joins by itself. The contacts of the last run are asked at once, and so is
everything that the operator gave: numeric addresses together, each name as soon as it is resolved,
so that a dead name server delays nothing else. Other sources follow, each a second after the one
before and without waiting for it, unless the node has joined by then. A failed attempt is repeated
after a pause that doubles up to a minute, and up to ten where some node has answered: the network
may have no more. The pause is jittered, so that a thousand nodes behind one dead host do not return
in the same second. When the core is offline or has no contact left, joining begins again.
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
    NetworkChanged,
    NoContactsLeft,
    NothingToJoin,
)
from ..transport.dispatch import Subscription
from ..transport.nurseries import open_flat_nursery
from ..transport.pump import Pump
from .resolve import Unresolved, parse_host, resolve

ConnectivityEvent: TypeAlias = WentOffline | CameOnline | NetworkChanged | NoContactsLeft
_REJOIN_AFTER: tuple[type[ConnectivityEvent], ...] = (WentOffline, NetworkChanged, NoContactsLeft)
"""The events after which a node that had joined joins again."""
_RETRY_AFTER: tuple[type[ConnectivityEvent], ...] = (CameOnline, NetworkChanged, NoContactsLeft)
"""The events after which a node that waits for its next attempt makes it at once."""
_WITH_ANSWERS = 10
"""The pause between two attempts grows to so many times ``bootstrap_retry_max_s`` where nodes
answer, and are fewer than the node would like to know.
"""
_NEXT_SOURCE_S = 1.0
"""The pause between one source of hosts and the next."""


class BootstrapSource:
    """Hosts of one origin, from ``HOST:PORT`` texts. Raises UsageError for one that cannot be
    read.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self.names = [host for host in hosts if parse_host(host) is None]
        self._numeric = [endpoint for host in hosts if (endpoint := parse_host(host)) is not None]

    def __bool__(self) -> bool:
        return bool(self.names or self._numeric)

    def endpoints(self, family: Family) -> list[Endpoint]:
        return [endpoint for endpoint in self._numeric if family_of(endpoint) is family]


class _Attempt:
    """What one attempt in one family has come to so far."""

    def __init__(self) -> None:
        self.joins = 0
        """Joins started in the core."""
        self.asked = 0
        """Endpoints of bootstrap hosts that were asked."""
        self.verified = 0
        """Contacts in the table after the best of the joins; 0 where none was answered."""


class Bootstrap:
    """Keeps a node joined. ``sources`` of ``HOST:PORT`` texts are tried in their order; the first
    one, which may be empty, together with the contacts of the last run.
    """

    def __init__(
        self, pump: Pump, config: Config, sources: Sequence[Sequence[str]], rng: Random
    ) -> None:
        self._pump = pump
        self._config = config
        self._rng = rng
        # The first source keeps its place when it is empty: the second one comes a second later.
        all_sources = [BootstrapSource(hosts) for hosts in sources]
        self._sources = all_sources[:1] + [source for source in all_sources[1:] if source]
        self._unresolved: set[str] = set()
        self._without_contacts: set[Family] = set()
        pump.dispatch.tap(self._note)

    def start(self, nursery: trio.Nursery) -> None:
        for family in self._pump.core.own_ids:
            nursery.start_soon(self._keep_joined, family, name=f"kadisc bootstrap {family.value}")
        if self.waits_for_contact:
            nursery.start_soon(self._tell_of_waiting, name="kadisc bootstrap")

    @property
    def waits_for_contact(self) -> bool:
        """Whether the node knows no node to join by, and none that it could ask."""
        core = self._pump.core
        return not self._has_hosts and not any(map(core.has_contacts, core.own_ids))

    async def _tell_of_waiting(self) -> None:
        # By then a program has subscribed to events, and a node that joins by this one has come.
        await trio.sleep(_NEXT_SOURCE_S)
        if self.waits_for_contact:
            self._pump.publish(NothingToJoin())

    def _note(self, event: object) -> None:
        if isinstance(event, ContactAdded):
            self._without_contacts.discard(event.contact.family)
        elif isinstance(event, ContactRemoved):
            family = event.contact.family
            if family not in self._without_contacts and not self._pump.core.contact_count(family):
                self._without_contacts.add(family)
                self._pump.publish(NoContactsLeft(family))

    async def _keep_joined(self, family: Family) -> None:
        events = Subscription[ConnectivityEvent](
            self._pump.dispatch, (*_REJOIN_AFTER, *_RETRY_AFTER), queue_size=16
        )
        async with events:
            # Without hosts and contacts one attempt is enough: it makes the core serve, and other
            # nodes may contact this one.
            await self._join_family(
                family,
                events,
                insist=self._has_hosts or self._pump.core.has_contacts(family),
            )
            while True:
                await _next_of(_REJOIN_AFTER, events, family)
                await self._join_family(family, events, insist=True)

    @property
    def _has_hosts(self) -> bool:
        return any(self._sources)

    async def _join_family(
        self, family: Family, events: Subscription[ConnectivityEvent], *, insist: bool
    ) -> None:
        """Makes attempts until enough contacts are verified; one attempt without ``insist``."""
        # The first host to answer may have no contacts either. While the table has few, the other
        # hosts are asked again.
        enough = self._config.core.table.k if self._has_hosts else 1
        pause_s = self._config.bootstrap_retry_s
        failing = False
        while True:
            refused_before = self._pump.refused[family]
            attempt = await self._attempt(family, enough)
            if attempt.verified >= enough or not insist:
                break
            if attempt.asked and not attempt.verified and not failing:
                failing = True
                is_refused = self._pump.refused[family] - refused_before >= attempt.asked
                self._pump.publish(
                    BootstrapFailing(family, _no_answer_from(attempt.asked, is_refused=is_refused))
                )
            elif attempt.verified and failing:
                failing = False
                self._pump.publish(BootstrapWorking(family))
            longest_s = self._config.bootstrap_retry_max_s
            if attempt.verified:
                longest_s *= _WITH_ANSWERS
            started_at = trio.current_time()
            with trio.move_on_after(min(pause_s, longest_s) * self._rng.uniform(0.75, 1.25)):
                await _next_of(_RETRY_AFTER, events, family)
            # A link that comes and goes ends one pause after the other: only a long one that was
            # cut short begins anew.
            if trio.current_time() < started_at + 0.75 * min(pause_s, longest_s) and (
                pause_s >= self._config.bootstrap_retry_max_s
            ):
                pause_s = self._config.bootstrap_retry_s
            else:
                pause_s = min(2 * pause_s, longest_s)
        if failing:
            self._pump.publish(BootstrapWorking(family))

    async def _attempt(self, family: Family, enough: int) -> _Attempt:
        """Tries the known contacts and every source."""
        attempt = _Attempt()
        async with open_flat_nursery() as nursery:
            if self._pump.core.has_contacts(family):
                # In a join of its own: a bootstrap host that does not answer must not delay it.
                nursery.start_soon(self._join, attempt, [], family)
            for number, source in enumerate(self._sources):
                nursery.start_soon(
                    self._ask, attempt, source, family, number * _NEXT_SOURCE_S, enough
                )
        if not attempt.joins:
            # No node can be asked now. A node that queries this one may lead into the network; the
            # table takes it in after a join, not before (defence against a restart eclipse).
            await self._join(attempt, [], family)
        return attempt

    async def _ask(
        self,
        attempt: _Attempt,
        source: BootstrapSource,
        family: Family,
        delay_s: float,
        enough: int,
    ) -> None:
        async def join_name(host: str) -> None:
            if endpoints := await self._resolved(host, family):
                await self._join(attempt, endpoints, family)

        await trio.sleep(delay_s)
        if delay_s and attempt.verified >= enough:
            return
        async with open_flat_nursery() as nursery:
            if numeric := source.endpoints(family):
                nursery.start_soon(self._join, attempt, numeric, family)
            for host in source.names:
                nursery.start_soon(join_name, host)

    async def _join(self, attempt: _Attempt, endpoints: Sequence[Endpoint], family: Family) -> None:
        attempt.joins += 1
        attempt.asked += len(endpoints)
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
            attempt.verified = max(attempt.verified, finished.verified)

    async def _resolved(self, host: str, family: Family) -> list[Endpoint]:
        try:
            endpoints = await resolve(host, self._config.resolve_timeout_s)
        except Unresolved as error:
            # One event for both families and all attempts.
            if host not in self._unresolved:
                self._unresolved.add(host)
                self._pump.publish(HostUnresolved(host, str(error)))
            return []
        self._unresolved.discard(host)
        return [endpoint for endpoint in endpoints if family_of(endpoint) is family]


def _no_answer_from(asked: int, *, is_refused: bool) -> str:
    if is_refused:
        addresses = "any bootstrap address" if asked > 1 else "the bootstrap address"
        return f"this machine has no route to {addresses}"
    return (
        f"no answer from any of {asked} bootstrap addresses"
        if asked > 1
        else "no answer from the bootstrap address"
    )


async def _next_of(
    kinds: tuple[type[ConnectivityEvent], ...],
    events: Subscription[ConnectivityEvent],
    family: Family,
) -> None:
    async for event in events:
        concerned = event.families if isinstance(event, NetworkChanged) else (event.family,)
        if isinstance(event, kinds) and family in concerned:
            return
    await trio.sleep_forever()  # the node is closing and cancels this task


def sources_of(config: Config, given: Sequence[str], saved: SavedState) -> list[Sequence[str]]:
    """The hosts to join by, as sources that are tried one after the other. Hosts that were
    ``given`` for this run replace those of the configuration.
    """
    if given:
        return [[*config.peer, *given]]
    others = [hosts for hosts in (config.bootstrap, config.routers) if hosts]
    if config.peer or any(dht.contacts for dht in saved.dhts):
        return [config.peer, *others]
    return list(others)
