"""Closing a node while it is busy: whoever waits for it gets an end or one error of kadisc's own,
never an ExceptionGroup.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from kadisc.endpoints import Family
from kadisc.errors import Busy, Closed, KadiscError, NoAnswer
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.oneshot.item_search import ItemSearch
from kadisc.net.oneshot.network_search import NetworkSearch
from kadisc.net.oneshot.node_search import NodeSearch
from kadisc.net.oneshot.peer_search import PeerSearch
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.nurseries import open_flat_nursery

from ..lab import CONFIG, address, network, open_at
from ..members import open_members

TARGET = 1 << 159
MEMBER = replace(CONFIG, network="testnet")
BUSY = replace(
    MEMBER, core=replace(CONFIG.core, lookup=replace(CONFIG.core.lookup, max_operations=6))
)


async def _stream(node: Node) -> None:
    async for _ in node.peers():
        await trio.lowlevel.checkpoint()


async def _find_peers(node: Node) -> None:
    async with node.find_peers(TARGET, paths=2) as peers:
        async for _ in peers:
            pass
    assert peers.results is not None


async def _lookup(node: Node) -> None:
    async with node.lookup(TARGET) as answers:
        async for _ in answers:
            pass
    assert answers.result is not None


async def _announce_peer(node: Node) -> None:
    async with node.announce_peer(TARGET, 4444):
        await trio.sleep(3600)


async def _publish(node: Node) -> None:
    async with node.publish("text") as publication:
        await publication.first()
        await trio.sleep(3600)


async def _joined(node: Node) -> None:
    await node.joined()
    await node.joined(Family.IPV6)


CALLS: list[Callable[[Node], Awaitable[object]]] = [
    _stream,
    _find_peers,
    _lookup,
    _announce_peer,
    lambda node: node.find_node(TARGET, paths=3),
    lambda node: node.put("text"),
    lambda node: node.put("text", mutable=True),
    lambda node: node.get(TARGET),
    lambda node: node.resolve(bytes(32)),
    lambda node: node.ping(address(1)),
    lambda node: node.ping(address(99)),
    lambda node: node.own_network.check(node.local_endpoints[next(iter(node.own_ids))]),
    lambda node: NetworkSearch(node, 50).run([[address(1)], [address(99)]], 5.0),
    lambda node: NodeSearch(node, TARGET, 8, 2).run([[address(1)]], 5.0),
    lambda node: PeerSearch(node, TARGET, 5).run([[address(1)]], 5.0),
    lambda node: ItemSearch(node, TARGET).run([[address(1)]], 5.0),
]


@pytest.mark.parametrize("config", [MEMBER, BUSY], ids=["usual", "busy"])
async def test_whoever_waits_for_a_node_that_closes_gets_an_end_or_one_error(
    autojump_clock: MockClock, config: object
) -> None:
    """Some 700 streams, lookups, puts and searches, begun and closed at random times."""
    rng, ends, net = random.Random(7), Counter[str](), network()

    async def use(node: Node, call: Callable[[Node], Awaitable[object]], after_s: float) -> None:
        await trio.sleep(after_s)
        try:
            await call(node)
        except KadiscError as error:
            ends[type(error).__name__] += 1
        except BaseExceptionGroup as group:
            if group.split(trio.Cancelled)[1] is not None:
                ends["group"] += 1
        else:
            ends["end"] += 1

    async with open_members(net, range(1, 9)):
        await trio.sleep(20)
        for number in range(30, 42):
            ports = [net.port(address(number)), net.port(f"[2001:db8:{number}::1]:5")]
            async with (
                trio.open_nursery() as nursery,
                open_node(
                    config,  # type: ignore[arg-type]
                    bootstrap=[address(1)],
                    ports=ports,
                    clock=TrioClock(),
                    rng=random.Random(number),
                ) as node,
            ):
                closes_s = rng.choice((0.0, 0.01, 0.1, 1.0, 5.0))
                for _ in range(32):
                    begins_s = rng.uniform(-0.5, 1.1) * closes_s
                    nursery.start_soon(use, node, rng.choice(CALLS), max(0.0, begins_s))
                await trio.sleep(closes_s)
                if rng.random() < 0.5:
                    node.close()
                    await trio.sleep(rng.choice((0.0, 0.05)))
                nursery.cancel_scope.deadline = trio.current_time() + 20
    assert ends["group"] == 0, ends
    assert ends["Closed"] > 20, ends
    assert ends["end"] > 50, ends


async def test_streams_of_peers_end_quietly_when_the_node_is_closed(
    autojump_clock: MockClock,
) -> None:
    """None raises, at whatever moment: in `async for` there is nobody who would catch it."""
    net, rng = network(), random.Random(3)
    ended = 0

    async def use(node: Node) -> None:
        nonlocal ended
        await trio.sleep(rng.uniform(0, 1))
        async for _ in node.peers(again_after_s=0.1):
            pass
        ended += 1

    async with open_members(net, range(1, 7)):
        await trio.sleep(20)
        for number, closes_s in enumerate((0.0, 0.01, 0.3, 1.0, 5.05, 8.0), start=30):
            async with (
                trio.open_nursery() as nursery,
                open_at(net, number, bootstrap=[address(1)], config=MEMBER) as node,
            ):
                for _ in range(40):
                    nursery.start_soon(use, node)
                await trio.sleep(closes_s)
                node.close()
    assert ended == 6 * 40


@pytest.mark.parametrize("family", [None, *Family])
async def test_whoever_waits_for_the_join_of_a_node_that_closes_before_gets_an_error(
    autojump_clock: MockClock, family: Family | None
) -> None:
    ports = [network().port(address(1)), network().port("[2001:db8:1::1]:5")]
    async with open_node(MEMBER, ports=ports, clock=TrioClock()) as node:

        async def close() -> None:
            await trio.sleep(5)
            node.close()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(close)
            with trio.fail_after(10), pytest.raises(Closed, match="before it joined"):
                await node.joined(family)
        with trio.fail_after(1), pytest.raises(Closed):
            await node.joined(family)


async def test_a_node_that_had_joined_when_it_was_closed_has_joined(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_at(net, 1), open_at(net, 2, bootstrap=[address(1)]) as node:
        await node.joined()
        node.close()
        with trio.fail_after(1):
            await node.joined()
            await node.joined(Family.IPV4)


@pytest.mark.parametrize("what", ["announce_peer", "publish"])
async def test_whoever_waits_for_the_first_announce_of_a_node_that_closes_gets_an_error(
    autojump_clock: MockClock, what: str
) -> None:
    async with open_at(network(), 1, config=MEMBER) as node, trio.open_nursery() as nursery:

        async def close() -> None:
            await trio.sleep(5)
            node.close()

        nursery.start_soon(close)
        with trio.fail_after(10), pytest.raises(Closed):
            if what == "publish":
                async with node.publish("text") as publication:
                    await publication.first()
            else:
                async with node.announce_peer(TARGET, 4444) as announcement:
                    await announcement.first()


async def test_whoever_waits_for_the_first_put_of_what_is_not_published_any_more_gets_an_error(
    autojump_clock: MockClock,
) -> None:
    async with open_at(network(), 1, config=MEMBER) as node:
        async with node.publish("text") as publication:
            await trio.sleep(1)
        with trio.fail_after(1), pytest.raises(Closed):
            await publication.first()


async def test_the_error_of_the_block_comes_out_beside_those_that_it_caused(
    autojump_clock: MockClock,
) -> None:
    """Ctrl-C included: trio raises KeyboardInterrupt in the block, or in any task of the node."""
    for error in (ValueError("mine"), NoAnswer("mine"), KeyboardInterrupt(), Closed("mine")):
        with pytest.raises(type(error)) as caught:
            async with (
                open_at(network(), 1, config=MEMBER) as node,
                node.announce_peer(TARGET, 4444),
                node.publish("text"),
            ):
                await trio.sleep(0.5)
                node.close()
                raise error
        assert caught.value is error


async def _raise(error: BaseException) -> None:
    raise error


async def raised_by(*errors: BaseException, block: BaseException | None = None) -> BaseException:
    """What comes out of a nursery whose tasks raise these, all in the same step."""
    try:
        async with open_flat_nursery() as nursery:
            for error in errors:
                nursery.start_soon(_raise, error)
            if block is not None:
                raise block
    except BaseException as raised:  # noqa: BLE001
        return raised
    raise AssertionError("nothing came out")


async def test_of_several_errors_one_comes_out_where_one_says_enough() -> None:
    closed, busy, mine = Closed("c"), Busy("b"), ValueError("v")
    assert isinstance(await raised_by(Closed("c"), Closed("d")), Closed)
    assert await raised_by(busy, closed) is closed
    assert await raised_by(busy, block=closed) is closed
    assert await raised_by(closed, block=busy) is busy
    assert await raised_by(closed, busy, mine) is mine
    assert await raised_by(closed, block=mine) is mine
    assert isinstance(await raised_by(ValueError(), ValueError()), ValueError)
    stop = KeyboardInterrupt()
    assert await raised_by(stop, mine, block=closed) is stop
    assert await raised_by(closed, block=stop) is stop


async def test_errors_of_several_kinds_and_groups_of_the_caller_are_kept() -> None:
    """A fault of a program must not hide another one."""
    both = await raised_by(ValueError(), OSError())
    assert isinstance(both, BaseExceptionGroup)
    assert {type(error) for error in both.exceptions} == {ValueError, OSError}
    both = await raised_by(ValueError(), block=Busy("mine"))
    assert isinstance(both, BaseExceptionGroup)
    own = ExceptionGroup("of the caller", [ValueError(), ValueError()])
    for error in (await raised_by(Closed("c"), block=own), await raised_by(block=own)):
        # Not the same object: trio takes cancellations out of a group.
        assert isinstance(error, ExceptionGroup)
        assert (error.message, error.exceptions) == (own.message, own.exceptions)
