"""Announcing a peer, and finding it in a lookup."""

from __future__ import annotations

import pytest

from kadisc.core.contract.events import (
    AnnounceFinished,
    LookupFinished,
    LookupKind,
    Outcome,
    PeersFound,
)
from kadisc.core.serving.peer_store import PeerStore
from kadisc.endpoints import Endpoint, Family, ip_of, make_endpoint
from kadisc.ids import random_id
from tests.support.attack import started
from tests.support.world import Host, World, address, populate


def announced(
    world: World, host: Host, info_hash: int, port: int = 7777, *, implied_port: bool = False
) -> AnnounceFinished:
    operation = host.node.announce(
        info_hash, port, world.now, family=host.family, implied_port=implied_port
    )
    world.flush(host)
    event = world.result(host, operation)
    assert isinstance(event, AnnounceFinished)
    return event


def peers_of(
    world: World, host: Host, info_hash: int, *, first_value: bool = False
) -> tuple[Endpoint, ...]:
    operation = world.lookup(host, info_hash, kind=LookupKind.GET_PEERS, first_value=first_value)
    event = world.result(host, operation)
    assert isinstance(event, LookupFinished)
    streamed = [
        peer
        for found in host.events
        if isinstance(found, PeersFound) and found.operation == operation
        for peer in found.peers
    ]
    assert tuple(streamed) == event.result.peers
    return event.result.peers


def test_other_nodes_find_an_announced_peer() -> None:
    world = World(seed=1)
    hosts = populate(world, 40)
    world.run(60.0)
    info_hash = random_id(world.rng)
    event = announced(world, hosts[3], info_hash)
    assert event.outcome is Outcome.DONE
    assert len(event.stored) == 8
    assert event.peers == ()
    peer = Endpoint(ip_of(hosts[3].endpoint) + (7777).to_bytes(2, "big"))
    assert peers_of(world, hosts[20], info_hash) == (peer,)
    assert announced(world, hosts[5], info_hash).peers == (peer,)
    assert len(peers_of(world, hosts[20], info_hash)) == 2
    assert len(peers_of(world, hosts[21], info_hash, first_value=True)) >= 1


def test_the_implied_port_is_the_source_port() -> None:
    world = World(seed=2)
    hosts = populate(world, 12)
    info_hash = random_id(world.rng)
    announced(world, hosts[3], info_hash, 1, implied_port=True)
    assert peers_of(world, hosts[7], info_hash) == (hosts[3].endpoint,)


def test_an_announce_expires_after_half_an_hour_unless_it_is_repeated() -> None:
    world = World(seed=3)
    hosts = populate(world, 12)
    info_hash = random_id(world.rng)
    announced(world, hosts[3], info_hash)
    world.run(1700.0)
    announced(world, hosts[3], info_hash)
    world.run(1700.0)
    assert len(peers_of(world, hosts[7], info_hash)) == 1
    world.run(200.0)
    assert peers_of(world, hosts[7], info_hash) == ()


def test_an_announce_without_contacts_ends_at_once() -> None:
    world = World(seed=4)
    host = started(world)
    assert announced(world, host, 5).outcome is Outcome.NO_CONTACTS


def test_an_announce_does_not_wait_for_nodes_that_died_after_giving_a_token() -> None:
    world = World(seed=5)
    hosts = populate(world, 12)
    world.run(60.0)
    operation = hosts[3].node.announce(random_id(world.rng), 7777, world.now, family=Family.IPV4)
    world.flush(hosts[3])
    answering = set(hosts[:8])
    world.run(0.19)  # the lookup is in flight
    for host in answering - {hosts[3]}:
        world.kill(host)
    began = world.now
    event = world.result(hosts[3], operation)
    assert isinstance(event, AnnounceFinished)
    assert world.now - began < 10.0


def test_an_announce_to_dead_nodes_ends_without_an_answer() -> None:
    world = World(seed=6)
    hosts = populate(world, 12)
    for host in hosts[1:]:
        world.kill(host)
    event = announced(world, hosts[0], random_id(world.rng))
    assert (event.outcome, event.stored) == (Outcome.NO_ANSWER, ())


def test_a_cancelled_announce_ends_once_and_leaves_no_operation() -> None:
    for waited_s in (0.01, 0.3, 0.5):
        world = World(seed=7)
        hosts = populate(world, 20)
        world.run(20.0)
        operation = hosts[3].node.announce(
            random_id(world.rng), 7777, world.now, family=Family.IPV4
        )
        world.flush(hosts[3])
        world.run(waited_s)
        before = len([event for event in hosts[3].events if isinstance(event, AnnounceFinished)])
        hosts[3].node.cancel(operation, world.now)
        hosts[3].events += hosts[3].node.drain_events()
        ended = [event for event in hosts[3].events if isinstance(event, AnnounceFinished)]
        assert len(ended) == 1
        assert before or ended[0].outcome is Outcome.CANCELLED
        assert hosts[3].node.operations_in_flight == 0


def test_an_announce_stores_nothing_under_another_info_hash() -> None:
    world = World(seed=8)
    hosts = populate(world, 12)
    first, second = random_id(world.rng), random_id(world.rng)
    announced(world, hosts[3], first)
    assert peers_of(world, hosts[4], second) == ()
    assert make_endpoint("1.1.1.1", 1) not in peers_of(world, hosts[4], first)
    assert address(3) in {host.endpoint for host in hosts}


def test_peers_with_unusable_addresses_are_not_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(seed=9)
    hosts = populate(world, 12)
    info_hash = random_id(world.rng)
    mixed = [make_endpoint(host, 5) for host in ("192.168.1.9", "127.0.0.1", "46.1.1.1")]
    monkeypatch.setattr(PeerStore, "holds", lambda *_: True)
    monkeypatch.setattr(PeerStore, "sample", lambda *_: mixed)
    assert peers_of(world, hosts[3], info_hash) == (make_endpoint("46.1.1.1", 5),)
    monkeypatch.setattr(PeerStore, "sample", lambda *_: [make_endpoint("192.168.1.9", 5)])
    assert peers_of(world, hosts[4], info_hash) == ()
