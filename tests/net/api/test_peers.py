"""Peers of an info-hash, through the library: announced for as long as a block is open, and
streamed as they are found.
"""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from kadisc.core.contract.events import AnnounceFinished, LookupKind, Outcome
from kadisc.endpoints import Endpoint, Family, parse_endpoint
from kadisc.errors import NoAnswer, UsageError
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.transport.clock import TrioClock

from ..lab import CONFIG, READ_ONLY, address, joined, network, open_at, open_several

INFO_HASH = 0x0123456789ABCDEF0123456789ABCDEF01234567


async def _found_by(node: Node) -> list[Endpoint]:
    async with node.find_peers(INFO_HASH, seeds=[address(1)]) as peers:
        return [peer.endpoint async for peer in peers]


async def test_an_announced_peer_is_found(autojump_clock: MockClock) -> None:
    net = network()
    async with open_several(net, 20) as nodes, open_at(net, 30, config=READ_ONLY) as seeker:
        announced = await nodes[4].announce(INFO_HASH, 4444)
        assert len(announced.stored) == 8
        again = await nodes[5].announce(f"{INFO_HASH:040x}", 1, implied_port=True)
        assert again.peers == (parse_endpoint("16.5.7.9:4444"),)
        async with seeker.find_peers(INFO_HASH, seeds=[address(1)]) as peers:
            assert peers.outcomes == (None,)
            told = [peer async for peer in peers]
        found = [peer.endpoint for peer in told]
        assert sorted(found) == sorted(map(parse_endpoint, ["16.5.7.9:4444", "17.6.7.9:6881"]))
        assert {(peer.host, peer.port) for peer in told} == {("16.5.7.9", 4444), ("17.6.7.9", 6881)}
        assert {str(peer): (peer.endpoints, peer.services) for peer in told} == {
            "16.5.7.9:4444": ((parse_endpoint("16.5.7.9:4444"),), {}),
            "17.6.7.9:6881": ((parse_endpoint("17.6.7.9:6881"),), {}),
        }
        assert peers.outcomes == (Outcome.DONE,)
        assert peers.dropped == 0
        assert sorted(peers.results[0].peers) == sorted(found)


async def test_what_a_call_returned_is_an_argument_of_the_next(autojump_clock: MockClock) -> None:
    net = network()
    async with open_several(net, 12) as nodes:
        await nodes[4].announce(INFO_HASH, 6881)
        async with nodes[7].find_peers(INFO_HASH) as peers:
            found = [peer async for peer in peers]
        pong = await nodes[7].ping_details(found[0])
        assert pong.contact.endpoint == found[0].endpoint
        assert await nodes[7].ping(pong.contact) > 0
        result = await nodes[7].find_node(INFO_HASH, seeds=[found[0], pong.contact])
        assert result.closest
        with pytest.raises(UsageError, match="6 or 18 bytes, not 7"):
            await nodes[7].ping(b"1234567")


async def test_a_read_only_node_may_announce(autojump_clock: MockClock) -> None:
    net = network()
    async with open_several(net, 12), open_at(net, 30, config=READ_ONLY) as node:
        announced = await node.announce(INFO_HASH, 4444, seeds=[address(1)])
        assert len(announced.stored) == 8
        assert await _found_by(node) == [parse_endpoint("41.30.7.9:4444")]


async def test_peers_come_before_the_lookup_ends(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.2)
    async with open_several(net, 30) as nodes, open_at(net, 40, config=READ_ONLY) as seeker:
        await nodes[4].announce(INFO_HASH, 4444)
        async with seeker.find_peers(INFO_HASH, seeds=[address(1)]) as peers:
            async for _ in peers:
                assert peers.outcomes == (None,)
                with pytest.raises(UsageError, match="still running"):
                    _ = peers.results
                break
        assert peers.outcomes == (Outcome.CANCELLED,)
        assert seeker.snapshot().operations == ()


