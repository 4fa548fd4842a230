"""The base class of adversaries that are real nodes, and misbehave in single datagrams only."""

from __future__ import annotations

from ...core.contract.events import Datagram, Event
from ...core.core import Core
from ...endpoints import Endpoint
from .adversary import Adversary


class NodeInside(Adversary):
    """What it sends itself (`send`) goes out beside what the node sends."""

    def __init__(self, node: Core) -> None:
        super().__init__(next(iter(node.own_ids.values())))
        self.dhts = node.dhts
        self.node = node

    def intercepts(self, payload: bytes, source: Endpoint, now: float) -> bool:
        """Whether the node does not see this datagram."""
        return False

    def passed_on(self, payload: bytes, destination: Endpoint) -> bytes | None:
        """What goes out in place of a datagram of the node; None for nothing."""
        return payload

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        if not self.intercepts(payload, source, now):
            self.node.receive(payload, source, now)

    def tick(self, now: float) -> None:
        self.node.tick(now)

    def next_deadline(self) -> float:
        return self.node.next_deadline()

    def drain_outbox(self) -> list[Datagram]:
        own = super().drain_outbox()
        for payload, destination in self.node.drain_outbox():
            passed = self.passed_on(payload, destination)
            if passed is not None:
                own.append((passed, destination))
        return own

    def drain_events(self) -> list[Event]:
        return self.node.drain_events()
