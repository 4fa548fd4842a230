"""Delay and loss on real sockets: a port whose datagrams leave it later, or never.

A `LinkModel` decides what happens to each datagram. A `DelayLine` does it in real time, and the
datagram then goes through a real socket. All ports of a network share one line: one heap and one
task for any number of nodes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from itertools import count
from typing import TypeAlias

import trio

from ...core.contract.events import Datagram
from ...endpoints import Endpoint
from .ports import Port, Sent

LinkModel: TypeAlias = Callable[[Datagram], Sequence[tuple[float, bytes]]]
"""The copies of a datagram that arrive, each with its delay in seconds and its payload; none where
the datagram is lost.
"""

MAX_IN_FLIGHT = 100_000
"""The number of datagrams that one line holds; a further one is dropped, as by a full queue."""


class DelayLine:
    """The datagrams in flight. ``late_s``: by how many seconds each datagram left later than it
    was due, which is the lag of the event loop and of the system's timers. Clear it to measure
    anew.
    """

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self.failed = 0
        """Datagrams that the socket did not take when they were due."""
        self._in_flight: list[tuple[float, int, Port, Datagram]] = []
        self._order = count()
        self._nap: trio.CancelScope | None = None

    def __len__(self) -> int:
        return len(self._in_flight)

    def put(self, delay_s: float, port: Port, datagram: Datagram) -> bool:
        """Sends a datagram through ``port`` after ``delay_s``; False if too many are in flight."""
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            return False
        due = trio.current_time() + delay_s
        heapq.heappush(self._in_flight, (due, next(self._order), port, datagram))
        if self._nap is not None and due < self._nap.deadline:
            self._nap.deadline = due
        return True

    async def carry(self) -> None:
        """Sends what is due, until it is cancelled; what is in flight then is lost."""
        in_flight = self._in_flight
        while True:
            with trio.CancelScope(deadline=in_flight[0][0] if in_flight else math.inf) as self._nap:
                await trio.sleep_forever()
            while in_flight and (late_s := trio.current_time() - in_flight[0][0]) >= 0.0:
                _, _, port, datagram = heapq.heappop(in_flight)
                self.late_s.append(late_s)
                self.failed += port.send(datagram) is not Sent.SENT


class DelayedPort:
    """Delays what is sent through ``port``. A received datagram comes at once: its sender has
    delayed it.
    """

    def __init__(self, port: Port, link: LinkModel, line: DelayLine) -> None:
        self.family = port.family
        self.wait_readable = port.wait_readable
        self.drain = port.drain
        self.close = port.close
        self._port = port
        self._link = link
        self._line = line

    @property
    def local_endpoint(self) -> Endpoint:
        return self._port.local_endpoint

    def send(self, datagram: Datagram) -> Sent:
        outcome = Sent.SENT
        _, destination = datagram
        for delay_s, payload in self._link(datagram):
            if not self._line.put(delay_s, self._port, (payload, destination)):
                outcome = Sent.DROPPED
        return outcome
