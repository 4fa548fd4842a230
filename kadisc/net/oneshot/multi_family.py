"""How a node gets to a place in the ID space, over every family: from whom it knows; and a node of
a moment, with an empty table, from whom the last run knew and from the bootstrap hosts.

No join comes first: the way from any node to the target is as short as the way to the own ID.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import trio

from ...core.contract.events import NodeAnswered
from ...endpoints import Endpoint, Family
from ...ids import NodeId, shared_prefix_bits
from ..api.node import Node
from ..api.results import Answers, FoundPeers
from ..transport.dispatch import Subscription
from ..transport.nurseries import open_flat_nursery
from .host_resolver import WayIn

_HEAD_START_S = 0.5
"""When one family is done, another that has not heard from anybody gets as long again and this much
more.
"""
_AFTER_THOSE_KNOWN_S = 1.0
"""Hosts are asked so much later than contacts of the last run."""


class MultiFamilyLookup(ABC):
    """One thing to be done near ``target``, once in each family of the node."""

    def __init__(self, node: Node, target: NodeId) -> None:
        self.node = node
        self.target = target
        self.started = trio.current_time()
        self.answered = 0
        """Answers in all."""
        self.closest: NodeId | None = None
        """The closest node so far."""
        self.asked = 0
        """Bootstrap endpoints that it began at."""
        self._followed: list[Answers | FoundPeers] = []
        self._enough = trio.CancelScope()
        self._heard = {family: trio.Event() for family in node.own_ids}

    @abstractmethod
    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        """Does it in one family, from the contacts at hand and ``seeds``; False if nobody was
        there.
        """

    def enough(self) -> None:
        """It has what it wants: nothing goes on in any family."""
        self._enough.cancel()

    @property
    def elapsed_s(self) -> float:
        return trio.current_time() - self.started

    def follow(self, lookup: Answers | FoundPeers) -> None:
        """Counts what happens in it as its own: a node that stays has other lookups too."""
        self._followed.append(lookup)

    async def walk(self, lookup: AbstractAsyncContextManager[Answers]) -> Answers:
        """Follows it to its end."""
        async with lookup as answers:
            self.follow(answers)
            async for _ in answers:
                pass
        return answers

    @property
    def queries(self) -> int:
        """Datagrams sent so far for it, retransmissions included."""
        running = {each.operation: each.queries for each in self.node.operations()}
        return sum(
            lookup.queries + sum(running.get(operation, 0) for operation in lookup.operations)
            for lookup in self._followed
        )

    @property
    def closest_bits(self) -> int | None:
        """How many leading bits the closest node that answered shares with the target."""
        return None if self.closest is None else shared_prefix_bits(self.closest, self.target)

    async def run(self, sources: Sequence[Sequence[str]], timeout_s: float) -> WayIn:
        """Until it is done in every family, or nobody is left to ask there. ``sources`` of hosts
        follow one another.
        """
        knows_anyone = any(self.node.knows_anyone(family) for family in self.node.own_ids)
        async with self.node.subscribe(NodeAnswered) as answers, open_flat_nursery() as nursery:
            nursery.start_soon(self._listen, answers)
            host_resolver = WayIn(
                nursery, sources, timeout_s, delay_s=_AFTER_THOSE_KNOWN_S if knows_anyone else 0.0
            )
            done = trio.Event()
            with self._enough:
                async with open_flat_nursery() as families:
                    for family in self.node.own_ids:
                        families.start_soon(self._approach, family, host_resolver, done)
            nursery.cancel_scope.cancel()
        return host_resolver

    async def _approach(self, family: Family, host_resolver: WayIn, done: trio.Event) -> None:
        heard, asking = self._heard[family], trio.Event()
        async with open_flat_nursery() as nursery:

            async def try_from(seeds: Sequence[Endpoint]) -> None:
                asking.set()
                if await self.attempt(family, seeds):
                    done.set()
                    nursery.cancel_scope.cancel()

            nursery.start_soon(self._give_up, done, asking, heard, nursery.cancel_scope)
            async with open_flat_nursery() as attempts:
                if self.node.knows_anyone(family):
                    attempts.start_soon(try_from, ())
                known = 0
                while seeds := await host_resolver.more(family, known):
                    if heard.is_set():
                        break  # whoever answered leads on
                    known += len(seeds)
                    self.asked += len(seeds)
                    attempts.start_soon(try_from, seeds)
            nursery.cancel_scope.cancel()

    async def _give_up(
        self, done: trio.Event, asking: trio.Event, heard: trio.Event, scope: trio.CancelScope
    ) -> None:
        """A host may have addresses in a family that leads nowhere from here, or none: nobody
        should wait for its time-outs then.
        """
        await done.wait()
        if asking.is_set():
            await trio.sleep(self.elapsed_s + _HEAD_START_S)
        if not heard.is_set():
            scope.cancel()

    async def _listen(self, answers: Subscription[NodeAnswered]) -> None:
        async for event in answers:
            if not any(event.operation in lookup.operations for lookup in self._followed):
                continue
            node_id, family = event.node.contact.id, event.node.contact.family
            self.answered += 1
            self._heard[family].set()
            if self.closest is None or node_id ^ self.target < self.closest ^ self.target:
                self.closest = node_id
