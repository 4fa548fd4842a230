"""One thing that is done near a target in every address family. A running node begins at its own
contacts; a temporary node with an empty table begins at the contacts of the last run and at the
bootstrap hosts.

No join comes first: from any node the target is as few hops away as the own ID.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import trio

from ...core.contract.events import NodeAnswered, OperationId
from ...endpoints import Endpoint, Family
from ...ids import NodeId, shared_prefix_bits
from ..api.node import Node
from ..api.results import Answers, FoundPeers
from ..api.storing import Storing
from ..transport.dispatch import Subscription
from ..transport.nurseries import open_flat_nursery
from .host_resolver import HostResolver

_HEAD_START_S = 0.5
"""When one family is done, a family in which no node has answered gets as long again, and this much
more.
"""
_HOSTS_AFTER_CONTACTS_S = 1.0
"""Bootstrap hosts are asked so much later than contacts of the last run."""


Followed: TypeAlias = Answers | FoundPeers | Storing


class MultiFamilyLookup(ABC):
    """Does one thing near ``target``, once in each family of the node. A subclass says what, in
    `attempt`.
    """

    def __init__(self, node: Node, target: NodeId) -> None:
        self.node = node
        self.target = target
        self.started = trio.current_time()
        self.answered = 0
        """Answers so far."""
        self.closest: NodeId | None = None
        """The ID of the closest node that has answered."""
        self.asked = 0
        """Bootstrap endpoints that the lookups began at."""
        self._followed: list[Followed] = []
        self._scope = trio.CancelScope()
        self._first_answer = {family: trio.Event() for family in node.own_ids}

    @abstractmethod
    async def attempt(self, family: Family, seeds: Sequence[Endpoint]) -> bool:
        """Does it in one family, beginning at the known contacts and ``seeds``. False where no node
        answered.
        """

    def finish(self) -> None:
        """Ends it in every family: the result is complete."""
        self._scope.cancel()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return trio.current_time() - self.started

    def follow(self, lookup: Followed) -> None:
        """Counts the answers and datagrams of this lookup; a running node has other lookups too."""
        self._followed.append(lookup)

    @property
    def has_reached_network(self) -> bool:
        """Whether a node has answered."""
        return self.answered > 0

    def is_followed(self, operation: OperationId) -> bool:
        """Whether the operation is a lookup of this search."""
        return any(operation in lookup.operations for lookup in self._followed)

    async def follow_to_end(self, lookup: AbstractAsyncContextManager[Answers]) -> Answers:
        """Runs a lookup to its end."""
        async with lookup as answers:
            self.follow(answers)
            async for _ in answers:
                pass
        return answers

    @property
    def queries(self) -> int:
        """Datagrams sent so far, retransmissions included."""
        running = {each.operation: each.queries for each in self.node.operations()}
        return sum(
            lookup.queries + sum(running.get(operation, 0) for operation in lookup.operations)
            for lookup in self._followed
        )

    @property
    def closest_bits(self) -> int | None:
        """The number of leading bits that `closest` shares with the target."""
        return None if self.closest is None else shared_prefix_bits(self.closest, self.target)

    async def run(self, sources: Sequence[Sequence[str]], timeout_s: float) -> HostResolver:
        """Returns when it is done in every family, or no node is left to ask there. ``sources`` of
        bootstrap hosts follow one another.
        """
        has_contacts = any(self.node.has_contacts(family) for family in self.node.own_ids)
        async with self.node.subscribe(NodeAnswered) as answers, open_flat_nursery() as nursery:
            nursery.start_soon(self._listen, answers)
            delay_s = _HOSTS_AFTER_CONTACTS_S if has_contacts else 0.0
            host_resolver = HostResolver(nursery, sources, timeout_s, delay_s=delay_s)
            done = trio.Event()
            with self._scope:
                async with open_flat_nursery() as families:
                    for family in self.node.own_ids:
                        families.start_soon(self._run_in, family, host_resolver, done)
            nursery.cancel_scope.cancel()
        return host_resolver

    async def _run_in(self, family: Family, host_resolver: HostResolver, done: trio.Event) -> None:
        answered = self._first_answer[family]
        asking = trio.Event()
        async with open_flat_nursery() as nursery:

            async def try_from(seeds: Sequence[Endpoint]) -> None:
                asking.set()
                if await self.attempt(family, seeds):
                    done.set()
                    nursery.cancel_scope.cancel()

            nursery.start_soon(self._stop_waiting, done, asking, answered, nursery.cancel_scope)
            async with open_flat_nursery() as attempts:
                if self.node.has_contacts(family):
                    attempts.start_soon(try_from, ())
                known = 0
                while seeds := await host_resolver.more(family, known):
                    if answered.is_set():
                        break  # the node that answered leads to others
                    known += len(seeds)
                    self.asked += len(seeds)
                    attempts.start_soon(try_from, seeds)
            nursery.cancel_scope.cancel()

    async def _stop_waiting(
        self, done: trio.Event, asking: trio.Event, answered: trio.Event, scope: trio.CancelScope
    ) -> None:
        """Ends a family in which no node answers, some time after another family is done: this
        machine may have no route there, and the caller should not wait for the time-outs.
        """
        await done.wait()
        if asking.is_set():
            await trio.sleep(self.elapsed_s + _HEAD_START_S)
        if not answered.is_set():
            scope.cancel()

    async def _listen(self, answers: Subscription[NodeAnswered]) -> None:
        async for event in answers:
            if not self.is_followed(event.operation):
                continue
            node_id, family = event.node.contact.id, event.node.contact.family
            self.answered += 1
            self._first_answer[family].set()
            if self.closest is None or node_id ^ self.target < self.closest ^ self.target:
                self.closest = node_id
