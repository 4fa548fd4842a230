"""The pump alone, with a scripted core."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from kadisc.core.contract.events import Datagram, OperationId, Outcome, PingFinished
from kadisc.core.core import Core as Core
from kadisc.endpoints import Endpoint, Family, parse_endpoint
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.dispatch import Subscription
from kadisc.net.transport.memory import MemoryNetwork, MemoryPort
from kadisc.net.transport.ports import Sent
from kadisc.net.transport.pump import Pump
from kadisc.observe.shell_events import NetworkChanged

from ..lab import address, network
from .scripted_core import ScriptedCore

OTHER = parse_endpoint(address(2))


class Bench:
    def __init__(self, clock: TrioClock) -> None:
        self.net: MemoryNetwork = network(latency_s=0)
        self.port: MemoryPort = self.net.port(address(1))
        self.other: MemoryPort = self.net.port(address(2))
        self.core = ScriptedCore()
        self.pump = Pump(cast(Core, self.core), [self.port], clock)


@asynccontextmanager
async def running(clock: TrioClock | None = None) -> AsyncIterator[Bench]:
    bench = Bench(clock or TrioClock())
    async with trio.open_nursery() as nursery:
        bench.pump.start(nursery)
        await wait_all_tasks_blocked()
        yield bench
        nursery.cancel_scope.cancel()


async def test_an_operation_on_an_idle_node_shortens_the_nap(autojump_clock: MockClock) -> None:
    """Otherwise its time-out would wait until something else wakes the timer. The nap may have
    begun already.
    """
    async with running() as bench:
        started = trio.current_time()
        with bench.pump.operation(lambda now: bench.core.ping(OTHER, now)):
            await trio.sleep(2)
        assert bench.core.calls[:2] == [("ping", OTHER, started), ("tick", None, started + 0.5)]


async def test_a_deadline_that_moves_earlier_with_a_datagram_is_met(
    autojump_clock: MockClock,
) -> None:
    async with running() as bench:
        due = trio.current_time() + 1.5
        bench.core.deadline = due
        bench.other.send((b"x", bench.port.local_endpoint))
        await trio.sleep(3)
        assert bench.core.calls[-1] == ("tick", None, due)


async def test_no_tick_before_it_is_due_however_often_the_timer_wakes(
    autojump_clock: MockClock,
) -> None:
    async with running() as bench:
        bench.core.deadline = due = trio.current_time() + 60
        await trio.sleep(59)
        assert "tick" not in bench.core.names()
        await trio.sleep(2)
        assert bench.core.calls == [("tick", None, due)]


async def test_a_flood_leaves_room_for_others(autojump_clock: MockClock) -> None:
    async with running() as bench:
        for _ in range(1000):
            bench.other.send((b"x", bench.port.local_endpoint))
        turns = 0
        while bench.core.names().count("receive") < 1000:
            await trio.lowlevel.checkpoint()
            turns += 1
        assert 10 <= turns < 100


async def test_a_tick_that_is_due_is_not_delayed_by_a_flood(autojump_clock: MockClock) -> None:
    async with running() as bench:
        for _ in range(1000):
            bench.other.send((b"x", bench.port.local_endpoint))
        bench.core.deadline = trio.current_time()
        while "tick" not in bench.core.names():
            await trio.lowlevel.checkpoint()
        assert bench.core.names().count("receive") < 200


async def test_a_refused_datagram_is_reported_to_the_core(autojump_clock: MockClock) -> None:
    async with running() as bench:
        bench.net.unreachable.add(OTHER)
        bench.core.outbox.append((b"x", OTHER))
        bench.pump.flush()
        assert bench.core.calls == [("send_failed", OTHER, trio.current_time())]
        assert (bench.pump.send_refused, bench.pump.send_dropped) == (1, 0)


async def test_a_core_that_answers_every_refusal_with_another_datagram_does_not_hold_the_loop(
    autojump_clock: MockClock,
) -> None:
    async with running() as bench:
        bench.net.unreachable.add(OTHER)
        bench.core.on_send_failed = lambda destination: bench.core.outbox.append(
            (b"x", destination)
        )
        bench.core.outbox.append((b"x", OTHER))
        bench.pump.flush()
        assert 1 < len(bench.core.calls) < 20
        # It goes on at every turn of the event loop, not at a later deadline.
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        assert len(bench.core.calls) > 50
        bench.net.unreachable.clear()
        await wait_all_tasks_blocked()
        assert bench.other.drain(10) == [(b"x", bench.port.local_endpoint)]


async def test_a_dropped_datagram_is_counted_and_not_reported_as_refused(
    autojump_clock: MockClock,
) -> None:
    class FullPort(MemoryPort):
        def send(self, datagram: Datagram) -> Sent:
            return Sent.DROPPED

    net = network()
    core = ScriptedCore()
    pump = Pump(cast(Core, core), [FullPort(net, parse_endpoint(address(1)))], TrioClock())
    core.outbox.append((b"x", OTHER))
    pump.flush()
    assert (pump.send_refused, pump.send_dropped, core.calls) == (0, 1, [])


class SleepyClock(TrioClock):
    slept = 0.0

    def slept_s(self) -> float:
        return self.slept


async def test_the_core_is_told_of_a_suspend_before_anything_else(
    autojump_clock: MockClock,
) -> None:
    clock = SleepyClock()
    async with (
        running(clock) as bench,
        Subscription(bench.pump.dispatch, (NetworkChanged,), 4) as events,
    ):
        bench.core.deadline = trio.current_time()
        clock.slept = 3600.0
        bench.other.send((b"x", bench.port.local_endpoint))
        await trio.sleep(20)
        assert bench.core.names() == ["network_changed", "receive", "tick"]
        assert await events.__anext__() == NetworkChanged(3600.0)


async def test_a_suspend_is_noticed_without_any_datagram(autojump_clock: MockClock) -> None:
    clock = SleepyClock()
    async with running(clock) as bench:
        clock.slept = 3600.0
        await trio.sleep(6)
        assert bench.core.names() == ["network_changed"]


async def test_the_two_clocks_may_differ_a_little(autojump_clock: MockClock) -> None:
    clock = SleepyClock()
    async with running(clock) as bench:
        clock.slept = 0.3
        await trio.sleep(20)
        assert bench.core.names() == []


async def test_an_operation_that_ends_within_its_start_reaches_its_waiter(
    autojump_clock: MockClock,
) -> None:
    async with running() as bench:

        def start(now: float) -> OperationId:
            bench.core.events.append(PingFinished(OperationId(3), Outcome.NO_CONTACTS, OTHER))
            return OperationId(3)

        with bench.pump.operation(start) as waiter:
            assert (await waiter.wait()).outcome is Outcome.NO_CONTACTS
        assert "cancel" not in bench.core.names()


async def test_families_have_a_port_each(autojump_clock: MockClock) -> None:
    net = network(latency_s=0)
    ports = [net.port(address(1)), net.port("[2001:db8::1]:6881")]
    core = ScriptedCore()
    pump = Pump(cast(Core, core), ports, TrioClock())
    assert [port.family for port in pump.ports] == [Family.IPV4, Family.IPV6]
    for port, destination in zip(ports, ("44.1.1.1:5", "[2001:db8::2]:5"), strict=True):
        receiver = net.port(destination)
        core.outbox.append((b"x", Endpoint(receiver.local_endpoint)))
        pump.flush()
        assert receiver.drain(1) == [(b"x", port.local_endpoint)]


class JumpingClock(TrioClock):
    """trio's clock with an offset that a test changes, as a restored container's may."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> float:
        return super().now() + self.offset_s

    def slept_s(self) -> float:
        return self.offset_s

    def trio_deadline(self, deadline: float) -> float:
        return deadline - self.offset_s


