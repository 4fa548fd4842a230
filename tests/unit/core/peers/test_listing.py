"""The list of peers for operators."""

from __future__ import annotations

from kadisc.core.peers.listing import ListedPeer
from kadisc.endpoints import make_endpoint
from tests.support.community import (
    identity,
    introduce,
    knows,
    member,
    peer_network,
    record_fields,
    stranger,
)
from tests.support.world import Host, World, address

EVERY = 1000


def listed(host: Host, world: World, limit: int = EVERY) -> dict[str, ListedPeer]:
    found = peer_network(host).listed(world.now, limit)
    assert len(found) == len({each.endpoint for each in found})
    return {repr(each.endpoint): each for each in found}


def test_peers_of_this_run_come_before_those_that_were_only_reported() -> None:
    world = World(1)
    host, one, two = member(world, 1), member(world, 2), member(world, 3)
    introduce(world, host, one.endpoint, two.endpoint)
    assert knows(host) == {one.endpoint, two.endpoint}
    reported = address(77)
    peer_network(host).components.book.reported(reported, "operator", world.now)
    found = listed(host, world)
    assert [repr(each) for each in (one.endpoint, two.endpoint)] == sorted(list(found)[:2])
    known, only_reported = found[repr(one.endpoint)], found[repr(reported)]
    assert known.is_known and known.is_proven and not known.failures
    assert known.services == peer_network(one).snapshot(world.now).services
    assert known.slots == peer_network(host).components.view.slots_of(one.endpoint) > 0
    assert not only_reported.is_known and only_reported.verified_s_ago is None
    assert not only_reported.services
    for limit in range(len(found)):
        assert list(listed(host, world, limit)) == list(found)[:limit]


def test_a_verdict_and_a_key_without_proof_are_told() -> None:
    world = World(2)
    host = member(world, 1, at=make_endpoint("10.0.0.1", 7000))
    place, who = make_endpoint("10.0.0.9", 7000), identity(50)
    record = record_fields(who, place, services={"p2p": 9333})
    stranger(world, 50, at=place, record=record, signs_as=who, proves=False)
    host.node.check_peer(place, world.now)
    world.flush(host)
    world.run(3.0)
    peer_network(host).feedback(place, "bad", world.now)
    found = listed(host, world)[repr(place)]
    assert found.is_known and not found.is_proven
    assert found.services == {"p2p": 9333}
    assert found.verdict == "bad" and found.held_back_s > 0
