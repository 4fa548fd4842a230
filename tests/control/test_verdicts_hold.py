"""Peers that were judged are given by no method until the time of the verdict is over, though
lookups find them again.
"""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import trio
from trio.testing import MockClock

from kadisc.control.call import Call
from kadisc.control.methods.feedback import FEEDBACK, FeedbackParams
from kadisc.control.methods.follow_peers import FOLLOW_PEERS, FollowPeersParams
from kadisc.control.methods.network_peers import NETWORK_PEERS, NetworkPeersParams
from kadisc.core.peers.rendezvous import info_hashes, network_tag
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.transport.clock import TrioClock
from kadisc.net.transport.memory import MemoryNetwork

from ..net.lab import address, network
from ..net.members import member_config, open_members

ROUND_S = 30.0
LASTS_S = 3600.0
"""Of `bad`; `wrong-network` holds a day."""
ALL = range(2, 6)


@asynccontextmanager
async def own_node(net: MemoryNetwork, folder: Path, clock: MockClock) -> AsyncIterator[Node]:
    """It keeps its key, its address book and its verdicts in the folder, and saves them at its end
    in a thread: meanwhile the clock runs as others do.
    """
    opened = open_node(
        replace(member_config(1), state_dir=str(folder)),
        bootstrap=[address(2)],
        ports=[net.port(address(1))],
        clock=TrioClock(),
        rng=random.Random(1),
    )
    async with opened as node:
        yield node
        clock.autojump_threshold, clock.rate = math.inf, 1.0
    clock.autojump_threshold, clock.rate = 0.0, 0.0


async def followed(node: Node, seconds: float) -> set[str]:
    """Keys that a new call of ``follow_peers`` tells of."""
    told: set[str] = set()

    def tell(value: Mapping[str, Any]) -> None:
        if "peer" in value:
            told.add(value["peer"]["key"])
        else:
            told.discard(value["lost"]["key"])

    with trio.move_on_after(seconds):
        await FOLLOW_PEERS.carry_out(FollowPeersParams(window=1000), Call(node, tell))
    return told


async def given(node: Node) -> dict[str, set[str]]:
    """The keys that each way gives."""
    listed = await NETWORK_PEERS.carry_out(NetworkPeersParams(), Call(node))
    streamed: set[str] = set()
    with trio.move_on_after(60.0):
        async for peer in node.peers():
            streamed.add(peer.key.hex())
    return {
        "network_peers": {peer.key for peer in listed.peers},
        "follow_peers": await followed(node, 60.0),
        "stream": streamed,
    }


async def found_by_lookups(node: Node, key: str) -> bool:
    """Whether lookups of the info-hashes of the network come upon the peer, as searches do, within
    ten minutes: a member is not announced at each moment.
    """
    why = node.why(key)
    assert why is not None
    for _ in range(20):
        for info_hash in info_hashes(network_tag("testnet")):
            if why.endpoint in (await node.get_peers(info_hash)).peers:
                return True
        await trio.sleep(ROUND_S)
    return False


async def test_verdicts_hold_over_gossip_restarts_and_lookups(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stay, net)
        await trio.sleep(30.0)
        async with own_node(net, tmp_path, autojump_clock) as node:
            await trio.sleep(120.0)
            before = await given(node)
            assert all(len(keys) == len(ALL) for keys in before.values()), before
            bad, foreign = sorted(before["stream"])[:2]
            for key, verdict in ((bad, "bad"), (foreign, "wrong-network")):
                await FEEDBACK.carry_out(FeedbackParams(verdict, peer=key), Call(node))
            for rounds in (0, 1, 25):
                await trio.sleep(rounds * ROUND_S)
                for way, keys in (await given(node)).items():
                    assert keys == before[way] - {bad, foreign}, (way, rounds)
            assert await found_by_lookups(node, bad)
            assert await found_by_lookups(node, foreign)
        async with own_node(net, tmp_path, autojump_clock) as node:
            for rounds in (1, 25):
                await trio.sleep(rounds * ROUND_S)
                for way, keys in (await given(node)).items():
                    assert keys == before[way] - {bad, foreign}, (way, "restarted", rounds)
            await trio.sleep(LASTS_S)
            for way, keys in (await given(node)).items():
                assert keys == before[way] - {foreign}, (way, "the time of one is over")
        nursery.cancel_scope.cancel()


async def _stay(net: MemoryNetwork) -> None:
    """The other members, which join by each other."""
    async with open_members(net, ALL):
        await trio.sleep_forever()
