"""The search of ``kadisc peers NETWORK``: it finds all that are there, and ends."""

from __future__ import annotations

from dataclasses import replace

import trio
from trio.testing import MockClock

from kadisc.control.call import Call
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.endpoints import make_endpoint
from kadisc.net.oneshot.network_search import NetworkSearch
from kadisc.net.oneshot.port_check import PortCheck

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


async def test_a_node_that_has_just_started_gives_peers_before_it_has_joined(
    autojump_clock: MockClock,
) -> None:
    """As for a request at its control socket: joining waits for the search, so the search must not
    wait for that.
    """
    net, members = network(latency_s=0.05), replace(CONFIG, network="testnet")
    async with open_members(net, range(1, 21)):
        await trio.sleep(60.0)
        async with open_at(net, 60, config=members, bootstrap=[address(1)]) as node:
            node.peers().take_nowait()  # as `kadisc run` does
            search = NetworkSearch(node, 10)
            with trio.fail_after(30.0):
                await Call(node).carry_out(search)
            assert len(search.peers) == 10
            assert search.first_peer_s is not None
            assert search.first_peer_s <= 0.3
            assert not any(dht.joined for dht in node.snapshot().dhts)


async def test_it_waits_for_peers_that_come_later_and_no_longer_than_asked(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_members(net, range(1, 5)) as nodes:
        await trio.sleep(60.0)
        found, fourth = [], trio.Event()

        def tell(peer: VerifiedPeer) -> None:
            found.append(peer)
            if len(found) == 4:
                fourth.set()

        patient = NetworkSearch(nodes[0], 50, tell, wait_s=300.0, at_least=4)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(patient.run, (), 5.0)
            await trio.sleep(40.0)
            assert len(found) == 3  # without the wait it had ended long ago
            async with open_members(net, range(5, 6)):
                with trio.fail_after(200.0):
                    await fourth.wait()
                await trio.sleep(5.0)
        assert 40.0 < trio.current_time() - began < 300.0
        unlucky = NetworkSearch(nodes[0], 50, wait_s=30.0, at_least=40)
        began = trio.current_time()
        await unlucky.run((), 5.0)
        assert 30.0 <= trio.current_time() - began < 35.0
        assert len(unlucky.peers) >= 3


async def test_a_port_that_accepts_at_another_endpoint_of_the_peer_is_told_first() -> None:
    [server] = await trio.open_tcp_listeners(0, host="127.95.1.1")
    port = server.socket.getsockname()[1]
    closed, open_one = make_endpoint("127.95.1.2", 7001), make_endpoint("127.95.1.1", 7001)
    peer = VerifiedPeer(bytes(32), closed, 7, None, 1, {"p2p": port}, other_endpoints=(open_one,))
    async with server:
        accepting = await PortCheck("p2p").accepting(peer)
        assert accepting is not None
        assert accepting.endpoints == (open_one, closed)
        assert await PortCheck("other").accepting(peer) is None
    assert await PortCheck(None).accepting(peer) is None
