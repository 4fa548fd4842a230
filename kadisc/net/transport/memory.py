"""A network in memory: ports, delay and loss, on trio's clock.

For tests of this project and of its users: under `trio.testing.MockClock` with
``autojump_threshold=0`` hours pass in milliseconds. ::

    network = MemoryNetwork(random.Random(1), latency_s=0.05, loss=0.01)
    port = network.port("192.0.2.1:6881")
    async with open_node(config, ports=[port], clock=TrioClock()) as node: ...
"""

from __future__ import annotations

import heapq
import math
from random import Random

import trio

from ...core.contract.events import Datagram
from ...endpoints import Endpoint, family_of, parse_endpoint
from ...errors import AddressInUse, Closed
from .ports import Sent

_MAX_QUEUED = 4096
"""The number of datagrams in flight to one port; further ones are lost, as by a full socket."""


class MemoryNetwork:
    """What its ports share: their endpoints, the latency and the loss."""

    def __init__(
        self, rng: Random, *, latency_s: float = 0.0, jitter_s: float = 0.0, loss: float = 0.0
    ) -> None:
        self._rng = rng
        self._ports: dict[Endpoint, MemoryPort] = {}
        self.latency_s = latency_s
        """The delay of each datagram, one way."""
        self.jitter_s = jitter_s
        """A random part of the delay: uniform between 0 and this, on top of ``latency_s``."""
        self.loss = loss
        """The share of datagrams that are lost, 0 to 1."""
        self.silent: set[Endpoint] = set()
        """Endpoints whose datagrams are all lost, in both directions."""
        self.unreachable: set[Endpoint] = set()
        """Endpoints to which sending is refused at once, as without a route."""
        self.delivered = 0
        """Datagrams delivered so far."""
        self.lost = 0
        """Datagrams lost so far."""

    def port(self, address: str) -> MemoryPort:
        """A port at a numeric ``HOST:PORT``. Raises AddressInUse where there is one already."""
        endpoint = parse_endpoint(address)
        if endpoint in self._ports:
            raise AddressInUse(f"cannot listen on {address}: address already in use")
        port = self._ports[endpoint] = MemoryPort(self, endpoint)
        return port

    def remove(self, port: MemoryPort) -> None:
        """Frees the endpoint of a port that is closed."""
        self._ports.pop(port.local_endpoint, None)

    def carry(self, datagram: Datagram, source: Endpoint) -> Sent:
        """Delivers or loses a datagram, for the port that sends it."""
        payload, destination = datagram
        if destination in self.unreachable:
            return Sent.REFUSED
        receiver = self._ports.get(destination)
        lost = (
            receiver is None
            or source in self.silent
            or destination in self.silent
            or self._rng.random() < self.loss
        )
        if lost or receiver is None or not receiver.post(payload, source, self._arrival()):
            self.lost += 1
        else:
            self.delivered += 1
        return Sent.SENT

    def _arrival(self) -> float:
        return trio.current_time() + self.latency_s + self.jitter_s * self._rng.random()


class MemoryPort:
    """One endpoint of a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork, endpoint: Endpoint) -> None:
        self._network = network
        self._queue: list[tuple[float, int, bytes, Endpoint]] = []
        self._posted = 0
        self._nap: trio.CancelScope | None = None
        self._closed = False
        self.local_endpoint = endpoint
        self.family = family_of(endpoint)

    def post(self, payload: bytes, source: Endpoint, arrival: float) -> bool:
        """Puts a datagram on its way to this port; False where the queue is full."""
        if len(self._queue) >= _MAX_QUEUED:
            return False
        self._posted += 1
        heapq.heappush(self._queue, (arrival, self._posted, payload, source))
        if self._nap is not None and arrival < self._nap.deadline:
            self._nap.deadline = arrival
        return True

    async def wait_readable(self) -> None:
        await trio.lowlevel.checkpoint()
        while self._next_arrival() > trio.current_time():
            with trio.CancelScope(deadline=self._next_arrival()) as self._nap:
                await trio.sleep_forever()

    def drain(self, limit: int) -> list[tuple[bytes, Endpoint]]:
        batch: list[tuple[bytes, Endpoint]] = []
        now = trio.current_time()
        while len(batch) < limit and self._next_arrival() <= now:
            _, _, payload, source = heapq.heappop(self._queue)
            batch.append((payload, source))
        return batch

    def send(self, datagram: Datagram) -> Sent:
        if self._closed:
            raise Closed("this port was closed")
        return self._network.carry(datagram, self.local_endpoint)

    def close(self) -> None:
        self._closed = True
        self._queue.clear()
        self._network.remove(self)

    def _next_arrival(self) -> float:
        return self._queue[0][0] if self._queue else math.inf
