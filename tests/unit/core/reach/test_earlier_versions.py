"""Nodes of earlier commits go on working beside nodes that test whether strangers reach them."""

from __future__ import annotations

import pytest

from kadisc.config import CLIENT_VERSION
from kadisc.core.contract.reach_verdict import ReachVerdict
from kadisc.endpoints import Endpoint
from kadisc.errors import DecodeError
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Gossip, Knock, News, Ping, Query, Reach, Reply
from tests.support.community import (
    TAG,
    identity,
    knows,
    member,
    peer_network,
    record_fields,
    stranger,
)
from tests.support.earlier_versions import FLAT, ROOMS, EarlierVersion
from tests.support.reaching import nonce, reachability, served
from tests.support.world import Host, World, address


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> EarlierVersion:
    return EarlierVersion(FLAT, tmp_path_factory.mktemp("flat"))


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> EarlierVersion:
    return EarlierVersion(ROOMS, tmp_path_factory.mktemp("rooms"))


def asked(world: World, host: Host, query: Query) -> Reply | Error:
    one = stranger(world, 500)
    world.inject(host, one.endpoint, krpc.encode(query))
    world.run(0.2)
    return one.told[-1]


@pytest.mark.parametrize("version", ["flat", "rooms"])
def test_they_know_no_such_methods_and_answer_the_ping_of_a_witness(
    version: str, request: pytest.FixtureRequest
) -> None:
    world = World()
    host = request.getfixturevalue(version).member(world, 1)
    record = record_fields(identity(5), address(500), services={"eth": 30303})
    for query in (
        Reach(b"aaaa", 1, nonce(1), TAG, version=CLIENT_VERSION),
        Reach(b"aaaa", 1, nonce(1), TAG, b"8 bytes!", 51413),
        Reach(b"aaaa", 1, nonce(1), TAG, b"8 bytes!", None, record, 30303),
        Knock(b"aaaa", 1, nonce(1), TAG, address(9), b"8 bytes!"),
    ):
        answer = asked(world, host, query)
        assert isinstance(answer, Error)
        assert answer.code == 204
    answer = asked(world, host, Ping(b"aaaa", 1, nonce(1), version=CLIENT_VERSION))
    assert isinstance(answer, Reply)
    assert answer.seen_as == address(500)


@pytest.mark.parametrize("version", ["flat", "rooms"])
def test_they_read_answers_that_offer_help_and_this_node_reads_theirs(
    version: str, request: pytest.FixtureRequest
) -> None:
    earlier = request.getfixturevalue(version)
    theirs = earlier.module("wire.krpc")
    record = record_fields(identity(5), address(5))
    answer = Reply(b"aaaa", 1, token=b"8 bytes!", news=News(record, can=True))
    read = theirs.decode(krpc.encode(answer))
    assert (read.token, read.news.record) == (b"8 bytes!", record)
    messages = earlier.module("wire.messages")
    query = theirs.encode(messages.Gossip(b"aaaa", 1, TAG, 3, b"8 bytes!"))
    assert krpc.decode(query) == Gossip(b"aaaa", 1, TAG, 3, b"8 bytes!")
    reply = theirs.encode(messages.Reply(b"aaaa", 1, token=b"t", news=messages.News(record)))
    assert krpc.decode(reply) == Reply(b"aaaa", 1, token=b"t", news=News(record))
    assert krpc.decode(theirs.encode(messages.Ping(b"aaaa", 1))) == Ping(b"aaaa", 1)


def test_all_of_them_live_in_one_network(flat: EarlierVersion, rooms: EarlierVersion) -> None:
    world = World()
    new = [member(world, number) for number in range(1, 8)]
    of_rooms = [rooms.member(world, number) for number in range(8, 11)]
    of_flat = [flat.member(world, number) for number in range(11, 14)]
    everyone = [host.endpoint for host in (*new, *of_rooms, *of_flat)]

    def others(host: Host) -> list[Endpoint]:
        return [each for each in everyone if each != host.endpoint]

    world.sent = []
    for host in new:
        peer_network(host).report(others(host), "operator", world.now)
        world.flush(host)
    for version, hosts in ((rooms, of_rooms), (flat, of_flat)):
        for host in hosts:
            version.report(host, others(host), world.now)
            world.flush(host)
    world.run(30.0)
    late = member(world, 14)
    peer_network(late).report(everyone, "operator", world.now)
    world.flush(late)
    world.run(30.0)

    proven = {host.endpoint for host in (*new, *of_rooms)}
    for host in (*new, late):
        assert proven - {host.endpoint} <= knows(host)
    for host in of_rooms:
        known = {peer.endpoint for peer in rooms.network_of(host).verified()}
        assert proven - {host.endpoint} <= known
    for host in of_flat:
        known = {peer.endpoint for peer in flat.network_of(host).verified()}
        assert set(everyone) - {host.endpoint} <= known
    assert reachability(late).verdict is ReachVerdict.YES
    assert sum(served(host).get("reach.answered", 0) for host in new) >= 2

    old = {host.endpoint for host in (*of_rooms, *of_flat)}
    for _, _, destination, payload in world.sent:
        if destination in old:
            assert not isinstance(read(payload), (Reach, Knock))


def read(payload: bytes) -> object:
    try:
        return krpc.decode(payload)
    except DecodeError:
        return None
