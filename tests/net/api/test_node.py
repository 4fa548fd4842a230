"""A running node, as a program uses it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from kadisc.config import CLIENT_VERSION
from kadisc.core.contract.events import (
    ContactAdded,
    Joined,
    LookupFinished,
    LookupKind,
    Outcome,
    PingFinished,
)
from kadisc.endpoints import Family, parse_endpoint
from kadisc.errors import Busy, ErrorAnswer, NoAnswer, UsageError
from kadisc.ids import format_id, id_to_bytes
from kadisc.net.api.node import Node

from ..lab import CONFIG, READ_ONLY, address, joined, network, open_at, open_several

TARGET = 0x5A << 152
HERE = Family.IPV4


def _own_id(node: Node) -> int:
    return node.own_ids[HERE]


async def test_ping_returns_the_round_trip_time(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.04)
    async with open_at(net, 1), open_at(net, 2) as node:
        assert await node.ping(address(1)) == pytest.approx(0.08)


async def test_ping_details(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.04)
    async with open_at(net, 1) as other, open_at(net, 2) as node:
        pong = await node.ping_details(parse_endpoint(address(1)))
        assert pong.contact == (_own_id(other), parse_endpoint(address(1)))
        assert pong.rtt_s == pytest.approx(0.08)
        assert pong.client == CLIENT_VERSION
        assert pong.seen_as == parse_endpoint(address(2))


async def test_a_ping_that_was_lost_once_still_has_a_time(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.04)
    async with open_at(net, 1), open_at(net, 2) as node:
        net.silent.add(parse_endpoint(address(1)))

        async def heal() -> None:
            await trio.sleep(0.1)
            net.silent.clear()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(heal)
            assert 0.1 < await node.ping(address(1)) < 3


async def test_an_unresponsive_node_raises_no_answer_after_the_time_out(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_at(net, 1) as node:
        await trio.sleep(100)
        started = trio.current_time()
        with pytest.raises(NoAnswer, match=r"no answer from 13\.2\.7\.9:6881 within 10 s"):
            await node.ping(address(2))
        assert trio.current_time() - started == pytest.approx(10)


async def test_no_route_raises_no_answer_at_once(autojump_clock: MockClock) -> None:
    net = network()
    net.unreachable.add(parse_endpoint(address(2)))
    async with open_at(net, 1) as node:
        started = trio.current_time()
        with pytest.raises(NoAnswer, match=r"this machine has no route to 13\.2\.7\.9:6881"):
            await node.ping(address(2))
        assert trio.current_time() == started
        assert node.counters()["send_refused"] == 1


async def test_an_error_answer_has_its_code(autojump_clock: MockClock) -> None:
    net = network()
    other = net.port(address(2))
    async with open_at(net, 1) as node, trio.open_nursery() as nursery:

        async def refuse() -> None:
            await other.wait_readable()
            [(query, source)] = other.drain(1)
            tid = query[query.index(b"1:t4:") + 5 :][:4]
            other.send((b"d1:eli202e6:brokene1:t4:" + tid + b"1:y1:ee", source))  # type: ignore[arg-type]

        nursery.start_soon(refuse)
        with pytest.raises(ErrorAnswer, match="error 202: broken") as caught:
            await node.ping(address(2))
        assert caught.value.code == 202


async def test_find_node_finds_the_closest(autojump_clock: MockClock) -> None:
    net = network()
    async with open_several(net, 20) as nodes, open_at(net, 50, config=READ_ONLY) as node:
        result = await node.find_node(TARGET, k=5, seeds=[address(1)])
        closest = sorted((_own_id(other) for other in nodes), key=lambda node_id: node_id ^ TARGET)
        assert [responder.contact.id for responder in result.closest] == closest[:5]
        assert result.kind is LookupKind.FIND_NODE


@pytest.mark.parametrize("target", [TARGET, format_id(TARGET), id_to_bytes(TARGET)])
async def test_a_target_may_be_written_in_three_ways(
    target: int | str | bytes, autojump_clock: MockClock
) -> None:
    net = network()
    async with open_several(net, 3) as nodes:
        assert (await nodes[2].find_node(target)).target == TARGET


async def test_get_peers(autojump_clock: MockClock) -> None:
    net = network()
    async with open_several(net, 4) as nodes:
        result = await nodes[3].get_peers(TARGET)
        assert result.kind is LookupKind.GET_PEERS
        assert result.peers == ()
        assert all(responder.token for responder in result.closest)


async def test_lookup_tells_of_each_answer_as_it_comes(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.05)
    async with open_several(net, 8), open_at(net, 50, config=READ_ONLY) as node:
        times = []
        async with node.lookup(TARGET, seeds=[address(1)]) as answers:
            with pytest.raises(UsageError, match="still running"):
                _ = answers.result
            async for _ in answers:
                times.append(trio.current_time())
        assert answers.outcome is Outcome.DONE
        assert len(times) == answers.result.answered
        assert times[-1] - times[0] >= 0.099
        assert answers.dropped == 0


async def test_an_answer_that_is_not_read_is_counted_and_the_result_is_complete(
    autojump_clock: MockClock,
) -> None:
    net = network()
    config = replace(READ_ONLY, subscriber_queue=2)
    async with open_several(net, 8), open_at(net, 50, config=config) as node:
        async with node.lookup(TARGET, seeds=[address(1)]) as answers:
            await trio.sleep(60)
            assert len([answer async for answer in answers]) == 2
        assert answers.dropped == answers.result.answered - 2 > 0


async def test_without_contacts_no_answer_is_raised(autojump_clock: MockClock) -> None:
    async with open_at(network(), 1) as node:
        with pytest.raises(NoAnswer, match="no node to ask"):
            await node.find_node(TARGET)


async def test_where_no_node_answers_no_answer_is_raised(autojump_clock: MockClock) -> None:
    async with open_at(network(), 1) as node:
        with pytest.raises(NoAnswer, match="none of the nodes asked"):
            await node.find_node(TARGET, seeds=[address(2)])


@pytest.mark.parametrize("target", [-1, 1 << 160, "xyz", "ab" * 19, b"short"])
async def test_an_invalid_target_is_a_usage_error(
    target: int | str | bytes, autojump_clock: MockClock
) -> None:
    async with open_at(network(), 1) as node:
        with pytest.raises(UsageError):
            await node.find_node(target)


async def test_other_invalid_arguments_are_usage_errors(autojump_clock: MockClock) -> None:
    async with open_at(network(), 1) as node:
        for endpoint in ("nonsense", "name.example:1", "1.2.3.4:0", "[2001:db8::1]:5"):
            with pytest.raises(UsageError):
                await node.ping(endpoint)
        with pytest.raises(UsageError):
            await node.find_node(1, k=0)
        with pytest.raises(UsageError):
            await node.find_node(1, paths=0)
        with pytest.raises(UsageError, match="no ipv6 socket"):
            await node.find_node(1, family=Family.IPV6)
        with pytest.raises(UsageError):
            await node.joined(Family.IPV6)


async def test_one_call_too_many_raises_busy_at_its_start(autojump_clock: MockClock) -> None:
    config = replace(
        CONFIG, core=replace(CONFIG.core, lookup=replace(CONFIG.core.lookup, max_operations=3))
    )
    net = network()
    net.port(address(2))
    refused = 0
    async with open_at(net, 1, config=config) as node:
        await wait_all_tasks_blocked()

        async def ping() -> None:
            nonlocal refused
            try:
                await node.ping(address(2))
            except Busy:
                refused += 1
            except NoAnswer:
                pass

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ping)
    assert refused == 2


async def test_joined_returns_when_the_lookup_of_the_own_id_has_ended(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_at(net, 1) as first, open_at(net, 2, bootstrap=[address(1)]) as second:
        await second.joined()
        await second.joined(HERE)
        await first.joined()
        dht = first.snapshot().dhts[0]
        assert dht.joined
        assert dht.contacts == 1


async def test_subscribers_get_the_types_they_asked_for(autojump_clock: MockClock) -> None:
    net = network()
    async with (
        open_at(net, 1),
        open_at(net, 2, bootstrap=[address(1)]) as node,
        node.subscribe(Joined, ContactAdded) as few,
        node.subscribe() as all_,
    ):
        await joined(node)
        assert isinstance(await few.__anext__(), ContactAdded)
        assert isinstance(await few.__anext__(), Joined)
        await node.ping(address(1))
        async for event in all_:
            if isinstance(event, PingFinished):
                break


async def test_events_lost_by_a_slow_subscriber_are_counted_and_no_caller_misses_its_result(
    autojump_clock: MockClock,
) -> None:
    net = network()
    config = replace(CONFIG, subscriber_queue=2)
    async with (
        open_at(net, 1),
        open_at(net, 2, config=config) as node,
        node.subscribe(PingFinished) as slow,
        node.subscribe(LookupFinished) as other,
    ):
        for _ in range(5):
            assert await node.ping(address(1)) > 0
        assert (slow.dropped, other.dropped) == (3, 0)
        assert node.counters()["events_dropped"] == 3


async def test_snapshot_and_counters(autojump_clock: MockClock) -> None:
    net = network()
    async with open_at(net, 1), open_at(net, 2) as node:
        await node.ping(address(1))
        counters = node.counters()
        assert (counters["queries_sent.ping"], counters["send_dropped"]) == (1, 0)
        assert node.snapshot().dhts[0].own_id == _own_id(node)
        assert node.local_endpoints == {HERE: parse_endpoint(address(2))}
