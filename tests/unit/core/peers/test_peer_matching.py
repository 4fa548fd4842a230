"""Which peers a key, a UDP endpoint or the endpoint of a service means."""

from __future__ import annotations

import pytest

from kadisc.core.peers.peer_matching import PeerMatch
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.community import (
    identity,
    introduce,
    knows,
    member,
    of_both_families,
    peer_network,
    record_fields,
    stranger,
)
from tests.support.world import Host, World, address

SERVICE = make_endpoint("10.0.0.9", 9333)
"""Addresses that are not public may have several peers, as no cap counts them together."""


def meant(host: Host, who: bytes | Endpoint) -> tuple[str, set[Endpoint]]:
    match: PeerMatch = peer_network(host).match(who)
    return match.by, {peer.endpoint for peer in match.peers}


def test_a_peer_is_found_by_key_by_endpoint_and_by_the_endpoint_of_a_service() -> None:
    world = World(1)
    host, one, two = member(world, 1), member(world, 2), member(world, 3)
    introduce(world, host, one.endpoint, two.endpoint)
    assert knows(host) == {one.endpoint, two.endpoint}
    service = Endpoint(one.endpoint[:-2] + (30_002).to_bytes(2, "big"))
    for who, by in (
        (identity(3).public_key, "key"),
        (one.endpoint, "endpoint"),
        (service, "service"),
    ):
        assert meant(host, who) == (by, {one.endpoint})
        why = peer_network(host).why(who, world.now)
        assert why is not None
        assert why.endpoint == one.endpoint
    same_port_elsewhere = Endpoint(two.endpoint[:-2] + (30_002).to_bytes(2, "big"))
    assert meant(host, same_port_elsewhere) == ("service", set())
    assert meant(host, bytes(32)) == ("key", set())
    assert peer_network(host).why(same_port_elsewhere, world.now) is None


@pytest.mark.parametrize("proves", [True, False], ids=["proven", "unproven"])
def test_all_peers_with_a_service_at_one_endpoint_are_meant(proves: bool) -> None:
    world = World(2)
    host = member(world, 1, at=make_endpoint("10.0.0.1", 7000))
    places = [make_endpoint("10.0.0.9", 7000 + number) for number in range(3)]
    for number, place in enumerate(places):
        who = identity(50 + number)
        record = record_fields(who, place, services={"p2p": 9333 if number < 2 else 9334})
        stranger(world, 50 + number, at=place, record=record, signs_as=who, proves=proves)
    for place in places:
        host.node.check_peer(place, world.now)
        world.flush(host)
        world.run(3.0)
    assert knows(host) == set(places)
    assert meant(host, SERVICE) == ("service", set(places[:2]))
    judged = peer_network(host).feedback(SERVICE, "bad", world.now)
    assert {peer.endpoint for peer in judged} == set(places[:2])


def test_a_service_at_the_udp_endpoint_of_another_peer_means_that_other_peer() -> None:
    world = World(3)
    host = member(world, 1, at=make_endpoint("10.0.0.1", 7000))
    one, two = make_endpoint("10.0.0.9", 7000), make_endpoint("10.0.0.9", 7001)
    for number, place in ((50, one), (51, two)):
        who = identity(number)
        record = record_fields(who, place, services={"p2p": 7001})
        stranger(world, number, at=place, record=record, signs_as=who)
    for place in (one, two):
        host.node.check_peer(place, world.now)
        world.flush(host)
        world.run(3.0)
    assert knows(host) == {one, two}
    assert meant(host, two) == ("endpoint", {two})


def test_a_key_means_the_peer_in_both_families() -> None:
    world = World(4)
    host = of_both_families(world)
    owner, there = identity(77), make_endpoint("2c0f:1:1:1::1", 6881)
    first = stranger(world, 2, record=record_fields(owner, address(2)), signs_as=owner)
    stranger(world, 3, at=there, record=first.record, signs_as=owner)
    introduce(world, host, first.endpoint, there)
    assert meant(host, owner.public_key) == ("key", {first.endpoint, there})
    assert meant(host, there) == ("endpoint", {there})


def test_a_peer_of_an_earlier_run_is_found_as_well() -> None:
    world = World(5)
    host, one = member(world, 1), member(world, 2)
    introduce(world, host, one.endpoint)
    saved = peer_network(host).export(world.now)
    again = member(world, 1, at=address(7))
    peer_network(again).restore(saved, world.now)
    service = Endpoint(one.endpoint[:-2] + (30_002).to_bytes(2, "big"))
    for who, by in (
        (identity(3).public_key, "key"),
        (one.endpoint, "endpoint"),
        (service, "service"),
    ):
        assert meant(again, who) == (by, {one.endpoint})
