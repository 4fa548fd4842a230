"""An oracle for any world: how often maintenance begins something new at one endpoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from kadisc.core.contract.queries import Priority, SendQuery
from kadisc.core.peers.exchange import ExchangeReason, GossipExchange
from kadisc.core.rpc.send_queue import SendQueue
from kadisc.endpoints import Endpoint

WINDOW_S = 10.0


@dataclass(eq=False)
class MaintenanceOracle:
    """First transmissions of checks and of gossip exchanges, by the node that sent them and the
    endpoint that they went to. It judges by the owner of a query and not by what the code under
    test says of it. The later queries of one exchange, lookups, and what a caller asked for do not
    count.
    """

    sent_at: dict[tuple[int, Endpoint], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _begun: set[int] = field(default_factory=set)
    _kept: list[object] = field(default_factory=list)
    """Keeps the owners alive, so that their identities stay unique."""

    def note(self, queue: SendQueue, command: SendQuery, now: float) -> None:
        owner = command.owner
        if command.priority is not Priority.MAINTENANCE or id(owner) in self._begun:
            return
        if type(owner).__module__.startswith("kadisc.core.reach."):
            return  # these, and help with the tests of others, have budgets of their own
        if isinstance(owner, GossipExchange) and owner.reason is ExchangeReason.CALLER:
            return
        self._begun.add(id(owner))
        self._kept.append(owner)
        self.sent_at[id(queue), command.endpoint].append(now)

    def closest_s(self) -> float:
        """The shortest time between two of them to one endpoint; inf where there were none."""
        return min(
            (
                later - sooner
                for times in self.sent_at.values()
                for sooner, later in pairwise(times)
            ),
            default=float("inf"),
        )

    def most(self) -> int:
        """The most in any `WINDOW_S` to one endpoint."""
        return max(
            (
                sum(start <= at < start + WINDOW_S - 1e-6 for at in times)
                for times in self.sent_at.values()
                for start in times
            ),
            default=0,
        )


@contextmanager
def watching_maintenance() -> Iterator[MaintenanceOracle]:
    """Watches the nodes of every world for as long as the block lasts."""
    oracle, send = MaintenanceOracle(), SendQueue.send

    def watched(queue: SendQueue, command: SendQuery, now: float, **details: Any) -> bytes:
        oracle.note(queue, command, now)
        return send(queue, command, now, **details)

    SendQueue.send = watched  # type: ignore[method-assign, assignment]
    try:
        yield oracle
    finally:
        SendQueue.send = send  # type: ignore[method-assign]
