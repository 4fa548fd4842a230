"""The port that delays and loses datagrams."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from kadisc.core.contract.events import Datagram
from kadisc.net.transport import delay
from kadisc.net.transport.delay import DelayedPort, DelayLine
from kadisc.net.transport.memory import MemoryNetwork, MemoryPort
from kadisc.net.transport.ports import Sent

from ..lab import address


class ScriptedLink:
    """What comes of each datagram, as told."""

    def __init__(self) -> None:
        self.fates: dict[bytes, Sequence[tuple[float, bytes]]] = {}

    def __call__(self, datagram: Datagram) -> Sequence[tuple[float, bytes]]:
        return self.fates[datagram[0]]


class Bench:
    def __init__(self) -> None:
        network = MemoryNetwork(random.Random(1))
        self.other: MemoryPort = network.port(address(2))
        self.link = ScriptedLink()
        self.line = DelayLine()
        self.port = DelayedPort(network.port(address(1)), self.link, self.line)

    def send(self, payload: bytes, *fates: tuple[float, bytes]) -> Sent:
        self.link.fates[payload] = fates
        return self.port.send((payload, self.other.local_endpoint))

    async def arrivals(self, seconds: float) -> list[tuple[float, bytes]]:
        """Of so many seconds: when, since the call, and what."""
        began, found = trio.current_time(), []
        with trio.move_on_after(seconds):
            while True:
                await self.other.wait_readable()
                found += [
                    (round(trio.current_time() - began, 6), payload)
                    for payload, _ in self.other.drain(10)
                ]
        return found


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    bench = Bench()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.line.carry)
        await trio.testing.wait_all_tasks_blocked()
        yield bench
        nursery.cancel_scope.cancel()


async def test_each_datagram_leaves_when_it_is_due(autojump_clock: MockClock) -> None:
    async with running() as bench:
        assert bench.send(b"slow", (2.0, b"slow")) is Sent.SENT
        assert bench.send(b"fast", (0.5, b"fast")) is Sent.SENT
        assert len(bench.line) == 2
        assert await bench.arrivals(5.0) == [(0.5, b"fast"), (2.0, b"slow")]
        assert bench.line.late_s == [0.0, 0.0]
        assert (len(bench.line), bench.line.failed) == (0, 0)


async def test_a_lost_datagram_never_arrives_and_a_doubled_one_arrives_twice(
    autojump_clock: MockClock,
) -> None:
    async with running() as bench:
        assert bench.send(b"lost") is Sent.SENT
        bench.send(b"twice", (1.0, b"twice"), (1.5, b"twisted"))
        assert await bench.arrivals(5.0) == [(1.0, b"twice"), (1.5, b"twisted")]


async def test_a_full_line_drops(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delay, "MAX_IN_FLIGHT", 2)
    async with running() as bench:
        sent = [bench.send(bytes([n]), (1.0, bytes([n]))) for n in range(3)]
        assert sent == [Sent.SENT, Sent.SENT, Sent.DROPPED]
        assert len(await bench.arrivals(5.0)) == 2


async def test_the_lag_of_a_busy_process_is_measured(autojump_clock: MockClock) -> None:
    async with running() as bench:
        bench.send(b"x", (1.0, b"x"))
        autojump_clock.jump(1.25)  # as if nothing else could run for so long
        await bench.arrivals(1.0)
        assert bench.line.late_s == [pytest.approx(0.25)]
