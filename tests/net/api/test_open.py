"""Opening and closing a node; an exception that is raised in the block comes out as it is."""

from __future__ import annotations

import socket

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from kadisc.config import Config
from kadisc.endpoints import Family, port_of
from kadisc.errors import BindError, Busy, Closed, UsageError
from kadisc.net.api.node import Node
from kadisc.net.api.open import close_ports, open_everywhere, open_node

from ..lab import CONFIG, address, network, open_at

LOOPBACK = Config(bind=("127.0.0.1:0",))


class Trouble(Exception):
    pass


@pytest.mark.parametrize("kind", [Trouble, KeyboardInterrupt, SystemExit])
async def test_an_exception_in_the_block_arrives_as_itself(kind: type[BaseException]) -> None:
    trouble = kind("mine")
    with pytest.raises(kind) as caught:
        async with open_node(LOOPBACK):
            raise trouble
    assert caught.value is trouble
    assert trouble.__cause__ is None
    assert trouble.__context__ is None


async def test_an_exception_raised_after_a_while_arrives_as_itself_too() -> None:
    with pytest.raises(Trouble):
        async with open_node(LOOPBACK):
            await trio.lowlevel.checkpoint()
            raise Trouble


async def test_a_group_that_the_block_raises_is_not_taken_apart() -> None:
    trouble = Trouble()
    with pytest.raises(ExceptionGroup) as caught:
        async with open_node(LOOPBACK):
            raise ExceptionGroup("mine", [trouble])
    assert caught.value.message == "mine"
    assert caught.value.exceptions == (trouble,)


async def test_a_cancellation_passes_through() -> None:
    with trio.CancelScope() as scope:
        async with open_node(LOOPBACK):
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_an_error_inside_arrives_as_itself_and_ends_the_block(
    autojump_clock: MockClock,
) -> None:
    with pytest.raises(Trouble):
        async with open_at(network(), 1) as node:
            await _break(node)
            await trio.sleep_forever()


async def test_an_error_inside_and_one_in_the_block_arrive_together(
    autojump_clock: MockClock,
) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with open_at(network(), 1) as node:
            try:
                await _break(node)
                await trio.sleep_forever()
            finally:
                raise Busy("too")
    assert {type(error) for error in caught.value.exceptions} == {Trouble, Busy}


async def test_an_error_inside_does_not_leave_callers_elsewhere_waiting(
    autojump_clock: MockClock,
) -> None:
    net = network()
    net.port(address(2))
    outcomes: list[str] = []

    async def caller(node: Node) -> None:
        with pytest.raises(Closed):
            await node.ping(address(2))
        outcomes.append("closed")

    async with trio.open_nursery() as elsewhere:
        with pytest.raises(Trouble):
            async with open_at(net, 1) as node:
                elsewhere.start_soon(caller, node)
                await wait_all_tasks_blocked()
                await _break(node)
                await trio.sleep_forever()
    assert outcomes == ["closed"]


async def _break(node: Node) -> None:
    def broken(now: float) -> None:
        raise Trouble

    await wait_all_tasks_blocked()
    node.pump.core.tick = broken  # type: ignore[method-assign]
    node.pump.core.next_deadline = lambda: 0.0  # type: ignore[method-assign]


async def test_closing_ends_calls_lookups_and_subscriptions_elsewhere(
    autojump_clock: MockClock,
) -> None:
    net = network()
    net.port(address(2))
    ended: list[str] = []

    async def ping(node: Node) -> None:
        with pytest.raises(Closed):
            await node.ping(address(2))
        ended.append("ping")

    async def find(node: Node) -> None:
        with pytest.raises(Closed):
            await node.find_node(1, seeds=[address(2)])
        ended.append("find")

    async def lookup(node: Node) -> None:
        async with node.lookup(1, seeds=[address(2)]) as answers:
            assert [answer async for answer in answers] == []
        assert answers.result.answered == 0
        ended.append("lookup")

    async def watch(node: Node) -> None:
        async with node.subscribe() as events:
            async for _ in events:
                pass
        ended.append("watch")

    async with trio.open_nursery() as elsewhere, open_at(net, 1) as node:
        for task in (ping, find, lookup, watch):
            elsewhere.start_soon(task, node)
        await wait_all_tasks_blocked()
    assert sorted(ended) == ["find", "lookup", "ping", "watch"]


async def test_after_the_end_every_call_raises_closed(autojump_clock: MockClock) -> None:
    async with open_at(network(), 1) as node:
        pass
    with pytest.raises(Closed):
        await node.ping(address(2))
    with pytest.raises(Closed):
        async with node.lookup(1):
            pass
    async with node.subscribe() as events:
        assert [event async for event in events] == []


async def test_a_node_can_be_opened_again_at_the_same_address(autojump_clock: MockClock) -> None:
    net = network()
    for _ in range(3):
        async with open_at(net, 1):
            pass


async def test_the_error_for_an_address_in_use_says_what_to_do() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(
            BindError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: .* choose another port.*$"
        ):
            async with open_node(Config(bind=(f"127.0.0.1:{port}",))):
                pass


@pytest.mark.parametrize(
    ("bind", "words"),
    [
        (("198.51.100.7:0",), "no interface of this machine has that address"),
        (("127.0.0.1:0", "127.0.0.2:0"), "one address per address family"),
        (("localhost:0",), "cannot listen on localhost:0"),
        (("127.0.0.1",), "expected HOST:PORT"),
    ],
)
async def test_an_invalid_address_is_refused_in_one_line(bind: tuple[str, ...], words: str) -> None:
    with pytest.raises((BindError, UsageError)) as caught:
        async with open_node(Config(bind=bind)):
            pass
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_an_unreadable_bootstrap_host_is_refused_and_the_socket_closed() -> None:
    with pytest.raises(UsageError, match="nonsense"):
        async with open_node(LOOPBACK, bootstrap=["nonsense"]):
            pass


async def test_ports_that_were_given_are_closed_with_the_node(autojump_clock: MockClock) -> None:
    net = network()
    with pytest.raises(UsageError):
        async with open_node(CONFIG, ports=[net.port(address(1))], bootstrap=["nonsense"]):
            pass
    net.port(address(1))


def _port_of_everywhere(port: int) -> list[tuple[Family, int]]:
    ports = open_everywhere(port, Config())
    found = [(port.family, port_of(port.local_endpoint)) for port in ports]
    close_ports(ports)
    return found


def test_open_everywhere_takes_one_port_in_every_family() -> None:
    found = _port_of_everywhere(0)
    assert found[0][0] is Family.IPV4
    assert len({port for _, port in found}) == 1


def test_a_port_that_is_taken_in_ipv4_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        with pytest.raises(BindError):
            _port_of_everywhere(taken.getsockname()[1])


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_a_port_that_is_taken_in_ipv6_alone_is_replaced_there() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as taken,
    ):
        four.bind(("0.0.0.0", 0))
        port = four.getsockname()[1]
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            taken.bind(("::", port))
        except OSError:
            pytest.skip("this machine has no IPv6")
        four.close()
        found = _port_of_everywhere(port)
    assert found[0] == (Family.IPV4, port)
    assert found[1][0] is Family.IPV6
    assert found[1][1] != port
