"""The lookup of the one-shot commands, in virtual time: families, late names, dead hosts."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from trio.testing import MockClock

from kadisc.endpoints import Family, parse_endpoint
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.oneshot.node_search import NodeSearch
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork

from ..lab import CONFIG, READ_ONLY, address, network, open_several
from ..names import Names

TARGET = 7 << 150


@asynccontextmanager
async def one_shot(net: MemoryNetwork) -> AsyncIterator[Node]:
    """In both families."""
    ports = [net.port(address(90)), net.port("[2001:db8:90::1]:5")]
    async with open_node(READ_ONLY, ports=ports, clock=TrioClock(), rng=random.Random(90)) as node:
        yield node


async def _search(node: Node, *hosts: str) -> NodeSearch:
    search = NodeSearch(node, TARGET, k=8, paths=1)
    await search.run([hosts], timeout_s=5)
    return search


async def test_a_family_in_which_no_node_answers_is_not_waited_for(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_several(net, 10), one_shot(net) as node:
        search = await _search(node, address(1), "[2001:db8::dead]:1")
        assert [result.family for result in search.results] == [Family.IPV4]
        assert len(search.nodes) == 8
        assert search.elapsed_s < 2
        assert node.snapshot().operations == ()


async def test_results_of_both_families_are_merged_closest_first(autojump_clock: MockClock) -> None:
    net = network()
    six = "[2001:db8:1::1]:6881"
    async with (
        open_several(net, 10),
        open_node(CONFIG, ports=[net.port(six)], clock=TrioClock(), rng=random.Random(5)),
        one_shot(net) as node,
    ):
        search = await _search(node, address(1), six)
        families = {
            responder.contact.family for result in search.results for responder in result.closest
        }
        assert families == {Family.IPV4, Family.IPV6}
        distances = [responder.contact.id ^ TARGET for responder in search.nodes]
        assert distances == sorted(distances)
        assert len(distances) == 8


async def test_a_name_that_is_resolved_late_is_used_when_no_other_host_answers(
    autojump_clock: MockClock,
) -> None:
    trio.socket.set_custom_hostname_resolver(Names(late=(3.0, ["12.1.7.9"])))
    net = network()
    async with open_several(net, 10), one_shot(net) as node:
        search = await _search(node, address(77), "late:6881")
        assert len(search.nodes) == 8
        assert search.asked == 2


async def test_a_dead_name_does_not_delay_a_live_host(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(Names(dead=(1000.0, [])))
    net = network()
    async with open_several(net, 10), one_shot(net) as node:
        search = await _search(node, "dead:1", address(1))
        assert len(search.nodes) == 8
        assert search.elapsed_s < 1


async def test_without_any_host_it_ends_and_says_why(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(Names())
    net = network()
    async with one_shot(net) as node:
        search = NodeSearch(node, TARGET, k=8, paths=1)
        host_resolver = await search.run([("gone:1", address(77))], timeout_s=5)
        assert search.results == []
        assert 9 < search.elapsed_s < 25
        assert host_resolver.reasons == [
            "the name gone cannot be resolved (name or service not known)"
        ]


async def test_without_a_route_it_ends_at_once(autojump_clock: MockClock) -> None:
    net = network()
    net.unreachable.add(parse_endpoint(address(77)))
    async with one_shot(net) as node:
        search = await _search(node, address(77))
        assert search.results == []
        assert search.elapsed_s < 1
