"""Nodes in a `World` whose answers a function of the test decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from kadisc.core.contract.events import Datagram, Event
from kadisc.endpoints import Endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Query, Reply

from .world import Host, World

Answer: TypeAlias = Callable[[Query], Reply | Error | None]


class ScriptedPeer:
    """Takes the place of a core in the world."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.queries: list[tuple[float, Query]] = []
        self.outbox: list[Datagram] = []

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        message = krpc.decode(payload)
        if not isinstance(message, Query):
            return
        self.queries.append((now, message))
        answer = self.answer(message)
        if answer is not None:
            self.outbox.append((krpc.encode(answer), source))

    def tick(self, now: float) -> None:
        pass

    def next_deadline(self) -> float:
        return float("inf")

    def drain_outbox(self) -> list[Datagram]:
        drained, self.outbox = self.outbox, []
        return drained

    def drain_events(self) -> list[Event]:
        return []


def put_scripted(world: World, endpoint: Endpoint, answer: Answer) -> ScriptedPeer:
    node = ScriptedPeer(answer)
    world.hosts[endpoint] = Host(node, endpoint)  # type: ignore[arg-type]
    return node
