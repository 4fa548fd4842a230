"""Joining again: the contacts of the last run come first, sources follow each other, and a node
that lost all contacts rejoins by itself.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import trio
from trio.testing import MockClock

from kadisc.config import Config
from kadisc.core.contract.events import CameOnline, ContactAdded, JoinFinished, WentOffline
from kadisc.core.contract.saved_state import SavedDht, SavedState
from kadisc.endpoints import Family, parse_endpoint
from kadisc.net.api.node import Node
from kadisc.net.api.open import close_ports, make_node, running
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork, MemoryPort
from kadisc.observe.shell_events import BootstrapFailing, NoContactsLeft

from ..lab import CONFIG, address, joined, network, open_at, open_several


@asynccontextmanager
async def open_again(
    net: MemoryNetwork,
    number: int,
    saved: SavedState,
    *,
    bootstrap: Sequence[str] = (),
    config: Config = CONFIG,
) -> AsyncIterator[Node]:
    """A node of an earlier run."""
    port = net.port(address(number))
    try:
        node = make_node(config, [port], bootstrap, TrioClock(), random.Random(number), saved=saved)
        async with running([node]):
            yield node
    finally:
        close_ports([port])


async def _known_to(net: MemoryNetwork, number: int) -> SavedState:
    async with open_at(net, number, bootstrap=[address(1)]) as node:
        await joined(node)
        await trio.sleep(100)
        return node.pump.core.export_state(trio.current_time())


async def with_company(node: Node) -> None:
    async with node.subscribe(ContactAdded) as events:
        if not node.snapshot().dhts[0].contacts:
            await events.__anext__()


async def alone(node: Node) -> None:
    async with node.subscribe(NoContactsLeft) as events:
        await events.__anext__()


async def asked_within(port: MemoryPort, seconds: float) -> float | None:
    """When the first query comes to a port that never answers."""
    started = trio.current_time()
    with trio.move_on_after(seconds):
        await port.wait_readable()
        return trio.current_time() - started
    return None


async def test_with_every_host_dead_the_node_joins_by_the_contacts_of_the_last_run(
    autojump_clock: MockClock,
) -> None:
    net = network(latency_s=0.05)
    async with open_several(net, 20):
        saved = await _known_to(net, 30)
        for number in range(5):
            async with open_again(
                net, 30 + number, saved, bootstrap=[address(90), address(91), "192.0.2.1:1"]
            ) as node:
                started = trio.current_time()
                await joined(node)
                assert trio.current_time() - started < 1
                assert node.snapshot().dhts[0].contacts >= 8


async def test_it_joins_by_saved_contacts_when_most_of_them_are_gone(
    autojump_clock: MockClock,
) -> None:
    """Fifteen of twenty are dead; the first that are asked may all be among them."""
    net = network(latency_s=0.05)
    async with open_several(net, 20):
        saved = await _known_to(net, 30)
        net.silent.update(parse_endpoint(address(number)) for number in range(1, 16))
        alive = {
            known.contact
            for known in saved.dhts[0].contacts
            if known.contact.endpoint not in net.silent
        }
        assert alive  # within 100 s a node need not have met all of twenty
        async with open_again(net, 30, saved) as node:
            started = trio.current_time()
            await joined(node)
            assert trio.current_time() - started < 20
            await trio.sleep(30)
            assert alive <= {
                entry.contact
                for bucket in node.snapshot().dhts[0].buckets
                for entry in bucket.entries
            }


async def test_unresponsive_saved_contacts_make_room_for_others_in_the_next_attempt(
    autojump_clock: MockClock,
) -> None:
    """600 contacts were up for a year and are gone; one was up for a minute and is there."""
    net = network(latency_s=0.05)
    async with open_several(net, 10):
        saved = await _known_to(net, 30)
        [dht] = saved.dhts
        alive = replace(dht.contacts[0], age_s=60.0)
        dead = tuple(
            replace(
                alive,
                contact=alive.contact._replace(
                    id=number, endpoint=parse_endpoint(f"99.{number // 250}.{number % 250}.1:1")
                ),
                age_s=3e7,
            )
            for number in range(600)
        )
        saved_contacts = SavedState((SavedDht(Family.IPV4, None, (*dead, alive)),))
        async with open_again(net, 30, saved_contacts) as node:
            with trio.fail_after(120):
                await joined(node)


async def test_sources_follow_one_another_without_waiting(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.01)
    hosts, routers = net.port(address(90)), net.port(address(91))
    config = replace(CONFIG, bootstrap=(address(90),), routers=(address(91),))
    async with open_several(net, 3):
        saved = await _known_to(net, 30)
        net.silent.update(parse_endpoint(address(number)) for number in (1, 2, 3))
        for beginning, offset in ((saved, 1.0), (SavedState(()), 0.0)):
            async with (
                open_again(net, 30, beginning, config=config),
                trio.open_nursery() as nursery,
            ):
                started, asked = trio.current_time(), {}

                async def note(
                    name: str,
                    port: MemoryPort,
                    asked: dict[str, float] = asked,
                    started: float = started,
                ) -> None:
                    await port.wait_readable()
                    asked[name] = round(trio.current_time() - started, 1)

                nursery.start_soon(note, "hosts", hosts)
                nursery.start_soon(note, "routers", routers)
                await trio.sleep(5)
                assert asked == {"hosts": offset, "routers": offset + 1}
            hosts.drain(1000)
            routers.drain(1000)


async def test_a_source_that_is_not_needed_is_not_asked(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.01)
    routers = net.port(address(91))
    config = replace(CONFIG, routers=(address(91),))
    async with open_several(net, 12):
        saved = await _known_to(net, 30)
        async with open_again(net, 30, saved, config=config) as node:
            await joined(node)
            assert await asked_within(routers, 300) is None


async def test_given_hosts_are_the_only_ones(autojump_clock: MockClock) -> None:
    net = network(latency_s=0.01)
    routers = net.port(address(91))
    config = replace(CONFIG, bootstrap=(address(91),), routers=(address(91),))
    async with open_again(net, 30, SavedState(()), bootstrap=[address(90)], config=config):
        assert await asked_within(routers, 300) is None


async def test_two_nodes_that_lost_each_other_find_each_other_again(
    autojump_clock: MockClock,
) -> None:
    """The first node has no bootstrap host, and one contact is too few to tell a dead link from a
    dead contact: each node drops the other.
    """
    net = network()
    async with (
        open_at(net, 1) as first,
        open_at(net, 2, bootstrap=[address(1)]) as second,
        first.subscribe(NoContactsLeft) as events,
    ):
        await joined(first)
        await joined(second)
        net.silent.add(parse_endpoint(address(2)))
        with trio.fail_after(3600):
            assert await events.__anext__() == NoContactsLeft(Family.IPV4)
        await trio.sleep(3600)
        assert [node.snapshot().dhts[0].contacts for node in (first, second)] == [0, 0]
        net.silent.clear()
        with trio.fail_after(120):
            await with_company(first)
            await with_company(second)


async def test_a_node_without_hosts_finds_a_node_that_never_calls(
    autojump_clock: MockClock,
) -> None:
    """The other node only answers: it has no bootstrap host and no contact."""
    net = network()
    async with open_at(net, 1) as first:
        async with open_at(net, 2, bootstrap=[address(1)]):
            await joined(first)
        with trio.fail_after(3600):
            await alone(first)
        async with open_at(net, 2):
            with trio.fail_after(120):
                await with_company(first)


async def test_the_loss_of_all_contacts_is_reported_once_and_attempts_are_spaced_and_jittered(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_at(net, 1) as first:
        async with open_at(net, 2, bootstrap=[address(1)]):
            await joined(first)
        async with first.subscribe(JoinFinished, NoContactsLeft, BootstrapFailing) as events:
            tries, told = [], 0
            with trio.move_on_after(7200):
                async for event in events:
                    tries += [trio.current_time()] if isinstance(event, JoinFinished) else []
                    told += isinstance(event, NoContactsLeft)
        pauses = [later - earlier for earlier, later in pairwise(tries)]
        assert told == 1
        assert all(44 <= pause <= 90 for pause in pauses[8:])
        assert len({round(pause, 3) for pause in pauses[8:]}) > 20


async def test_a_node_whose_link_is_down_at_the_start_joins_later(
    autojump_clock: MockClock,
) -> None:
    """After hours without a link the contacts of the last run are no candidates any more; the node
    joins by them all the same.
    """
    net = network()
    async with open_several(net, 12):
        saved = await _known_to(net, 30)
        me = parse_endpoint(address(30))
        net.silent.add(me)
        async with open_again(net, 30, saved) as node:
            await trio.sleep(2 * 3600)
            assert node.snapshot().dhts[0].contacts == 0
            net.silent.discard(me)
            with trio.fail_after(90):
                await joined(node)


async def test_no_inbound_contact_is_admitted_before_the_own_lookup_even_with_dead_hosts(
    autojump_clock: MockClock,
) -> None:
    """Restart eclipse: nodes that query first must not fill the empty table while the hosts are
    being asked.
    """
    net = network()
    async with open_several(net, 12):
        saved = await _known_to(net, 30)
        net.silent.update(parse_endpoint(address(number)) for number in range(1, 13))
        async with (
            open_again(net, 30, saved, bootstrap=[address(90)]) as node,
            open_at(net, 40, bootstrap=[address(30)]) as caller,
        ):
            await trio.sleep(5)
            assert caller.snapshot().dhts[0].contacts == 1
            assert node.snapshot().dhts[0].contacts == 0
            await trio.sleep(60)
            assert node.snapshot().dhts[0].contacts == 1


async def test_after_a_lost_link_the_node_rejoins_by_its_table_where_the_hosts_are_dead(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_several(net, 12):
        saved = await _known_to(net, 30)
        async with (
            open_again(net, 30, saved, bootstrap=[address(90)]) as node,
            node.subscribe(WentOffline, CameOnline) as turns,
        ):
            await joined(node)
            me = parse_endpoint(address(30))
            net.silent.add(me)
            with trio.fail_after(600):
                assert isinstance(await turns.__anext__(), WentOffline)
            await trio.sleep(2 * 3600)
            net.silent.discard(me)
            with trio.fail_after(90):
                assert isinstance(await turns.__anext__(), CameOnline)
            assert node.snapshot().dhts[0].contacts >= 8


async def test_two_survivors_of_five_send_no_more_than_before(autojump_clock: MockClock) -> None:
    """With the attempts to join of the whole node: few contacts are no reason to try for ever."""
    net, limited = network(latency_s=0.02), Config()
    went_offline = 0

    def note(event: object) -> None:
        nonlocal went_offline
        went_offline += isinstance(event, WentOffline)

    async with (
        open_at(net, 1, config=limited) as first,
        open_at(net, 5, bootstrap=[address(1)], config=limited) as last,
    ):

        def sent() -> int:
            return sum(node.snapshot().counters["sent"] for node in (first, last))

        for node in (first, last):
            node.pump.dispatch.tap(note)
        async with AsyncExitStack() as stack:
            for number in (2, 3, 4):
                opened = open_at(net, number, bootstrap=[address(1)], config=limited)
                await stack.enter_async_context(opened)
            await trio.sleep(900)
            begun = sent()
            await trio.sleep(900)
            before = sent() - begun
        begun = sent()
        await trio.sleep(900)
        assert sent() - begun <= 2 * before
        assert went_offline == 0
        assert [node.snapshot().dhts[0].contacts for node in (first, last)] == [1, 1]
