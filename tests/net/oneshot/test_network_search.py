"""The search of ``kadisc peers NETWORK``: it finds all that are there, and ends."""

from __future__ import annotations

from dataclasses import replace

import trio
from trio.testing import MockClock

from kadisc.net.oneshot.network_search import NetworkSearch

from ..lab import CONFIG, address, network, open_at
from ..members import open_members


async def test_a_node_outside_of_the_network_finds_all_of_its_peers(
    autojump_clock: MockClock,
) -> None:
    net, asker = (
        network(),
        replace(CONFIG, network="testnet", core=replace(CONFIG.core, read_only=True)),
    )
    async with open_members(net, range(1, 11)) as nodes:
        await trio.sleep(60.0)
        async with open_at(net, 30, config=asker) as node:
            search = NetworkSearch(node, 50)
            with trio.fail_after(30.0):
                await search.run([[address(1)]], 5.0)
            assert {peer.key for peer in search.peers} == {member.public_key for member in nodes}
            assert search.first_peer_s is not None
            assert search.first_peer_s < 5.0
            assert search.queries >= 10
            few = NetworkSearch(node, 3)
            with trio.fail_after(1.0):
                await few.run([[address(1)]], 5.0)
            assert len(few.peers) == 3
