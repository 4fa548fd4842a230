"""A long way between sockets that are near: a port whose datagrams leave it later, or never.

What happens to each is decided elsewhere, by a `Way`; here it is only carried out, in real time,
and the datagram then goes through a real socket. All ports of a network share one `DelayLine`: one
heap and one task, whatever the number of nodes.
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

Way: TypeAlias = Callable[[Datagram], Sequence[tuple[float, bytes]]]
"""What will come of a datagram: delay in seconds and payload of each copy that arrives, none where
it is lost.
"""

MAX_UNDER_WAY = 100_000
"""Datagrams that one line holds at a time; one more is dropped, as a full queue would do."""


class DelayLine:
    """``late_s``: how much later than it should each datagram left. That is the lag of the whole
    process: the system's timers, and whatever else kept the event loop busy. Clear it to measure
    anew.
    """

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self.failed = 0
        """Datagrams that the socket did not take when their time had come."""
        self._under_way: list[tuple[float, int, Port, Datagram]] = []
        self._order = count()
        self._nap: trio.CancelScope | None = None

    def __len__(self) -> int:
        return len(self._under_way)

    def put(self, delay_s: float, port: Port, datagram: Datagram) -> bool:
        """To be sent through ``port`` after so long; False if too many are under way."""
        if len(self._under_way) >= MAX_UNDER_WAY:
            return False
        due = trio.current_time() + delay_s
        heapq.heappush(self._under_way, (due, next(self._order), port, datagram))
        if self._nap is not None and due < self._nap.deadline:
            self._nap.deadline = due
        return True

    async def carry(self) -> None:
        """Until it is cancelled; what is under way then is lost."""
        under_way = self._under_way
        while True:
            with trio.CancelScope(deadline=under_way[0][0] if under_way else math.inf) as self._nap:
                await trio.sleep_forever()
            while under_way and (late_s := trio.current_time() - under_way[0][0]) >= 0.0:
                _, _, port, datagram = heapq.heappop(under_way)
                self.late_s.append(late_s)
                self.failed += port.send(datagram) is not Sent.SENT


class DelayedPort:
    """``port``, with a way before it. Whatever it receives comes at once: the sender's way has
    delayed it.
    """

    def __init__(self, port: Port, way: Way, line: DelayLine) -> None:
        self.family = port.family
        self.wait_readable = port.wait_readable
        self.drain = port.drain
        self.close = port.close
        self._port = port
        self._way = way
        self._line = line

    @property
    def local_endpoint(self) -> Endpoint:
        return self._port.local_endpoint

    def send(self, datagram: Datagram) -> Sent:
        outcome = Sent.SENT
        _, destination = datagram
        for delay_s, payload in self._way(datagram):
            if not self._line.put(delay_s, self._port, (payload, destination)):
                outcome = Sent.DROPPED
        return outcome
