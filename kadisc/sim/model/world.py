"""The world: runs real nodes in virtual time, by deliveries, ticks and actions.

This loop runs for every datagram, so it does little. Items of the queue are tuples whose content
tells their kind, compared by time and order alone. A node has at most one valid tick in the queue;
a tick that is out of date is recognized when it is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from math import inf
from random import Random
from typing import Any

from ...endpoints import Endpoint
from ..options import SimOptions
from .digest import Digest
from .event_queue import EventQueue
from .host import Host
from .latency import latency_model
from .nat import Nat
from .network import Network
from .population import Residence
from .watchers import CoreCaller, Watcher

SLICE = 2048
"""Items between two calls of ``between_slices``."""
ROUNDING_S = 1e-6
"""The sum of a time and the lead of a clock is rounded, and may lie so much before the deadline of
which it was computed.
"""


class World:
    def __init__(self, options: SimOptions) -> None:
        """Raises ValueError for options that name something unknown."""
        self.options = options
        self.now = 0.0
        self.latency = latency_model(options.network.latency)
        self.network = Network(
            options.network, options.faults, self.latency, Random(f"network {options.seed}")
        )
        self.hosts: dict[int, Host] = {}
        """Honest hosts that are up, by number."""
        self.adversaries: dict[int, Host] = {}
        """Hosts of adversaries that are up, by number."""
        self.digest = Digest()
        self.sent = 0
        self.sent_bytes = 0
        self.delivered = 0
        self.ticks = 0
        self.undelivered: Counter[str] = Counter()
        self.between_slices: Callable[[], None] = lambda: None
        self.watchers: list[Watcher] = []
        self.caller: CoreCaller | None = None
        """Calls the cores in place of the world, to measure each call."""
        self._queue = EventQueue()
        self._push = self._queue.push
        self._order = count()

    # --- hosts ------------------------------------------------------------------------------------

    def boot(self, host: Host) -> None:
        self._residents(host)[host.number] = host
        self.network.attach(host)
        self.flush(host)

    def stop(self, host: Host) -> None:
        """Stops the host without notice to others; datagrams under way to it are lost."""
        if host.up:
            host.up = False
            del self._residents(host)[host.number]
            self.network.detach(host)

    def move(self, host: Host, residence: Residence, nat: Nat | None = None) -> None:
        """Gives the host another address, and its NAT new mappings, or puts it behind ``nat``;
        datagrams under way to the old address are lost. The node is not told.
        """
        self.network.detach(host)
        host.nat = nat or host.nat
        host.moved(residence, self.network.rng)
        self.network.attach(host)

    def _residents(self, host: Host) -> dict[int, Host]:
        return self.hosts if host.honest else self.adversaries

    # --- actions ----------------------------------------------------------------------------------

    def at(self, when: float, action: Callable[..., None], *arguments: Any) -> None:
        self._push((when, next(self._order), None, action, arguments, None))

    def do(self, host: Host, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Calls a method of the node that takes ``now`` last, and sends its outbox."""
        result = call(*arguments, self.now + host.skew_s, **options)
        self.flush(host)
        return result

    def forge(self, sender: Host, payload: bytes, source: Endpoint, destination: Endpoint) -> None:
        """Sends a datagram with a forged source. Delay and loss are those of the real sender."""
        for delay_s, receiver, _, arriving in self.network.send(
            sender, payload, destination, self.now
        ):
            self._push(
                (self.now + delay_s, next(self._order), receiver, arriving, source, destination)
            )

    def flush(self, host: Host) -> None:
        """Sends the node's datagrams, notes its events, and sets its next tick."""
        node, now = host.node, self.now
        outbox = node.drain_outbox()
        if outbox:
            push, order, send = self._push, self._order, self.network.send
            for payload, destination in outbox:
                self.sent += 1
                self.sent_bytes += len(payload)
                for delay_s, receiver, source, arriving in send(host, payload, destination, now):
                    push((now + delay_s, next(order), receiver, arriving, source, destination))
            for watcher in self.watchers:
                watcher.sent(host, outbox, now)
        events = node.drain_events()
        if events:
            self.digest.events(now, host.endpoint, events)
            for event in events:
                if host.on_event is None:  # an event before this one may have ended the watching
                    break
                host.on_event(now, event)
            for watcher in self.watchers:
                watcher.happened(host, events, now)
        deadline = node.next_deadline()
        host.deadline = deadline
        tick_at = deadline - host.skew_s
        if tick_at < host.tick_at:
            if tick_at < now:
                tick_at = now
            host.tick_at = tick_at
            self._push((tick_at, next(self._order), host, None, None, None))

    # --- time -------------------------------------------------------------------------------------

    def run_until(self, end: float) -> None:
        pop = self._queue.pop
        while True:
            for _ in range(SLICE):
                item = pop(end)
                if item is None:
                    self.now = end
                    return
                when, _order, host, what, detail, destination = item
                self.now = when
                if host is None:
                    what(*detail)
                elif what is None:
                    self._tick(host, when)
                else:
                    self._deliver(host, what, detail, destination)
            self.between_slices()

    def _deliver(self, host: Host, payload: bytes, source: Endpoint, destination: Endpoint) -> None:
        now, nat = self.now, host.nat
        if not host.up:
            self.undelivered["down"] += 1
            return
        if now < host.stalled_until:  # the datagram waits in the socket's buffer
            self._push((host.stalled_until, next(self._order), host, payload, source, destination))
            return
        if nat is None:
            admitted = destination == host.endpoint
        else:
            admitted = nat.admits(source, destination, now)
        if admitted:
            self.delivered += 1
            self.digest.delivery(now, source, host.endpoint, payload)
            if host.on_datagram is not None:
                host.on_datagram(now, payload)
            if self.caller is None:
                host.node.receive(payload, source, now + host.skew_s)
            else:
                self.caller.receive(host, payload, source, now + host.skew_s)
            for watcher in self.watchers:
                watcher.received(host, payload, source, now)
            self.flush(host)
        else:
            self.undelivered["nat" if nat is not None else "no-such-port"] += 1

    def _tick(self, host: Host, when: float) -> None:
        if not host.up or host.tick_at != when:
            return
        if when < host.stalled_until:
            host.tick_at = host.stalled_until
            self._push((host.stalled_until, next(self._order), host, None, None, None))
            return
        host.tick_at = inf
        deadline = host.deadline
        # On the clock of the node, and never before the deadline because of rounding.
        own_now = when + host.skew_s
        if host.skew_s and own_now < deadline < own_now + ROUNDING_S:
            own_now = deadline
        if deadline <= own_now:
            self.ticks += 1
            if self.caller is None:
                host.node.tick(own_now)
            else:
                self.caller.tick(host, own_now)
            self.flush(host)
            if host.deadline <= own_now:
                raise AssertionError(
                    f"host {host.number}: after tick(now) the next deadline must lie after now"
                )
        else:  # the deadline moved on since
            host.tick_at = deadline - host.skew_s
            self._push((host.tick_at, next(self._order), host, None, None, None))
