"""The pump: moves datagrams between the ports and the core, and wakes the core at its deadlines.

A node has one task per port and one timer. The rule that keeps it right: *code that calls the core
flushes afterwards*, that is, sends the outbox, routes the events, and moves the timer's nap to the
core's new deadline. Without the last, an operation that a caller starts on an idle node would get
its time-out only when something else happens to wake the timer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import trio

from ...core.contract.events import Datagram, Finished, FoundNode, OperationId, Outcome
from ...core.core import Core
from ...endpoints import Endpoint, Family, family_of
from ...errors import Closed
from ...observe.loudest import LoudestSubnets
from ...observe.shell_events import NetworkChanged, ShellEvent
from .clock import Clock, forward_clock
from .dispatch import Dispatch, ResultQueue, Waiter
from .ports import SENT, Port, SendingPort, Sent
from .self_check import SelfCheck

_BATCH = 64
"""The number of datagrams between two turns of the other tasks: some 2 ms of work."""
_LONGEST_TURN_S = 0.004
"""Nor do they wait longer than that: answers that verify peers take a millisecond each."""

_LONGEST_NAP_S = 5.0
"""The longest sleep of the timer. trio's clock stands still in a suspend, so a nap that a suspend
interrupts ends late by at most this.
"""

_SLEEP_NOTICED_S = 1.0
"""A shorter suspend is ignored: it changes nothing, and the two clocks are not read at the same
instant.
"""

_OVERDUE_S = 15.0
"""The timer wakes up every `_LONGEST_NAP_S`: a deadline that is older than three of these shows
that it does not do so any more.
"""

LEAVING_POLL_S = 0.01
"""How often a node that stops looks for answers, at most for a second."""

_FLUSH_ROUNDS = 8
"""The number of times that one flush drains the outbox. A refused datagram may make the core send
the next; with a network that refuses all of them that would not end.
"""


class Pump:
    """Drives one core. ``ports``: at most one for each family; the caller closes them, and at the
    end `open_ports`.
    """

    def __init__(
        self, core: Core, ports: Sequence[Port], clock: Clock, *, self_check_every: int = 0
    ) -> None:
        """``self_check_every``: see `SelfCheck`; 0: never."""
        self.core = core
        self._self_check = SelfCheck(core, self_check_every) if self_check_every else None
        self.ports = tuple(ports)
        self.dispatch = Dispatch()
        self.send_dropped = 0
        """Datagrams that the system had no room for."""
        self.refused = dict.fromkeys(Family, 0)
        """Datagrams that the system would not send, by the family of their destination."""
        self._clock = forward_clock(clock)
        self.loudest = LoudestSubnets(self._clock.now())
        """The subnets that sent most lately."""
        self._port_of: dict[int, SendingPort] = {
            _address_bytes(port.family): port for port in ports
        }
        self._nursery: trio.Nursery | None = None
        self._readers: dict[Port, trio.CancelScope] = {}
        self._closing: set[Port] = set()
        self._nap: trio.CancelScope | None = None
        self._wake_at = -math.inf
        self._slept_s = clock.slept_s()
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def send_refused(self) -> int:
        """Datagrams that the system would not send, as where it has no route."""
        return sum(self.refused.values())

    def now(self) -> float:
        """The present moment on the core's clock, in seconds."""
        return self._clock.now()

    def wall_s(self) -> float:
        """Seconds since 1970, by the machine's wall clock."""
        return self._clock.wall_s()

    def start(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        for port in self.ports:
            self.read_also(port)
        nursery.start_soon(self._wake, name="kadisc timer")

    def replace_port(self, port: Port) -> None:
        """Puts ``port`` in the place of the one of its family, which is closed as soon as no task
        waits for it any more.
        """
        [former] = [each for each in self.ports if each.family is port.family]
        self.ports = tuple(port if each is former else each for each in self.ports)
        self.send_through(port)
        self.stop_reading(former)
        self.read_also(port)

    def send_through(self, sender: SendingPort) -> None:
        """What is sent in the family of ``sender`` leaves through it from now on."""
        self._port_of[_address_bytes(sender.family)] = sender

    def read_also(self, port: Port) -> None:
        """Takes what comes in at ``port`` to the core."""
        if self._nursery is not None:
            scope = self._readers[port] = trio.CancelScope()
            name = f"kadisc reader {port.family.value}"
            self._nursery.start_soon(self._read_until_stopped, port, scope, name=name)

    def stop_reading(self, port: Port) -> None:
        """Closes the port, as soon as no task waits for it any more."""
        if (reader := self._readers.pop(port, None)) is None:
            port.close()
            return
        self._closing.add(port)
        reader.cancel()

    @property
    def open_ports(self) -> tuple[Port, ...]:
        """All that are to be closed in the end."""
        return tuple(dict.fromkeys((*self.ports, *self._readers)))

    async def _read_until_stopped(self, port: Port, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await self._read(port)
        finally:
            if port in self._closing:
                self._closing.discard(port)
                port.close()

    @contextmanager
    def operation(
        self,
        start: Callable[[float], OperationId],
        answers: ResultQueue[FoundNode] | None = None,
        peers: ResultQueue[Endpoint] | None = None,
    ) -> Iterator[Waiter]:
        """Runs ``start(now)`` and yields a waiter for its end. Leaving the block early, for any
        reason, cancels the operation: nothing of it stays in the core or here. Raises Closed.
        """
        if self._closed:
            raise Closed("the node is closed")
        operation = start(self.now())
        waiter = self.dispatch.expect(operation, answers, peers)
        try:
            self.flush()
            yield waiter
        finally:
            if not waiter.ended:
                self.core.cancel(operation, self.now())
                self.flush()
                self.dispatch.forget(operation)

    async def finish(
        self,
        start: Callable[[float], OperationId],
        begun: Callable[[Waiter], None] | None = None,
    ) -> Finished:
        """Runs an operation to its end; ``begun`` is called once when it has started. Raises Closed
        if the node is closed before.
        """
        with self.operation(start) as waiter:
            if begun is not None:
                begun(waiter)
            finished = await waiter.wait()
        if finished.outcome in (Outcome.CLOSED, Outcome.CANCELLED):
            raise Closed("the node was closed before the operation could end")
        return finished

    def flush(self) -> None:
        """Sends the core's datagrams, routes its events, and wakes the timer earlier where that is
        needed.
        """
        if self._closed:
            return
        core = self.core
        self._wake_at = -math.inf  # at once, where so many rounds do not empty the outbox
        for _ in range(_FLUSH_ROUNDS):
            outbox = core.drain_outbox()
            if not outbox:
                self._wake_at = self._clock.trio_deadline(core.next_deadline())
                break
            self._send(outbox)
        events = core.drain_events()
        if events:
            route = self.dispatch.route
            for event in events:
                route(event)
        if self._self_check is not None:
            for failed in self._self_check.flushed(self.now):
                self.publish(failed)
        # Only ever earlier: waking too soon costs one look at the deadline, moving it with each
        # datagram would cost more.
        if self._nap is not None and self._wake_at < self._nap.deadline:
            self._nap.deadline = self._wake_at

    def counters(self) -> dict[str, int]:
        """How often each thing has happened in the pump, by name."""
        counted = {
            "send_dropped": self.send_dropped,
            "send_refused": self.send_refused,
            "events_dropped": self.dispatch.dropped,
        }
        if self._self_check is not None:
            counted["self_checks"] = self._self_check.checks
            counted["self_check_faults"] = self._self_check.faults
        return counted

    def publish(self, event: ShellEvent) -> None:
        """Routes an event of the shell."""
        self.dispatch.route(event)

    @property
    def keeps_up(self) -> bool:
        """Whether the node does its work: a task reads each of its ports, and no deadline of the
        core is long overdue. A port whose address is gone, and which is opened again when that is
        back, counts as read.
        """
        is_read = all(port in self._readers for port in self.ports)
        return not self._closed and is_read and self.core.next_deadline() > self.now() - _OVERDUE_S

    async def leave(self, within_s: float) -> None:
        """Says goodbye to peers of the own network: what can be sent is sent at once. Then waits
        until they have given what the other goodbyes need, at most so many seconds; it reads for
        itself meanwhile, as the tasks may be cancelled already.
        """
        core = self.core
        core.leave(self.now())
        self.flush()
        deadline = trio.current_time() + within_s
        while core.awaits_tokens and trio.current_time() < deadline:
            await trio.sleep(LEAVING_POLL_S)
            now = self._look_at_clock()
            for port in self.open_ports:
                for payload, source in port.drain(_BATCH):
                    core.receive(payload, source, now)
            if core.next_deadline() <= now:
                core.tick(now)
            self.flush()

    def close(self) -> None:
        """Ends every operation and subscription. The tasks must be cancelled next, then the ports
        closed.
        """
        if self._closed:
            return
        try:
            self.core.close(self.now())
            self.flush()
        finally:
            self._closed = True
            self.dispatch.close()

    def _send(self, outbox: Sequence[Datagram]) -> None:
        refused: list[Endpoint] = []
        port_of = self._port_of
        for datagram in outbox:
            destination = datagram[1]
            outcome = port_of[len(destination)].send(datagram)
            if outcome is SENT:
                continue
            if outcome is Sent.DROPPED:
                self.send_dropped += 1
            else:
                self.refused[family_of(destination)] += 1
                refused.append(destination)
        if refused:
            now = self.now()
            for destination in refused:
                self.core.send_failed(destination, now)

    # In a program that does not catch SIGINT, KeyboardInterrupt must be raised in the program's own
    # code, not in the middle of the core.
    @trio.lowlevel.enable_ki_protection
    async def _read(self, port: Port) -> None:
        receive, drain = self.core.receive, port.drain
        while True:
            await port.wait_readable()
            taken, awake_since = 0, self.now()
            while batch := drain(_BATCH):
                now = self._look_at_clock()
                for payload, source in batch:
                    receive(payload, source, now)
                self.loudest.note(batch, now)
                if self.core.next_deadline() <= now:
                    self.core.tick(now)
                self.flush()
                # Under load more datagrams have come meanwhile: one more look costs 1 us, going to
                # sleep and being woken costs 30. What was found must not wait for the end of the
                # burst: other tasks have their turn every few milliseconds.
                taken += len(batch)
                if taken >= _BATCH or now >= awake_since + _LONGEST_TURN_S:
                    taken = 0
                    await trio.lowlevel.checkpoint()
                    awake_since = self.now()

    @trio.lowlevel.enable_ki_protection
    async def _wake(self) -> None:
        while True:
            with trio.CancelScope(
                deadline=min(self._wake_at, trio.current_time() + _LONGEST_NAP_S)
            ) as self._nap:
                await trio.sleep_forever()
            now = self._look_at_clock()
            if self.core.next_deadline() <= now:
                self.core.tick(now)
            self.flush()

    def _look_at_clock(self) -> float:
        slept_s = self._clock.slept_s()
        if slept_s - self._slept_s > _SLEEP_NOTICED_S:
            # Before anything else: what is overdue now is overdue because of the suspend.
            self.core.network_changed(self.now())
            self.publish(NetworkChanged(slept_s - self._slept_s))
            self._slept_s = slept_s
        elif slept_s < self._slept_s - _SLEEP_NOTICED_S:
            # The clock was set back: the next suspend counts from here. Read again, because a
            # pause between the two readings behind this number looks alike.
            self._slept_s = self._clock.slept_s()
        return self._clock.now()


def _address_bytes(family: Family) -> int:
    """The length of a compact endpoint: it tells the family."""
    return 6 if family is Family.IPV4 else 18
