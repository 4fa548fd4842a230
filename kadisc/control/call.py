"""What a method is carried out with: a node, and somebody to tell what is found on the way.

The node is either the one that runs, asked through its control socket, or one of a moment that a
command has opened for itself. Methods do not see the difference, so that a program finds the same
documents either way.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec
import trio

from ..core.contract.identity import Identity
from ..errors import NoAnswer
from ..net.api.node import Node
from ..net.oneshot.multi_family import MultiFamilyLookup
from ..net.transport.nurseries import open_flat_nursery
from ..observe.describe import count

Tell = Callable[[Mapping[str, object]], None]
ParamsT = TypeVar("ParamsT", bound=msgspec.Struct)
ResultT = TypeVar("ResultT", bound=msgspec.Struct)

_PROGRESS_INTERVAL_S = 0.125
_JOIN_PATIENCE_S = 10.0
"""A node that was started a moment ago is given so long to find somebody."""


class Call:
    """``tell`` gets partial results, as JSON objects; it is None where nobody wants them."""

    def __init__(self, node: Node, tell: Tell | None = None) -> None:
        self.node = node
        self.tell = tell

    stays = True
    """Whether the node goes on when the call has ended."""

    def identity(self) -> Identity:
        """Whose key signs. Raises UsageError where there is none."""
        return self.node.identity

    async def carry_out(self, approach: MultiFamilyLookup, *, timeout_s: float = math.inf) -> None:
        """Tells its progress on the way. Raises NoAnswer if nobody was there in ``timeout_s``."""
        async with open_flat_nursery() as nursery:
            if self.tell is not None:
                nursery.start_soon(self._report, approach, self.tell)
            with trio.move_on_after(timeout_s):
                await self.reach(approach)
            nursery.cancel_scope.cancel()
        if not approach.answered:
            raise NoAnswer(self.nobody(approach))

    async def reach(self, approach: MultiFamilyLookup) -> None:
        """By whom the node knows."""
        if not any(self.node.has_contacts(family) for family in self.node.own_ids):
            with trio.move_on_after(_JOIN_PATIENCE_S):
                await self.node.joined()
        await approach.run((), self.node.config.resolve_timeout_s)

    def nobody(self, approach: MultiFamilyLookup) -> str:
        """Why there was no answer, and what to do."""
        known = sum(dht.contacts for dht in self.node.snapshot().dhts)
        asked = (
            f"none of {count(known, 'contact')} of the running node has answered"
            if known
            else "the running node knows nobody yet"
        )
        return f"no network: {asked}; see kadisc status"

    async def _report(self, approach: MultiFamilyLookup, tell: Tell) -> None:
        while True:
            progress = Progress(
                approach.queries,
                approach.answered,
                approach.closest_bits,
                round(approach.elapsed_s, 3),
            )
            tell({"progress": msgspec.to_builtins(progress)})
            await trio.sleep(_PROGRESS_INTERVAL_S)


class Progress(msgspec.Struct):
    """Datagrams sent, nodes that answered, and how many leading bits the closest of them shares
    with the target.
    """

    sent: int
    answered: int
    closest_bits: int | None
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Method(Generic[ParamsT, ResultT]):
    """One thing that can be asked for. ``params`` and ``result`` are the JSON objects that go in
    and come out; what is raised is a KadiscError, and its text goes to the asker.
    """

    name: str
    params: type[ParamsT]
    result: type[ResultT]
    carry_out: Callable[[ParamsT, Call], Awaitable[ResultT]]
