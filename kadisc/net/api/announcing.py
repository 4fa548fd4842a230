"""Announcing a peer under an info-hash (BEP 5), once or for as long as a program wants it found:
other nodes forget an announce after half an hour.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Protocol

import trio

from ...contacts import Contact
from ...core.contract.events import AnnounceFinished, Outcome, StoreRefusal
from ...core.contract.times import jittered
from ...endpoints import Endpoint, Family
from ...errors import Busy, Closed, ErrorAnswer, NoAnswer, QueryFailed, UsageError
from ..transport.nurseries import open_flat_nursery
from ..transport.pump import Pump
from .arguments import EndpointLike, IdLike, endpoint_from, parse_target
from .lookups import NO_CONTACTS
from .storing import Follow, finish_storing

_JITTER = 0.1
"""The share by which a pause is longer or shorter, at random."""
_RETRY_S = 30.0
"""The pause after an announce that no node stored; it doubles with each failure, up to the
interval.
"""


@dataclass(frozen=True, slots=True)
class Announced:
    """One announce. ``stored``: the nodes that confirmed it; ``peers``: other peers that were
    announced there; ``queries``: datagrams sent; ``refused``: the nodes that answered with an
    error; ``unanswered``: those that did not answer when they were asked to store it.
    """

    stored: tuple[Contact, ...]
    peers: tuple[Endpoint, ...]
    queries: int
    refused: tuple[StoreRefusal, ...] = ()
    unanswered: tuple[Contact, ...] = ()


async def announce_once(
    pump: Pump,
    info_hash: IdLike,
    port: int,
    *,
    family: Family,
    implied_port: bool,
    seeds: Sequence[EndpointLike],
    follow: Follow | None = None,
) -> Announced:
    """One announce in one family. Raises UsageError, Busy, Closed, and where no node stored it
    ErrorAnswer, if one refused, or NoAnswer.
    """
    target = parse_target(info_hash)
    if not 0 < port < 65536:
        raise UsageError(f"a port is 1 to 65535, not {port}")
    endpoints = [endpoint_from(seed) for seed in seeds]
    finished = await finish_storing(
        pump,
        lambda now: pump.core.announce(
            target, port, now, family=family, implied_port=implied_port, seeds=endpoints
        ),
        follow,
    )
    assert isinstance(finished, AnnounceFinished)
    if not finished.stored:
        if finished.refused:
            raise ErrorAnswer(finished.refused[0].code, finished.refused[0].text)
        no_contacts = finished.outcome is Outcome.NO_CONTACTS
        raise NoAnswer(NO_CONTACTS if no_contacts else "no node has stored the announce")
    return Announced(
        finished.stored, finished.peers, finished.queries, finished.refused, finished.unanswered
    )


class HasStored(Protocol):
    """What an announce or a put returns."""

    @property
    def stored(self) -> tuple[Contact, ...]: ...


class Announcement:
    """A peer, or an item, that the node stores again and again, in each of its address families."""

    def __init__(
        self, announce: Callable[[Family], Awaitable[HasStored]], interval_s: float, rng: Random
    ) -> None:
        self._announce = announce
        self._interval_s = interval_s
        self._rng = rng
        self._stored_or_closed = trio.Event()
        self.stored: dict[Family, tuple[Contact, ...]] = {}
        """The nodes that stored it the last time, by family."""
        self.announces = 0
        """How often at least one node stored it."""
        self.failures = 0
        """How often no node stored it, or it could not be sent."""
        self.last_error: str | None = None
        """The text of the last failure."""

    async def first(self) -> None:
        """Returns once a node has stored it for the first time. Raises Closed where the node is
        closed, or it is not to be stored any more, before.
        """
        await self._stored_or_closed.wait()
        if not self.announces:
            raise Closed("it was ended, or the node was closed, before a node stored it")

    def close(self) -> None:
        """It is not stored any more: ends every `first`."""
        self._stored_or_closed.set()

    async def keep_up(self, family: Family, joined: Callable[[Family], Awaitable[None]]) -> None:
        """Announces again and again in one family, until it is cancelled or the node is closed."""
        await joined(family)
        retry_s = _RETRY_S
        while True:
            try:
                announced = await self._announce(family)
            except (QueryFailed, Busy) as error:
                self.failures += 1
                self.last_error = str(error)
                pause_s = min(retry_s, self._interval_s)
                retry_s *= 2
            else:
                self.announces += 1
                self.stored[family] = announced.stored
                self._stored_or_closed.set()
                pause_s = self._interval_s
                retry_s = _RETRY_S
            await trio.sleep(jittered(pause_s, _JITTER, self._rng))


@asynccontextmanager
async def kept_up(
    announcement: Announcement,
    families: Sequence[Family],
    joined: Callable[[Family], Awaitable[None]],
) -> AsyncIterator[None]:
    """Keeps an announcement up in every family for as long as the block is open."""
    async with open_flat_nursery() as nursery:
        for family in families:
            nursery.start_soon(announcement.keep_up, family, joined)
        try:
            yield
        finally:
            announcement.close()
        nursery.cancel_scope.cancel()