async def test_the_core_is_never_handed_a_time_that_goes_back(autojump_clock: MockClock) -> None:
    """The clock jumps by hours and days, in both directions, between datagrams, calls and ticks."""
    clock, rng = JumpingClock(), random.Random(1)
    async with running(clock) as bench:
        for _ in range(200):
            clock.offset_s += rng.choice((-1e6, -3600.0, -1.0, 0.0, 0.5, 3600.0, 1e6))
            bench.other.send((b"x", bench.port.local_endpoint))
            with bench.pump.operation(lambda now: bench.core.ping(OTHER, now)):
                await trio.sleep(rng.uniform(0, 1))
        times = [now for _, _, now in bench.core.calls]
        assert len(times) > 600
        assert times == sorted(times)


async def test_a_deadline_is_met_after_the_clock_was_set_back(autojump_clock: MockClock) -> None:
    """Time goes on from where it was: held there, it would stand still for a day."""
    clock = JumpingClock()
    async with running(clock) as bench:
        clock.offset_s = -86_400.0
        with bench.pump.operation(lambda now: bench.core.ping(OTHER, now)):
            await trio.sleep(0.6)
            assert bench.core.names()[-1] == "tick"
        clock.offset_s += 30.0
        await trio.sleep(6)
        assert "network_changed" in bench.core.names(), "a suspend after that is noticed"


async def test_a_pump_whose_timer_or_reader_is_gone_does_not_keep_up(
    autojump_clock: MockClock,
) -> None:
    """The watchdog of a service manager is fed by this."""
    async with running() as bench:
        assert bench.pump.keeps_up
        with bench.pump.operation(lambda now: bench.core.ping(OTHER, now)):
            assert bench.pump.keeps_up
            await trio.sleep(100)
            assert bench.pump.keeps_up
    # The tasks have ended, and the pump was not closed.
    with bench.pump.operation(lambda now: bench.core.ping(OTHER, now)):
        assert bench.pump.keeps_up
        await trio.sleep(100)
        assert not bench.pump.keeps_up
    async with running() as bench:
        bench.pump.stop_reading(bench.port)
        assert not bench.pump.keeps_up
    async with running() as bench:
        bench.pump.close()
        assert not bench.pump.keeps_up
