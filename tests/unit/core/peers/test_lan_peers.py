"""Peers on the LAN: found by a beacon, verified by a proof of key, for the application alone."""

from __future__ import annotations

import random

from kadisc.core.contract.events import Joined, WentOffline
from kadisc.core.core import Core
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.ids import random_id
from tests.support.community import (
    NETWORK,
    Stranger,
    identity,
    introduce,
    lost,
    member,
    peer_network,
    record_fields,
    refused,
    verified,
)
from tests.support.world import CONFIG, Host, World, address


def lan(number: int, port: int = 6881) -> Endpoint:
    return make_endpoint(f"192.168.1.{number}", port)


def neighbour(world: World, number: int, network: str = NETWORK) -> Host:
    """A node behind a router, which does not know its public address."""
    membership = Membership(identity(100 + number), network, {"eth": 30_100 + number})
    rng = random.Random(world.rng.getrandbits(64))
    node = Core(
        CONFIG,
        rng,
        {Family.IPV4: random_id(rng)},
        world.now,
        public_key=membership.identity.public_key,
        membership=membership,
    )
    host = world.hosts[lan(number)] = Host(node, lan(number))
    node.set_lan_endpoints([lan(number)])
    world.join(host)
    return host


def beacon(world: World, host: Host, of: Endpoint, *, is_member: bool = True) -> None:
    host.node.lan_found(of, world.now, is_member=is_member)
    world.flush(host)


def given(host: Host, now: float, count: int = 20) -> list[Endpoint]:
    return [peer.endpoint for peer in peer_network(host).peers(count, now)]


def test_neighbours_prove_their_keys_at_once() -> None:
    world = World()
    one, other = neighbour(world, 10), neighbour(world, 11)
    beacon(world, one, other.endpoint)
    beacon(world, other, one.endpoint)
    world.run(1.0)
    for host, peer in ((one, other), (other, one)):
        assert given(host, world.now) == [peer.endpoint]
        found = peer_network(host).peers(1, world.now)[0]
        assert found.is_proven
        assert found.is_on_lan


def test_they_are_told_to_the_application_alone() -> None:
    world = World()
    one, other = neighbour(world, 10), neighbour(world, 11)
    public = [member(world, number) for number in range(6)]
    for host in public:
        world.join(host, public[:1])
    world.run(5.0)
    introduce(world, one, *(host.endpoint for host in public))
    beacon(world, one, other.endpoint)
    world.run(600.0)
    network = peer_network(one)
    assert other.endpoint in {known.endpoint for known in network.verifier.known}
    assert network.components.view.slots_of(other.endpoint) == 0
    assert network.components.book.status_of(other.endpoint) is None
    assert other.endpoint not in {each.endpoint for each in network.verifier.returnable()}
    assert one.node.dhts[Family.IPV4].table.at(other.endpoint) is None
    peers = given(one, world.now)
    assert peers[-1] == other.endpoint
    assert len(peers) == 7


def test_at_most_a_quarter_of_an_answer_is_of_the_lan_while_there_are_others() -> None:
    world = World()
    one = neighbour(world, 10)
    others = [neighbour(world, 20 + number) for number in range(8)]
    public = [member(world, number) for number in range(4)]
    for host in public:
        world.join(host, public[:1])
    world.run(2.0)
    for other in others:
        beacon(world, one, other.endpoint)
    world.run(2.0)
    assert len(given(one, world.now, 8)) == 8  # nobody else is known
    introduce(world, one, *(host.endpoint for host in public))
    world.run(60.0)
    peers = given(one, world.now, 8)
    assert len(peers) == 6
    assert set(peers[:4]) == {host.endpoint for host in public}


def test_without_the_guard_a_neighbour_is_a_peer_as_any_other() -> None:
    world = World()
    one, other = neighbour(world, 10), neighbour(world, 11)
    one.node.lan_found(other.endpoint, world.now, is_member=True, is_guarded=False)
    world.flush(one)
    world.run(1.0)
    network = peer_network(one)
    assert network.components.view.slots_of(other.endpoint) > 0
    assert network.components.book.status_of(other.endpoint) is not None


def test_a_rogue_that_copies_a_record_is_no_peer() -> None:
    world = World()
    one = neighbour(world, 10)
    rogue = Stranger(lan(66), identity(66), record_fields(identity(3), address(3)), proves=False)
    world.hosts[lan(66)] = Host(rogue, lan(66))  # type: ignore[arg-type]
    beacon(world, one, lan(66))
    world.run(10.0)
    assert rogue.gossip()
    assert given(one, world.now) == []
    assert refused(one).get("lan-unproven") == 1


def test_a_neighbour_that_is_known_by_its_public_address_keeps_it() -> None:
    world = World()
    one = neighbour(world, 10)
    public = member(world, 3)
    world.join(public)
    introduce(world, one, public.endpoint)
    world.run(20.0)
    assert public.endpoint in verified(one)
    # The same node on the link, as its beacon tells: another endpoint of the same core.
    world.hosts[lan(33)] = public
    beacon(world, one, lan(33))
    world.run(5.0)
    assert given(one, world.now) == [public.endpoint]


def test_a_guarded_contact_does_not_make_a_node_join_or_be_online() -> None:
    world = World()
    one, other = neighbour(world, 10), neighbour(world, 11)
    beacon(world, one, other.endpoint)
    world.join(one, [other])
    world.run(60.0)
    assert not any(isinstance(event, Joined) for event in one.events)
    assert not len(one.node.dhts[Family.IPV4].table)
    assert not any(isinstance(event, WentOffline) for event in one.events)


def test_a_guarded_contact_leads_to_public_nodes_and_to_no_private_ones() -> None:
    world = World()
    public = [member(world, number) for number in range(5)]
    for host in public:
        world.join(host, public[:1])
    world.run(5.0)
    one, other, third = neighbour(world, 10), neighbour(world, 11), neighbour(world, 12)
    world.join(other, [*public, third])
    world.run(10.0)
    assert other.node.dhts[Family.IPV4].table.at(third.endpoint) is not None
    world.kill(third)
    world.sent = []
    beacon(world, one, other.endpoint, is_member=False)
    world.join(one, [other])
    world.run(30.0)
    table = one.node.dhts[Family.IPV4].table
    assert {entry.contact.endpoint for entry in table} == {host.endpoint for host in public}
    assert any(isinstance(event, Joined) for event in one.events)
    asked = {to for _, source, to, _ in world.sent if source == one.endpoint}
    assert third.endpoint not in asked


def test_one_that_left_is_lost() -> None:
    world = World()
    one, other = neighbour(world, 10), neighbour(world, 11)
    beacon(world, one, other.endpoint)
    world.run(1.0)
    one.node.lan_lost(other.endpoint, world.now)
    world.flush(one)
    assert given(one, world.now) == []
    assert lost(one) == [(other.endpoint, "silent")]
    assert not one.node.peer_network.components.scopes.lan.guarded  # type: ignore[union-attr]


def test_a_node_signs_for_its_private_endpoint_only_to_private_hosts() -> None:
    """Every link has a 192.168.1.10: a public node that names it gets no proof."""
    world = World()
    other = neighbour(world, 11)
    asker = member(world, 1)
    world.join(asker)
    # A relay: it passes the challenge for the private endpoint on, from a public address.
    operation = asker.node.check_peer(other.endpoint, world.now)
    world.flush(asker)
    world.result(asker, operation)
    assert other.endpoint not in verified(asker)
    assert refused(other).get("proof-elsewhere", 0) > 0
