"""Peers for the application: verified lately, of the own network, spread, none twice; and what is
known of them.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from kadisc.core.contract.saved_state import SavedBook
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.endpoints import format_endpoint, parse_endpoint
from kadisc.errors import Closed, UsageError
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.api.peer_stream import PeerStream
from kadisc.net.oneshot.network_search import NetworkSearch
from kadisc.net.transport.clock import TrioClock
from kadisc.wire.records import decode_record
from tests.support.asmap import asmap

from ..lab import address, network
from ..members import member_config, open_members

SOON_S = 60.0


async def take(stream: PeerStream, count: int, within_s: float = SOON_S) -> list[VerifiedPeer]:
    taken: list[VerifiedPeer] = []
    with trio.move_on_after(within_s):
        async for peer in stream:
            taken.append(peer)
            if len(taken) == count:
                break
    return taken


async def test_each_peer_of_the_network_is_returned_once_and_none_of_another(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with (
        open_members(net, range(1, 9)) as nodes,
        open_members(net, range(9, 13), name="othernet"),
    ):
        await trio.sleep(SOON_S)
        peers = await take(nodes[3].peers(), 1000)
        assert sorted(peer.key for peer in peers) == sorted(
            node.public_key for node in nodes if node is not nodes[3]
        )
        assert await take(nodes[3].peers(again_after_s=20.0), 33) != []


async def test_a_peer_is_returned_again_only_after_again_after_s(autojump_clock: MockClock) -> None:
    async with open_members(network(), range(1, 6)) as nodes:
        await trio.sleep(SOON_S)
        given: dict[bytes, float] = {}
        stream = nodes[0].peers(again_after_s=100.0)
        for peer in await take(stream, 1, 10.0):
            given[peer.key] = trio.current_time()
        with trio.move_on_after(500):
            async for peer in stream:
                assert trio.current_time() - given.get(peer.key, -1000.0) >= 100.0
                given[peer.key] = trio.current_time()
        assert len(given) == 4
        assert min(given.values()) > 300.0


async def test_only_peers_with_the_service_and_at_most_count(
    autojump_clock: MockClock,
) -> None:
    async with open_members(network(), range(1, 13)) as nodes:
        await trio.sleep(SOON_S)
        stream = nodes[0].peers(service="les", count=3)
        peers = [peer async for peer in stream]
        assert len({peer.key for peer in peers}) == 3
        assert all("les" in peer.services for peer in peers)
        assert [peer async for peer in stream] == []
        assert await take(nodes[0].peers(service="nonsense"), 1, 20.0) == []


async def test_only_peers_with_the_values_of_services(autojump_clock: MockClock) -> None:
    async with open_members(network(), range(1, 13)) as nodes:
        await trio.sleep(SOON_S)
        [peer] = await take(nodes[0].peers(where={"eth": 30_004}), 2, 20.0)
        assert format_endpoint(peer.endpoint) == address(4)
        with_les = await take(nodes[0].peers(service="les"), 20, 20.0)
        assert len(with_les) >= 3
        assert len(await take(nodes[0].peers(where={"les": None}), 20, 20.0)) == len(with_les)
        for where in ({"eth": 30_004, "les": None}, {"eth": "30004"}, {"eth": b"\x75\x34"}):
            assert await take(nodes[0].peers(where=where), 1, 5.0) == []


async def test_a_peer_that_has_not_answered_lately_is_asked_before_it_is_returned(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_members(net, range(1, 9)) as nodes:
        await trio.sleep(SOON_S)
        for number in (5, 6, 7):
            net.silent.add(parse_endpoint(address(number)))
        # What the three have sent has arrived, and is more than a second old.
        await trio.sleep(2.0)
        # They are still in the address book: where an old proof is enough, they are returned.
        assert len(await take(nodes[0].peers(verified_within_s=1000.0), 7, 1.0)) == 7
        peers = await take(nodes[0].peers(verified_within_s=1.0), 7, 50.0)
        assert {format_endpoint(peer.endpoint) for peer in peers} == {
            address(number) for number in (2, 3, 4, 8)
        }


async def test_netgroups_are_mixed_whatever_number_of_addresses_each_has(
    autojump_clock: MockClock,
) -> None:
    def crowded(number: int) -> str:
        """Half of all nodes are in two /16s."""
        return f"90.{number % 2}.{number}.7:6881"

    net = network()
    async with (
        open_members(net, range(1, 9)) as nodes,
        open_members(net, range(20, 28), place=crowded),
    ):
        await trio.sleep(2 * SOON_S)
        first = await take(nodes[0].peers(count=9), 9)
        # Seven have a /16 each, and one is of each crowded /16.
        assert len({peer.endpoint[:2] for peer in first}) == 9


async def test_a_waiting_stream_ends_with_the_node(autojump_clock: MockClock) -> None:
    ended = trio.Event()

    async def wait(node: Node) -> None:
        assert [peer async for peer in node.peers()] == []
        ended.set()

    async with trio.open_nursery() as nursery:
        async with open_members(network(), [1]) as [node]:
            nursery.start_soon(wait, node)
            await trio.sleep(1.0)
            stream = node.peers()
        with trio.fail_after(5):
            await ended.wait()
    assert [peer async for peer in stream] == []
    with pytest.raises(Closed):
        await node.own_network.check(parse_endpoint(address(2)))


async def test_record_why_and_feedback(autojump_clock: MockClock) -> None:
    async with open_members(network(), range(1, 5)) as nodes:
        await trio.sleep(SOON_S)
        one, two = nodes[:2]
        record = decode_record(two.record)
        assert record.services == {"eth": 30_002}
        assert [*record.endpoints.values()] == [parse_endpoint(address(2))]
        why = one.why(two.public_key)
        assert why is not None
        assert why == one.why(address(2)) == one.why(parse_endpoint(address(2)))
        assert (why.key, why.tried, why.verified_in_run) == (two.public_key, True, True)
        assert one.why(address(77)) is None
        assert one.feedback(two.public_key, "bad")
        assert two.public_key not in {peer.key for peer in await take(one.peers(), 3, 20.0)}
        assert not one.feedback(bytes(32), "good")
        with pytest.raises(UsageError, match="a verdict is good, bad, busy or wrong-network"):
            one.feedback(two.public_key, "ugly")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="not an endpoint"):
            one.why("nonsense")


async def test_a_stream_without_peers_searches_the_dht(autojump_clock: MockClock) -> None:
    async with open_members(network(), range(1, 5)) as nodes:
        await trio.sleep(SOON_S)
        before = nodes[0].counters()["queries_sent.get_peers"]
        stream = nodes[0].peers()
        assert len(await take(stream, 3)) == 3
        assert nodes[0].counters()["queries_sent.get_peers"] == before
        assert await take(stream, 1, 10.0) == []
        asked = nodes[0].counters()["queries_sent.get_peers"] - before
        assert asked > 0
        assert await take(stream, 1, 15.0) == []  # not again and again
        assert nodes[0].counters()["queries_sent.get_peers"] - before < 2 * asked


async def test_the_address_book_is_exported(autojump_clock: MockClock) -> None:
    async with open_members(network(), range(1, 5)) as nodes:
        await trio.sleep(SOON_S)
        book = nodes[0].own_network.export_book()
        assert isinstance(book, SavedBook)
        assert {saved.peer.key for saved in book.peers if saved.peer is not None} == {
            node.public_key for node in nodes[1:]
        }


async def test_a_node_uses_its_map_of_autonomous_systems(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    path = tmp_path / "map.dat"
    path.write_bytes(asmap({address(2).rpartition(":")[0] + "/32": 64500}))
    config = replace(member_config(1), asmap=str(path))  # type: ignore[type-var]
    async with open_node(
        config, ports=[network().port(address(1))], clock=TrioClock(), rng=random.Random(1)
    ) as node:  # type: ignore[arg-type]
        assert node.own_network.asn(parse_endpoint(address(2))) == 64500
        assert node.own_network.asn(parse_endpoint(address(3))) is None
    path.write_bytes(b"another file")
    with pytest.raises(UsageError, match="this is no AS map"):
        async with open_node(
            config, ports=[network().port(address(1))], clock=TrioClock(), rng=random.Random(1)
        ):  # type: ignore[arg-type]
            pass


async def test_a_verdict_counts_in_streams_and_searches_after_25_rounds(
    autojump_clock: MockClock,
) -> None:
    async with open_members(network(), range(1, 6)) as nodes:
        await trio.sleep(SOON_S)
        one, judged, *others = nodes
        service = address(2).replace(":6881", ":30002")
        assert [peer.key for peer in one.feedback(service, "wrong-network")] == [judged.public_key]
        before = rounds(one)
        await trio.sleep(1200.0)
        assert rounds(one) >= before + 25
        expected = {node.public_key for node in others}
        assert {peer.key for peer in await take(one.peers(), 9, 20.0)} == expected
        search = NetworkSearch(one, 9)
        await search.run((), 5.0)
        assert {peer.key for peer in search.peers} == expected
        assert one.feedback(judged.public_key, "good")
        assert {peer.key for peer in await take(one.peers(), 4, 20.0)} == expected | {
            judged.public_key
        }


def rounds(node: Node) -> int:
    network = node.snapshot().peer_network
    assert network is not None
    return network.view.rounds
