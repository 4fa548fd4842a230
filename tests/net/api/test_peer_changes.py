"""Following the peers of the network: finds and losses, without searching again and again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.errors import Busy, UsageError
from kadisc.net.api.node import Node
from kadisc.net.api.peer_changes import PeerChange

from ..lab import network, open_at
from ..members import open_members

RECORD_S = 90.0
"""A peer that has told of a new record is asked for it at one of the next rechecks."""


class Followed:
    """What a node tells its application, as it comes."""

    def __init__(self) -> None:
        self.there: dict[bytes, VerifiedPeer] = {}
        self.lost: list[tuple[bytes, str]] = []
        self.times: list[float] = []

    def take(self, change: PeerChange) -> None:
        self.times.append(trio.current_time())
        if change.reason is None:
            self.there[change.peer.key] = change.peer
        else:
            del self.there[change.peer.key]
            self.lost.append((change.peer.key, change.reason))


@asynccontextmanager
async def following(node: Node, **wanted: object) -> AsyncIterator[Followed]:
    followed = Followed()

    async def follow() -> None:
        async with node.follow_peers(**wanted) as changes:  # type: ignore[arg-type]
            async for change in changes:
                followed.take(change)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        yield followed
        nursery.cancel_scope.cancel()


async def comes(condition: object, within_s: float) -> float:
    """After how long it is true."""
    assert callable(condition)
    began = trio.current_time()
    with trio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110
            await trio.sleep(0.1)
    return trio.current_time() - began


async def test_each_peer_is_told_once_while_it_is_there(autojump_clock: MockClock) -> None:
    net = network()
    async with open_members(net, range(1, 6)) as nodes:
        async with following(nodes[2], again_after_s=500.0) as followed:
            await comes(lambda: len(followed.there) == 4, 10)
            await trio.sleep(480)
            assert len(followed.times) == 4
            assert not followed.lost
            await trio.sleep(120)
            assert len(followed.times) == 8, "again when that time is over"
        others = {node.public_key for node in nodes} - {nodes[2].public_key}
        assert set(followed.there) == others


async def test_one_that_stops_is_lost_and_found_again_when_it_is_back(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_members(net, range(1, 6)) as nodes, following(nodes[0]) as followed:
        await comes(lambda: len(followed.there) == 4, 10)
        async with open_members(net, [7]) as [guest]:
            await comes(lambda: guest.public_key in followed.there, 10)
            assert not followed.lost
        await comes(lambda: followed.lost == [(guest.public_key, "goodbye")], 5)
        followed.lost.clear()
        async with open_members(net, [8]) as [another]:
            await comes(lambda: another.public_key in followed.there, 10)
            net.silent.add(another.local_endpoints[another.snapshot().dhts[0].family])
            silent_s = await comes(lambda: bool(followed.lost), 400)
            assert followed.lost == [(another.public_key, "silent")]
            assert silent_s < 200
            net.silent.clear()
            await comes(lambda: another.public_key in followed.there, 900)


async def test_a_withdrawn_service_is_a_loss_and_its_return_a_find(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with (
        open_members(net, range(1, 6)) as nodes,
        following(nodes[0], service="eth") as eth,
        following(nodes[0], where={"eth": 31_000}) as moved,
    ):
        other = nodes[3]
        assert other.services == {"eth": 30_004}
        await comes(lambda: len(eth.there) == 3, 10)
        first = other.set_service("eth", None)
        await comes(lambda: eth.lost == [(other.public_key, "services")], RECORD_S)
        assert other.set_service("eth", None) == first, "nothing changed"
        second = other.set_service("eth", 30_004)
        assert second > first
        await comes(lambda: other.public_key in eth.there, RECORD_S)
        other.set_service("eth", 31_000)
        await comes(lambda: eth.there[other.public_key].services == {"eth": 31_000}, RECORD_S)
        await comes(lambda: list(moved.there) == [other.public_key], 10)
        assert len(eth.lost) == 1
        assert not moved.lost


async def test_services_that_change_all_the_time_are_refused(autojump_clock: MockClock) -> None:
    async with open_members(network(), [1]) as [node]:
        for port in range(1, 7):
            node.set_service("eth", port)
        with pytest.raises(Busy, match="may be made in 20 s"):
            node.set_service("eth", 7)
        assert node.services == {"eth": 6}
        node.set_service("eth", 6)
        await trio.sleep(20.1)
        node.set_service("eth", 7)
        for name, value in (("a b", 1), ("", 1), ("eth", 0), ("eth", b""), ("eth", bytes(65))):
            with pytest.raises(UsageError):
                node.set_service(name, value)
        await trio.sleep(20.1)
        with pytest.raises(UsageError, match="bytes of the record"):
            for name in "abcdefgh":
                await trio.sleep(20.1)
                node.set_service(name, bytes(32))
        assert 2 <= len(node.services) < 6


async def test_feedback_ends_and_restores_a_find(autojump_clock: MockClock) -> None:
    net = network()
    async with open_members(net, range(1, 6)) as nodes, following(nodes[0]) as followed:
        await comes(lambda: len(followed.there) == 4, 10)
        key = nodes[2].public_key
        nodes[0].feedback(followed.there[key], "busy")
        await comes(lambda: followed.lost == [(key, "feedback")], 1)
        await trio.sleep(240)
        assert key not in followed.there
        await comes(lambda: key in followed.there, 75)  # at 300 s it is asked again


async def test_a_window_of_peers_waits_for_feedback(autojump_clock: MockClock) -> None:
    net = network()
    async with open_members(net, range(1, 11)) as nodes:
        await trio.sleep(30)
        async with following(nodes[0], window=3) as followed:
            await comes(lambda: len(followed.there) == 9, 60)
        gaps = [later - before for before, later in pairwise(followed.times)]
        assert sum(gap < 0.9 for gap in gaps) == 2, gaps
        async with following(nodes[1], window=3) as followed:
            while len(followed.there) < 9:
                await trio.sleep(0.1)
                for peer in list(followed.there.values()):
                    nodes[1].feedback(peer, "good")
                assert followed.times[-1:] == [] or trio.current_time() < followed.times[0] + 2


async def test_it_costs_the_network_nothing_once_the_search_has_ended(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_members(net, range(1, 9)) as nodes, following(nodes[5]) as followed:
        own = nodes[5].own_network
        await trio.sleep(60)
        assert len(followed.there) == 7
        before = (own.search_operations, own.search_queries)
        assert before[0], "it begins with lookups"
        await trio.sleep(600)
        assert (own.search_operations, own.search_queries) == before


async def test_a_stranger_that_joins_is_told_as_soon_as_it_is_verified(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_members(net, range(1, 6)) as nodes, following(nodes[4]) as followed:
        await trio.sleep(600)
        async with open_members(net, [9]) as [late]:
            assert await comes(lambda: late.public_key in followed.there, 60) < 20


async def test_a_node_of_no_peers_goes_on_looking(autojump_clock: MockClock) -> None:
    net = network()
    async with open_members(net, [1]) as [alone], following(alone) as followed:
        await trio.sleep(1200)
        assert not followed.there
        async with open_members(net, [2]) as [other]:
            await comes(lambda: other.public_key in followed.there, 30)


async def test_it_ends_with_the_node(autojump_clock: MockClock) -> None:
    ended = trio.Event()

    async def follow(node: Node) -> None:
        async with node.follow_peers() as changes:
            async for _ in changes:
                pass
        ended.set()

    net = network()
    async with trio.open_nursery() as nursery:
        async with open_at(net, 1) as node:
            nursery.start_soon(follow, node)
            await trio.sleep(1)
        with trio.fail_after(5):
            await ended.wait()
