"""A node that is closed, in whatever way, says goodbye to the peers of its network first."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from kadisc.core.contract.service_filter import EVERY_PEER
from kadisc.endpoints import parse_endpoint
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork

from ..lab import address, network
from ..members import member_config, open_members

WHO = 9


async def run_until_closed(net: MemoryNetwork, how: str, idle_s: float, goodbye_s: float) -> Node:
    config = member_config(WHO).settled()
    gossip = replace(config.core.gossip, goodbye_s=goodbye_s)
    config = replace(config, core=replace(config.core, gossip=gossip))
    with trio.CancelScope() as scope:
        async with open_node(
            config,
            bootstrap=[address(1)],
            ports=[net.port(address(WHO))],
            clock=TrioClock(),
            rng=random.Random(WHO),
        ) as node:
            await trio.sleep(idle_s)
            if how == "failed":
                raise ZeroDivisionError
            if how == "cancelled":
                scope.cancel()
                await trio.lowlevel.checkpoint()
    return node


def returned(node: Node) -> set[bytes]:
    found = node.own_network.peers(99, offering=EVERY_PEER, verified_within_s=None, but_not=())
    return {peer.key for peer in found}


@pytest.mark.parametrize(
    ("how", "idle_s"), [("left", 60.0), ("cancelled", 60.0), ("failed", 60.0), ("cancelled", 400.0)]
)
async def test_a_closed_node_is_returned_by_no_other(
    autojump_clock: MockClock, how: str, idle_s: float
) -> None:
    net = network()
    async with open_members(net, range(1, 5)) as nodes:
        if how == "failed":
            with pytest.raises(ZeroDivisionError):
                await run_until_closed(net, how, idle_s, 1.0)
        else:
            await run_until_closed(net, how, idle_s, 1.0)
        await trio.sleep(1.0)
        keys = {node.public_key for node in nodes}
        for node in nodes:
            assert returned(node) == keys - {node.public_key}
            assert node.counters()["goodbyes.heeded"] == 1


async def test_a_dead_peer_holds_the_end_up_for_a_second_at_most(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_members(net, range(1, 3)):
        before = -1.0
        with trio.CancelScope() as scope:
            async with open_node(
                member_config(WHO),
                bootstrap=[address(1)],
                ports=[net.port(address(WHO))],
                clock=TrioClock(),
                rng=random.Random(WHO),
            ) as node:
                await trio.sleep(60.0)
                assert len(returned(node)) == 2
                assert node.pump.core.peer_network is not None
                node.pump.core.peer_network.components.partners.forget_tokens()
                net.silent |= {parse_endpoint(address(number)) for number in (1, 2)}
                scope.cancel()
                before = trio.current_time()
        assert 0.9 < trio.current_time() - before < 1.1


async def test_with_0_s_no_goodbye_is_said(autojump_clock: MockClock) -> None:
    net = network()
    async with open_members(net, range(1, 3)) as nodes:
        await run_until_closed(net, "left", 60.0, 0.0)
        await trio.sleep(1.0)
        assert all("goodbyes.heeded" not in node.counters() for node in nodes)
