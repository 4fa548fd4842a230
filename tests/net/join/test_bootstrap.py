"""Getting in, and back in: dead hosts, dead names, dead links."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import trio
from trio.testing import MockClock

from kadisc.core.contract.events import CameOnline, JoinFinished, Outcome, WentOffline
from kadisc.endpoints import Family, parse_endpoint
from kadisc.net.api.node import Node
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.dispatch import Subscription
from kadisc.net.transport.memory import MemoryPort
from kadisc.observe.shell_events import (
    BootstrapFailing,
    BootstrapWorking,
    HostUnresolved,
    NothingToJoin,
)

from ..lab import address, joined, network, open_at, open_several
from ..names import UseNames

CHANGES = (BootstrapFailing, BootstrapWorking, HostUnresolved, NothingToJoin)


@asynccontextmanager
async def changes_of(node: Node) -> AsyncIterator[list[object]]:
    """The changes of state of its bootstrap, as a list that grows."""
    seen: list[object] = []

    async def collect(events: Subscription[Any]) -> None:
        async for event in events:
            seen.append(event)

    async with node.subscribe(*CHANGES) as events, trio.open_nursery() as nursery:
        nursery.start_soon(collect, events)
        yield seen
        nursery.cancel_scope.cancel()


async def _tries_at(port: MemoryPort, for_s: float) -> list[float]:
    """The moments of queries to a port that never answers, without the retransmissions."""
    tries: list[float] = []
    with trio.move_on_after(for_s):
        while True:
            await port.wait_readable()
            port.drain(100)
            if not tries or trio.current_time() - tries[-1] > 5:
                tries.append(trio.current_time())
    return tries


async def test_a_node_that_knows_no_node_to_join_by_says_so_once_until_one_comes(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_at(net, 1) as first, changes_of(first) as changes:
        assert first.waits_for_contact
        await trio.sleep(600)
        assert changes == [NothingToJoin()]
        async with open_at(net, 2, bootstrap=[address(1)]) as second, changes_of(second) as others:
            assert not second.waits_for_contact
            await joined(second)
            await joined(first)
            assert not first.waits_for_contact
            assert others == []
        assert changes == [NothingToJoin()]


async def test_a_node_that_is_contacted_at_once_says_nothing_of_waiting(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with (
        open_at(net, 1) as first,
        changes_of(first) as changes,
        open_at(net, 2, bootstrap=[address(1)]),
    ):
        await trio.sleep(600)
        assert changes == []


async def test_a_dead_host_is_tried_less_and_less_often_without_end(
    autojump_clock: MockClock,
) -> None:
    net = network()
    dead = net.port(address(9))
    async with open_at(net, 1, bootstrap=[address(9)]) as node, changes_of(node) as changes:
        tries = await _tries_at(dead, 3600)
        pauses = [
            later - earlier - 10 for earlier, later in pairwise(tries)
        ]  # each try takes 10 s to fail
        assert 1.4 <= pauses[0] <= 2.6
        assert 2.9 <= pauses[1] <= 5.1
        assert all(44 <= pause <= 76 for pause in pauses[6:])
        assert len(set(pauses)) == len(pauses)
        assert len(tries) > 40
        assert changes == [BootstrapFailing(Family.IPV4, "no answer from the bootstrap address")]


async def test_a_host_without_a_route_is_told_as_such(autojump_clock: MockClock) -> None:
    net = network()
    net.unreachable.add(parse_endpoint(address(1)))
    async with open_at(net, 30, bootstrap=[address(1)]) as node, changes_of(node) as changes:
        await trio.sleep(50)
        words = "this machine has no route to the bootstrap address"
        assert changes == [BootstrapFailing(Family.IPV4, words)]


async def test_a_node_joins_by_a_host_that_comes_back(autojump_clock: MockClock) -> None:
    net = network()
    async with (
        open_at(net, 1),
        open_at(net, 2, bootstrap=[address(1)]) as node,
        changes_of(node) as changes,
    ):
        net.silent.add(parse_endpoint(address(1)))
        await trio.sleep(200)
        assert [type(change) for change in changes] == [BootstrapFailing]
        net.silent.clear()
        with trio.fail_after(90):
            await joined(node)
        await trio.sleep(20)
        assert [type(change) for change in changes] == [BootstrapFailing, BootstrapWorking]


async def test_one_live_host_among_dead_ones_is_enough_and_not_delayed(
    autojump_clock: MockClock,
) -> None:
    net = network(latency_s=0.01)
    async with (
        open_several(net, 10),
        open_at(net, 20, bootstrap=[address(90), address(91), address(1), address(92)]) as node,
    ):
        started = trio.current_time()
        await joined(node)
        assert trio.current_time() - started < 3
        assert node.snapshot().dhts[0].contacts >= 8


async def test_a_name_is_resolved_and_a_dead_one_delays_no_other_host(
    use_names: UseNames, autojump_clock: MockClock
) -> None:
    use_names(good=(0.2, ["12.1.7.9"]), slow=(1000.0, []), gone=(0.0, []))
    net = network()
    async with (
        open_several(net, 10),
        open_at(net, 20, bootstrap=["slow:1", "gone:1", "good:6881"]) as node,
        changes_of(node) as changes,
    ):
        started = trio.current_time()
        await joined(node)
        assert trio.current_time() - started < 2
        await trio.sleep(10)
        assert sorted(change.host for change in changes if isinstance(change, HostUnresolved)) == [
            "gone:1",
            "slow:1",
        ]


async def test_a_name_that_never_resolves_is_reported_once_and_resolved_again(
    use_names: UseNames, autojump_clock: MockClock
) -> None:
    names = use_names()
    async with (
        open_at(network(), 1, bootstrap=["gone.example:1"]) as node,
        changes_of(node) as changes,
    ):
        await trio.sleep(3600)
        assert names.asked > 40
        assert [type(change) for change in changes] == [HostUnresolved]
        assert "gone.example" in str(changes[0])


async def test_every_address_of_a_name_is_tried(
    use_names: UseNames, autojump_clock: MockClock
) -> None:
    use_names(many=(0.0, ["2001:db8::1", "192.0.2.1", "12.1.7.9"]))
    net = network()
    async with open_at(net, 1), open_at(net, 2, bootstrap=["many:6881"]) as node:
        with trio.fail_after(5):
            await joined(node)


async def test_a_name_whose_address_changes_is_followed(
    use_names: UseNames, autojump_clock: MockClock
) -> None:
    use_names(moving=(0.0, ["192.0.2.1"]))
    net = network()
    async with open_at(net, 1), open_at(net, 2, bootstrap=["moving:6881"]) as node:
        await trio.sleep(100)
        use_names(moving=(0.0, ["12.1.7.9"]))
        with trio.fail_after(90):
            await joined(node)


async def test_while_few_contacts_are_known_all_hosts_are_tried_again(
    autojump_clock: MockClock,
) -> None:
    """The host that answers first may be alone itself, and the one that leads to the network just
    starting.
    """
    net = network()
    async with open_at(net, 40), open_at(net, 20, bootstrap=[address(40), address(1)]) as node:
        await trio.sleep(60)
        assert node.snapshot().dhts[0].contacts == 1
        async with open_several(net, 10):
            await trio.sleep(90)
            assert node.snapshot().dhts[0].contacts >= 8


async def test_hosts_are_not_asked_when_enough_contacts_are_known(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_several(net, 12), open_at(net, 20, bootstrap=[address(1)]) as node:
        await joined(node)
        async with node.subscribe(JoinFinished) as events:
            await trio.sleep(600)
            with trio.move_on_after(1):
                assert not [event async for event in events]


async def test_without_hosts_one_attempt_makes_the_node_serve(autojump_clock: MockClock) -> None:
    net = network()
    async with open_at(net, 1) as node, node.subscribe(JoinFinished) as events:
        assert (await events.__anext__()).outcome is Outcome.NO_CONTACTS
        with trio.move_on_after(600) as patience:
            await events.__anext__()
        assert patience.cancelled_caught
        async with open_at(net, 2, bootstrap=[address(1)]):
            await joined(node)


async def test_a_lost_link_is_noticed_and_the_node_rejoins_by_the_hosts(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_several(net, 12), open_at(net, 20, bootstrap=[address(1)]) as node:
        await joined(node)
        async with node.subscribe(WentOffline, CameOnline) as turns:
            me = parse_endpoint(address(20))
            net.silent.add(me)
            with trio.fail_after(1800):
                assert isinstance(await turns.__anext__(), WentOffline)
            known = node.snapshot().dhts[0].contacts
            await trio.sleep(3600)
            assert node.snapshot().dhts[0].contacts >= known - 2
            net.silent.discard(me)
            with trio.fail_after(90):
                assert isinstance(await turns.__anext__(), CameOnline)


class SleepyClock(TrioClock):
    slept = 0.0

    def slept_s(self) -> float:
        return self.slept


async def test_after_a_suspend_the_hosts_are_tried_at_once(autojump_clock: MockClock) -> None:
    net, clock = network(), SleepyClock()
    async with open_at(net, 1), open_at(net, 2, bootstrap=[address(1)], clock=clock) as node:
        net.silent.add(parse_endpoint(address(1)))
        await trio.sleep(1000)  # the pauses have grown to a minute
        net.silent.clear()
        clock.slept = 3600
        with trio.fail_after(20):
            await joined(node)
