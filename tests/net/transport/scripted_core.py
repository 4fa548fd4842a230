"""A core whose answers tests script, for tests of the pump alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from kadisc.core.contract.events import Datagram, Event, OperationId, Outcome, PingFinished
from kadisc.endpoints import Endpoint, Family


class ScriptedCore:
    """Notes every call as (name, argument, now). ``deadline`` is what `next_deadline` says until a
    tick moves it to infinity.
    """

    def __init__(self) -> None:
        self.own_ids = {Family.IPV4: 1}
        self.dhts: dict[Family, object] = {}
        self.calls: list[tuple[str, object, float]] = []
        self.deadline = math.inf
        self.outbox: list[Datagram] = []
        self.own_ips: dict[Family, frozenset[bytes]] = {}
        self.events: list[Event] = []
        self.on_send_failed: Callable[[Endpoint], None] = lambda destination: None

    def names(self) -> list[str]:
        return [name for name, _, _ in self.calls]

    def has_addresses(self, family: Family, ips: frozenset[bytes]) -> None:
        self.own_ips[family] = ips

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        self.calls.append(("receive", payload, now))

    def tick(self, now: float) -> None:
        self.calls.append(("tick", None, now))
        self.deadline = math.inf

    def send_failed(self, destination: Endpoint, now: float) -> None:
        self.calls.append(("send_failed", destination, now))
        self.on_send_failed(destination)

    def network_changed(self, now: float, *, families: Collection[Family] | None = None) -> None:
        self.calls.append(("network_changed", families, now))

    def socket_lost(self, family: Family, now: float) -> None:
        self.calls.append(("socket_lost", family, now))

    def next_deadline(self) -> float:
        return self.deadline

    def drain_outbox(self) -> list[Datagram]:
        drained, self.outbox = self.outbox, []
        return drained

    def drain_events(self) -> list[Event]:
        drained, self.events = self.events, []
        return drained

    def ping(self, endpoint: Endpoint, now: float) -> OperationId:
        self.calls.append(("ping", endpoint, now))
        self.deadline = now + 0.5
        return OperationId(7)

    def cancel(self, operation: OperationId, now: float) -> None:
        self.calls.append(("cancel", operation, now))
        self.events.append(PingFinished(operation, Outcome.CANCELLED, Endpoint(b"123456")))

    def close(self, now: float) -> None:
        self.calls.append(("close", None, now))