async def test_a_lookup_that_streams_nodes_has_the_peers_in_its_result(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_several(net, 12) as nodes:
        await nodes[4].announce(INFO_HASH, 4444)
        async with nodes[7].lookup(INFO_HASH, kind=LookupKind.GET_PEERS) as answers:
            async for _ in answers:
                pass
        assert answers.result.peers == (parse_endpoint("16.5.7.9:4444"),)


async def test_an_unresponsive_node_is_asked_once_where_peers_were_found_and_again_for_nodes(
    autojump_clock: MockClock,
) -> None:
    net = network()
    silent = [address(200), address(201)]
    async with (
        open_several(net, 4) as nodes,
        open_at(net, 30, bootstrap=[address(1)], config=READ_ONLY) as seeker,
    ):
        await nodes[2].announce(INFO_HASH, 4444)
        await joined(seeker)
        queries = []
        for paths in (1, 2):
            async with seeker.find_peers(INFO_HASH, paths=paths, seeds=silent) as peers:
                assert len([peer async for peer in peers]) == 1
            queries.append(peers.queries)
        async with seeker.lookup(INFO_HASH, kind=LookupKind.GET_PEERS, seeds=silent) as answers:
            assert len([node async for node in answers]) == 4
        queries.append(answers.queries)
    assert queries == [4 + 2, 4 + 2 * 2, 4 + 2 * 2]


async def test_without_contacts_no_answer_is_raised(autojump_clock: MockClock) -> None:
    async with open_at(network(), 1) as node:
        await trio.sleep(1)
        async with node.find_peers(INFO_HASH) as peers:
            assert [peer async for peer in peers] == []
        assert peers.outcomes == (Outcome.NO_CONTACTS,)
        with pytest.raises(NoAnswer, match="no node to ask"):
            await node.announce(INFO_HASH, 4444)


async def test_both_families_are_searched_at_once(autojump_clock: MockClock) -> None:
    net = network()
    six = [f"[2a0{number}:1::1]:6881" for number in range(1, 7)]
    ports = [net.port(address(90)), net.port("[2a0f:90::1]:5")]
    async with (
        open_several(net, 6) as nodes,
        open_node(
            CONFIG, ports=[net.port(six[0])], clock=TrioClock(), rng=random.Random(5)
        ) as first,
        open_node(
            CONFIG,
            bootstrap=six[:1],
            ports=[net.port(six[1])],
            clock=TrioClock(),
            rng=random.Random(6),
        ) as second,
        open_node(READ_ONLY, ports=ports, clock=TrioClock(), rng=random.Random(90)) as seeker,
    ):
        await joined(second)
        await nodes[3].announce(INFO_HASH, 44)
        await second.announce(INFO_HASH, 66, seeds=[first.local_endpoints[Family.IPV6]])
        async with seeker.find_peers(INFO_HASH, seeds=[address(1), six[0]]) as peers:
            found = [peer.endpoint async for peer in peers]
        assert sorted(found) == sorted(
            [parse_endpoint("15.4.7.9:44"), parse_endpoint("[2a02:1::1]:66")]
        )
        assert peers.outcomes == (Outcome.DONE, Outcome.DONE)


async def test_a_peer_is_announced_for_as_long_as_the_block_is_open(
    autojump_clock: MockClock,
) -> None:
    """Others forget an announce after 30 minutes; after 70 it is still there, and 40 minutes after
    the end it is not.
    """
    net = network()
    async with open_several(net, 10) as nodes, open_at(net, 30, config=READ_ONLY) as seeker:
        async with nodes[4].announce_peer(INFO_HASH, 4444) as announcement:
            await announcement.first()
            assert len(announcement.stored[Family.IPV4]) == 8
            await trio.sleep(4200)
            assert 5 <= announcement.announces <= 6
            assert announcement.failures == 0
            assert await _found_by(seeker) == [parse_endpoint("16.5.7.9:4444")]
        await trio.sleep(2400)
        assert await _found_by(seeker) == []


async def test_a_failed_announce_is_counted_and_tried_again_sooner(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with (
        open_several(net, 12) as nodes,
        nodes[4].announce_peer(INFO_HASH, 4444) as announcement,
    ):
        await announcement.first()
        net.silent.add(parse_endpoint(address(5)))
        await trio.sleep(1000)
        assert announcement.failures >= 1
        assert "stored" in str(announcement.last_error)
        net.silent.clear()
        stored = announcement.announces
        await trio.sleep(400)
        assert announcement.announces > stored


async def test_announcing_waits_until_the_node_has_joined(autojump_clock: MockClock) -> None:
    net = network()
    async with (
        open_at(net, 9, bootstrap=[address(1)]) as node,
        node.announce_peer(INFO_HASH, 4444) as announcement,
    ):
        await trio.sleep(3600)
        assert (announcement.announces, announcement.failures) == (0, 0)
        async with open_several(net, 8):
            with trio.fail_after(120):
                await announcement.first()


async def test_announces_are_jittered(autojump_clock: MockClock) -> None:
    net = network()
    times: list[float] = []
    config = replace(CONFIG, announce_interval_s=60.0)
    async with (
        open_several(net, 3),
        open_at(net, 30, bootstrap=[address(1)], config=config) as node,
        node.subscribe(AnnounceFinished) as events,
        node.announce_peer(INFO_HASH, 4444),
    ):
        with trio.move_on_after(1500):
            async for _ in events:
                times.append(trio.current_time())
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert len(pauses) > 20
    assert all(53 < pause < 67 for pause in pauses)
    assert len({round(pause, 1) for pause in pauses}) > 10


@pytest.mark.parametrize("port", [0, -1, 65536])
async def test_an_invalid_port_is_refused(port: int) -> None:
    async with open_at(network(), 1) as node:
        with pytest.raises(UsageError, match="a port is 1 to 65535"):
            await node.announce(INFO_HASH, port)
