"""The network in memory."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from kadisc.endpoints import parse_endpoint
from kadisc.errors import BindError, Closed
from kadisc.net.transport.memory import MemoryPort
from kadisc.net.transport.ports import Sent

from ..lab import address, network


async def _arrivals(port: MemoryPort, count: int) -> list[tuple[float, bytes]]:
    seen: list[tuple[float, bytes]] = []
    with trio.fail_after(1000):
        while len(seen) < count:
            await port.wait_readable()
            seen += [(trio.current_time(), payload) for payload, _ in port.drain(10)]
    return seen


async def test_a_datagram_arrives_after_the_latency(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.25)
    a, b = net.port(address(1)), net.port(address(2))
    started = trio.current_time()
    assert a.send((b"x", b.local_endpoint)) is Sent.SENT
    assert b.drain(1) == []
    assert await _arrivals(b, 1) == [(started + 0.25, b"x")]


async def test_a_datagram_with_an_earlier_arrival_is_delivered_first(
    autojump_clock: MockClock,
) -> None:
    net = network(latency_s=10)
    a, b = net.port(address(1)), net.port(address(2))
    a.send((b"late", b.local_endpoint))
    async with trio.open_nursery() as nursery:

        async def hurry() -> None:
            await trio.sleep(1)
            net.latency_s = 1
            a.send((b"early", b.local_endpoint))

        nursery.start_soon(hurry)
        assert [payload for _, payload in await _arrivals(b, 2)] == [b"early", b"late"]


async def test_jitter_reorders_and_loss_loses(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.1, jitter_s=0.1, loss=0.2)
    a, b = net.port(address(1)), net.port(address(2))
    for number in range(200):
        a.send((bytes([number]), b.local_endpoint))
    assert 20 < net.lost < 60
    seen = [payload for _, payload in await _arrivals(b, net.delivered)]
    assert seen != sorted(seen)
    assert len(set(seen)) == net.delivered == 200 - net.lost


async def test_silent_and_unreachable_endpoints(autojump_clock: MockClock) -> None:
    net = network()
    a, b = net.port(address(1)), net.port(address(2))
    net.silent.add(b.local_endpoint)
    assert a.send((b"x", b.local_endpoint)) is Sent.SENT
    assert b.send((b"x", a.local_endpoint)) is Sent.SENT
    assert a.send((b"x", parse_endpoint(address(3)))) is Sent.SENT
    assert (net.lost, net.delivered) == (3, 0)
    net.unreachable.add(b.local_endpoint)
    assert a.send((b"x", b.local_endpoint)) is Sent.REFUSED


async def test_a_queue_is_bounded(autojump_clock: MockClock) -> None:
    net = network()
    a, b = net.port(address(1)), net.port(address(2))
    for _ in range(5000):
        a.send((b"x", b.local_endpoint))
    assert net.delivered == 4096


async def test_an_endpoint_has_one_port_until_that_is_closed(autojump_clock: MockClock) -> None:
    net = network()
    port = net.port(address(1))
    with pytest.raises(BindError):
        net.port(address(1))
    port.close()
    port.close()
    with pytest.raises(Closed):
        port.send((b"x", port.local_endpoint))
    net.port(address(1))


async def test_waiting_is_always_a_checkpoint(autojump_clock: MockClock) -> None:
    net = network(latency_s=0)
    a, b = net.port(address(1)), net.port(address(2))
    a.send((b"x", b.local_endpoint))
    with trio.CancelScope() as scope:
        scope.cancel()
        await b.wait_readable()
    assert scope.cancelled_caught
