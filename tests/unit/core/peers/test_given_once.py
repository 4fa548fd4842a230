"""Every proven peer that answers is given, once: with all its endpoints, and also where the address
book has no place for it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.config import BookConfig
from kadisc.core.contract.events import PeerChecked
from kadisc.core.contract.times import FOREVER
from kadisc.core.peers.unproven_peers import ENOUGH_PROVEN
from kadisc.endpoints import make_endpoint
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
from tests.support.world import CONFIG, World, address

THERE = make_endpoint("2c0f:1:1:1::1", 6881)
CROWDED = replace(
    CONFIG, book=BookConfig(tried_buckets=1, tried_bucket_size=4, tried_buckets_per_netgroup=1)
)
"""A book with four places for verified peers."""


def test_a_peer_of_both_families_is_given_once_with_all_its_endpoints() -> None:
    world = World(1)
    host = of_both_families(world)
    owner = identity(77)
    first = stranger(world, 2, record=record_fields(owner, address(2)), signs_as=owner)
    second = stranger(world, 3, at=THERE, record=first.record, signs_as=owner)
    other = stranger(world, 4)
    introduce(world, host, first.endpoint, THERE, other.endpoint)
    assert knows(host) == {first.endpoint, THERE, other.endpoint}
    network = peer_network(host)
    for _ in range(20):
        one, two = sorted(
            network.peers(9, world.now), key=lambda peer: peer.key != owner.public_key
        )
        assert one.endpoints[0] == one.endpoint
        assert set(one.endpoints) == {first.endpoint, THERE}
        assert two.endpoints == (other.endpoint,)
        assert len(network.peers(1, world.now)) == 1
    seen = network.snapshot(world.now)
    assert (seen.online, seen.held_back, seen.book_verified) == (2, 0, 3)
    network.feedback(THERE, "busy", world.now)
    assert network.snapshot(world.now).held_back == 1
    network.feedback(owner.public_key, "good", world.now)
    assert network.snapshot(world.now).held_back == 0
    host.node.check_peer(THERE, world.now)
    world.flush(host)
    world.run(3.0)
    [checked] = [event for event in host.events if isinstance(event, PeerChecked)]
    assert checked.peer is not None
    assert checked.peer.endpoints == (THERE, first.endpoint)
    second.answers = False
    world.run(900.0)
    assert [peer.endpoints for peer in network.peers(9, world.now) if peer.key == owner.public_key]
    for peer in network.peers(9, world.now, verified_within_s=FOREVER):
        assert len(peer.endpoints) == 1, "one that does not answer is not told"
    assert network.snapshot(world.now).online == 2


def test_the_endpoint_of_a_copied_record_is_no_endpoint_of_the_peer() -> None:
    world = World(2)
    host = of_both_families(world)
    owner = stranger(world, 2)
    stranger(world, 3, at=THERE, record=owner.record, proves=False)
    introduce(world, host, owner.endpoint, THERE)
    [given] = peer_network(host).peers(9, world.now)
    assert given.endpoints == (owner.endpoint,)


@pytest.mark.parametrize("seed", range(3))
def test_a_live_peer_is_given_also_where_its_place_in_the_book_is_taken(seed: int) -> None:
    world = World(seed)
    host = member(world, 1, config=CROWDED)
    strangers = [stranger(world, number) for number in range(2, 18)]
    introduce(world, host, *(each.endpoint for each in strangers))
    world.run(60.0)
    network = peer_network(host)
    everybody = {each.endpoint for each in strangers}
    assert knows(host) == everybody
    assert network.snapshot(world.now).book_verified <= 4
    assert {peer.endpoint for peer in network.peers(99, world.now)} == everybody
    for each in strangers:
        for who in (each.endpoint, each.who.public_key):
            why = network.why(who, world.now)
            assert why is not None
            assert (why.key, why.verified_in_run) == (each.who.public_key, True)
            assert why.verified_s_ago is not None


def test_why_knows_a_peer_that_the_book_has_no_place_for_at_all() -> None:
    world = World(5)
    tiny = BookConfig(
        new_buckets=1, new_bucket_size=1, new_buckets_per_source=1, tried_buckets=1,
        tried_bucket_size=1, tried_buckets_per_netgroup=1,
    )  # fmt: skip
    host = member(world, 1, config=replace(CONFIG, book=tiny))
    strangers = [stranger(world, number) for number in range(2, 6)]
    introduce(world, host, *(each.endpoint for each in strangers))
    for each in strangers:
        host.node.check_peer(each.endpoint, world.now)
        world.flush(host)
        world.run(2.0)
    network = peer_network(host)
    beside = 0
    for each in strangers:
        why = network.why(each.endpoint, world.now)
        assert why is not None
        beside += not why.in_book
        network.feedback(each.endpoint, "bad", world.now)
        why = network.why(each.endpoint, world.now)
        assert why is not None
        assert (why.verdict, why.held_back_s > 0) == ("bad", True)
    assert beside == 2
    assert network.peers(9, world.now) == []


def test_peers_of_both_families_count_once_where_unproven_ones_are_given_last() -> None:
    world = World(6)
    host = of_both_families(world)
    older = stranger(world, 2, proves=False)
    owners = [identity(200 + number) for number in range(ENOUGH_PROVEN // 2)]
    places = []
    for number, owner in enumerate(owners):
        there = make_endpoint(f"2c0f:{number + 1}:1:1::1", 6881)
        record = record_fields(owner, address(20 + number))
        for place in (address(20 + number), there):
            stranger(world, 20 + number, at=place, record=record, signs_as=owner)
            places.append(place)
    introduce(world, host, older.endpoint, *places)
    network = peer_network(host)
    assert len(network.verifier.known) == ENOUGH_PROVEN
    assert network.snapshot(world.now).online == ENOUGH_PROVEN // 2
    given = network.peers(99, world.now)
    assert given[-1].endpoint == older.endpoint
    assert len(given) == ENOUGH_PROVEN // 2 + 1
