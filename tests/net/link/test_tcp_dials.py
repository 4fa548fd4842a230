"""Connections for nodes that ask whether their TCP port is open: on loopback alone."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import trio

from kadisc.core.contract.events import DialOutcome, TcpDialWanted
from kadisc.core.core import Core
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.net.link.tcp_dials import MAX_DIALS, TcpDials, dial
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork
from kadisc.net.transport.ports import Port
from kadisc.net.transport.pump import Pump
from kadisc.net.transport.udp import bind_udp


@contextmanager
def listener() -> Iterator[tuple[socket.socket, Endpoint]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server, make_endpoint("127.0.0.1", server.getsockname()[1])


@contextmanager
def full_listener() -> Iterator[Endpoint]:
    """A port that neither accepts nor refuses: its queue is full."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield make_endpoint("127.0.0.1", server.getsockname()[1])


async def test_a_port_accepts_refuses_or_is_silent() -> None:
    with listener() as (server, endpoint):
        assert await dial(endpoint) is DialOutcome.ACCEPTED
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            assert connection.recv(10) == b""  # hung up, without a byte
    assert await dial(endpoint) is DialOutcome.REFUSED
    with full_listener() as silent, trio.fail_after(5):
        assert await dial(silent, timeout_s=0.2) is DialOutcome.SILENT


async def test_what_fails_on_this_side_says_nothing_of_the_other() -> None:
    with listener() as (_, endpoint):
        elsewhere = "192.0.2.1"  # no address of this machine
        assert await dial(endpoint, source_ip=elsewhere) is DialOutcome.NOT_TRIED


class ListeningCore:
    """In place of a core: takes down what it is told."""

    def __init__(self) -> None:
        self.told: dict[int, DialOutcome] = {}
        self._enough, self._count = trio.Event(), 0

    def tcp_dialled(self, dial: int, outcome: DialOutcome, now: float) -> None:
        self.told[dial] = outcome
        if len(self.told) >= self._count:
            self._enough.set()

    async def has_heard(self, count: int) -> None:
        self._count, self._enough = count, trio.Event()
        with trio.fail_after(15):
            if len(self.told) < count:
                await self._enough.wait()

    def drain_outbox(self) -> list[Any]:
        return []

    def drain_events(self) -> list[Any]:
        return []

    def next_deadline(self) -> float:
        return float("inf")


@pytest.fixture
def core() -> ListeningCore:
    return ListeningCore()


@contextmanager
def dials(core: ListeningCore, nursery: trio.Nursery, port: Port) -> Iterator[Pump]:
    pump = Pump(cast("Core", core), [port], TrioClock())
    nursery.start_soon(TcpDials(pump).run)
    yield pump
    port.close()
    nursery.cancel_scope.cancel()


def udp_port() -> Port:
    return bind_udp("127.0.0.1:0", max_datagram_bytes=2048, socket_buffer_bytes=0)


async def test_the_core_is_told_what_came_of_each(
    core: ListeningCore, nursery: trio.Nursery
) -> None:
    with dials(core, nursery, udp_port()) as pump:
        with listener() as (_, endpoint):
            pump.dispatch.route(TcpDialWanted(1, endpoint))
            await core.has_heard(1)
        pump.dispatch.route(TcpDialWanted(2, endpoint))
        await core.has_heard(2)
    assert core.told == {1: DialOutcome.ACCEPTED, 2: DialOutcome.REFUSED}


async def test_few_connections_are_opened_at_a_time(
    core: ListeningCore, nursery: trio.Nursery
) -> None:
    """What is wanted beside eight that are silent is not tried, and does not wait for its turn."""
    with dials(core, nursery, udp_port()) as pump, full_listener() as silent:
        for number in range(2 * MAX_DIALS):
            pump.dispatch.route(TcpDialWanted(number, silent))
            await trio.lowlevel.checkpoint()
        await core.has_heard(MAX_DIALS)
        assert core.told == dict.fromkeys(range(MAX_DIALS, 2 * MAX_DIALS), DialOutcome.NOT_TRIED)


async def test_a_node_in_memory_never_opens_a_real_connection(
    core: ListeningCore, nursery: trio.Nursery
) -> None:
    port = MemoryNetwork(random.Random(1)).port("45.1.1.1:6881")
    with dials(core, nursery, port) as pump, listener() as (_, endpoint):
        pump.dispatch.route(TcpDialWanted(1, endpoint))
        await core.has_heard(1)
    assert core.told == {1: DialOutcome.NOT_TRIED}
