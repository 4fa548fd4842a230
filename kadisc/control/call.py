"""The context of one method call: a node, and a callback for partial results.

The node is either the running one, reached through its control socket, or a temporary one that a
command opens for itself. Methods do not see the difference, so a program gets the same documents
either way.
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
"""The time between two progress reports."""
_JOIN_WAIT_S = 10.0
"""How long a call waits for the first contact of a node without any."""
_LOOK_AGAIN_S = 0.01
"""How often it looks for one."""


class Session:
    """What belongs to one client of the control socket, and ends with its connection."""

    def __init__(self) -> None:
        self.at_end: dict[str, Callable[[], None]] = {}
        """What is called when it ends, by the method that asked for it."""

    def end(self) -> None:
        while self.at_end:
            self.at_end.popitem()[1]()


class Call:
    """``tell`` gets partial results, as JSON objects; it is None if the caller wants none.
    ``session``: of the client, None for a node that a command opened for itself.
    """

    def __init__(
        self, node: Node, tell: Tell | None = None, session: Session | None = None
    ) -> None:
        self.node = node
        self.tell = tell
        self.session = session

    stays = True
    """Whether the node runs on after the call."""

    def identity(self) -> Identity:
        """The key pair that signs. Raises UsageError if there is none."""
        return self.node.identity

    async def carry_out(self, lookup: MultiFamilyLookup, *, timeout_s: float = math.inf) -> None:
        """Runs the lookup and reports its progress. Raises NoAnswer if no node answered within
        ``timeout_s``.
        """
        async with open_flat_nursery() as nursery:
            if self.tell is not None:
                nursery.start_soon(self._report, lookup, self.tell)
            with trio.move_on_after(timeout_s):
                await self.reach(lookup)
            nursery.cancel_scope.cancel()
        if not lookup.has_reached_network:
            raise NoAnswer(self.failure(lookup))

    async def reach(self, lookup: MultiFamilyLookup) -> None:
        """Runs the lookup from the contacts of the node; waits for the first one if it has none."""
        with trio.move_on_after(_JOIN_WAIT_S):
            while not (  # noqa: ASYNC110
                self.node.own_network.knows_peers
                or any(map(self.node.has_contacts, self.node.own_ids))
            ):
                await trio.sleep(_LOOK_AGAIN_S)
        await lookup.run((), self.node.config.resolve_timeout_s)

    def failure(self, lookup: MultiFamilyLookup) -> str:
        """Why there was no answer, and what the user can do."""
        if self.node.waits_for_contact:
            return (
                "no network: the running node has no contacts and no bootstrap node; another node "
                "must join by it, or it must be started with --bootstrap HOST:PORT"
            )
        known = sum(dht.contacts for dht in self.node.snapshot().dhts)
        asked = (
            f"none of the running node's {count(known, 'contact')} answered"
            if known
            else "the running node has no contacts now"
        )
        return f"no network: {asked}; see kadisc status"

    async def _report(self, lookup: MultiFamilyLookup, tell: Tell) -> None:
        while True:
            progress = Progress(
                lookup.queries,
                lookup.answered,
                lookup.closest_bits,
                round(lookup.elapsed_s, 3),
            )
            tell({"progress": msgspec.to_builtins(progress)})
            await trio.sleep(_PROGRESS_INTERVAL_S)


class Progress(msgspec.Struct):
    """``sent``: datagrams; ``answered``: nodes; ``closest_bits``: the number of leading bits that
    the closest of these nodes shares with the target, None before the first answer.
    """

    sent: int
    answered: int
    closest_bits: int | None
    elapsed_s: float


class ProgressNews(msgspec.Struct):
    """A partial result, eight times a second."""

    progress: Progress


@dataclass(frozen=True, slots=True)
class Method(Generic[ParamsT, ResultT]):
    """One method of the control socket. ``params`` and ``result``: the types of the JSON objects in
    the request and in the response. ``carry_out`` raises KadiscError, whose text goes to the
    client. ``partial``: the types of its partial results. ``writes``: whether it changes the node,
    or what others store for it.
    """

    name: str
    params: type[ParamsT]
    result: type[ResultT]
    carry_out: Callable[[ParamsT, Call], Awaitable[ResultT]]
    partial: tuple[type[msgspec.Struct], ...] = ()
    writes: bool = False
