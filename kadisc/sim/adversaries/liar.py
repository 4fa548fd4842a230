"""A liar: a real node that reports a wrong address to those that query it (``ip`` of BEP 42). All
liars report the same one.
"""

from __future__ import annotations

from ...core.contract.events import Datagram, Event
from ...core.core import Core
from ...endpoints import Endpoint
from ...wire import krpc
from ...wire.messages import Error, Reply
from .adversary import Adversary


class Liar(Adversary):
    def __init__(self, node: Core, lie: Endpoint) -> None:
        super().__init__(next(iter(node.own_ids.values())))
        self.dhts = node.dhts
        self._node = node
        self._lie = lie

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        self._node.receive(payload, source, now)

    def tick(self, now: float) -> None:
        self._node.tick(now)

    def next_deadline(self) -> float:
        return self._node.next_deadline()

    def drain_outbox(self) -> list[Datagram]:
        return [
            (self._with_lie(payload), destination)
            for payload, destination in self._node.drain_outbox()
        ]

    def drain_events(self) -> list[Event]:
        return self._node.drain_events()

    def _with_lie(self, payload: bytes) -> bytes:
        message = krpc.decode(payload)
        if not isinstance(message, Reply | Error) or message.seen_as is None:
            return payload
        message.seen_as = self._lie
        return krpc.encode(message)
