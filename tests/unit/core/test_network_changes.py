"""A node whose network changes: what it asks, what it keeps, and when it has no socket."""

from __future__ import annotations

import random
from typing import Any

from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.contract.events import (
    AddressChanged,
    CameOnline,
    ContactRemoved,
    PeerLost,
    WentOffline,
)
from kadisc.core.core import Core
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, Family, ip_of
from tests.support.community import NETWORK, identity, introduce, knows, peer_network, stranger
from tests.support.contacts import address6
from tests.support.world import CONFIG, Host, World, address, synthetic

HOME, AWAY = address(500), address(600)


def voted_member(world: World, *, at: Endpoint = HOME) -> Host:
    """A member that knows its address by votes."""
    key = identity(501)
    voted = ExternalAddress(CONFIG.address, ip_of(at), at[-2:], Confidence.VOTED)
    node = Core(
        CONFIG,
        random.Random(5),
        {Family.IPV4: derive_node_id(key.public_key, ip_of(at))},
        0.0,
        public_key=key.public_key,
        addresses={Family.IPV4: voted},
        membership=Membership(key, NETWORK),
    )
    host = world.hosts[at] = Host(node, at)
    return host


def joined(world: World, *, peers: int = 0) -> Host:
    hosts = synthetic(world, 40)
    us = voted_member(world)
    world.join(us, hosts[:1])
    world.run(5.0)
    introduce(world, us, *(stranger(world, 700 + number).endpoint for number in range(peers)))
    world.run(10.0)
    assert len(knows(us)) == peers
    us.events.clear()
    return us


def of(host: Host, kind: type[Any]) -> list[Any]:
    return [event for event in host.events if isinstance(event, kind)]


def own(host: Host) -> ExternalAddress:
    return host.node.dhts[Family.IPV4].parts.address


def test_a_node_that_moved_knows_its_address_within_seconds_and_keeps_contacts_and_peers() -> None:
    world = World(seed=41)
    us = joined(world, peers=6)
    contacts, peers = len(us.node.dhts[Family.IPV4].table), knows(us)
    tokens = peer_network(us).components.partners
    assert any(tokens.token_of(endpoint, world.now) for endpoint in peers)
    world.move(us, AWAY)
    us.node.network_changed(world.now)
    world.flush(us)
    moved_at = world.now
    world.run(10.0, until=lambda: bool(of(us, AddressChanged)))
    assert own(us).ip == ip_of(AWAY) and world.now - moved_at < 3.0
    assert peer_network(us).own_record != b""
    world.run(30.0)
    assert not [each for each in of(us, ContactRemoved) if each.reason == "silent"]
    assert len(us.node.dhts[Family.IPV4].table) >= 0.9 * contacts
    assert not of(us, PeerLost)


def test_tokens_of_peers_go_only_with_the_address() -> None:
    world = World(seed=42)
    us = joined(world, peers=4)
    partners, peers = peer_network(us).components.partners, sorted(knows(us))

    def tokens() -> list[bytes | None]:
        return [partners.token_of(endpoint, world.now) for endpoint in peers]

    before = tokens()
    assert None not in before
    us.node.network_changed(world.now)
    peer_network(us).set_services({"eth": 5}, world.now)
    assert tokens() == before
    own(us).ip = ip_of(AWAY)
    peer_network(us).tick(world.now)
    assert tokens() == [None] * len(peers)


def test_a_change_that_is_none_asks_sixteen_networks_once_in_ten_minutes() -> None:
    world = World(seed=43)
    us = joined(world)
    us.node.network_changed(world.now, families=(Family.IPV6,))
    assert own(us).confidence is Confidence.VOTED, "the other family is not concerned"
    checks = us.node.counters.checks_sent
    for _ in range(20):
        us.node.network_changed(world.now)
        world.flush(us)
    assert us.node.counters.checks_sent - checks <= CONFIG.address.moved_probes
    world.run(5.0)
    assert (own(us).ip, own(us).confidence) == (ip_of(HOME), Confidence.VOTED)
    assert not of(us, AddressChanged)


def test_without_a_socket_nothing_is_blamed_and_all_is_there_when_it_is_back() -> None:
    world = World(seed=45)
    us = joined(world, peers=5)
    dht = us.node.dhts[Family.IPV4]
    world.lookup(us, 1)
    in_flight = us.node.queries_in_flight
    assert in_flight
    us.node.socket_lost(Family.IPV6, world.now)
    assert us.node.queries_in_flight == in_flight, "that of another family concerns nobody"
    contacts = {entry.contact for entry in dht.table}
    world.refused.add(us.endpoint)
    us.node.socket_lost(Family.IPV4, world.now)
    world.flush(us)
    assert us.node.queries_in_flight == 0
    assert len(of(us, WentOffline)) == 1
    queries = sum(us.node.counters.queries_sent.values())
    world.run(120.0)
    assert sum(us.node.counters.queries_sent.values()) - queries < 180
    assert {entry.contact for entry in dht.table} == contacts
    assert not any(entry.failures for entry in dht.table)
    assert not of(us, PeerLost)
    world.refused.discard(us.endpoint)
    us.node.network_changed(world.now)
    world.flush(us)
    world.run(3.0)
    assert len(of(us, CameOnline)) == 1
    world.run(120.0)
    assert {entry.contact for entry in dht.table} >= contacts


def test_a_new_id_in_one_family_is_no_contacts_id_in_the_other() -> None:
    """Whoever knows the key of a node, and guesses its next address in one family, can bear its
    next ID in the table of the other.
    """
    key, home6 = identity(501), address6(500)
    next_id = derive_node_id(key.public_key, ip_of(home6))
    ids = {Family.IPV4: 1 << 100, Family.IPV6: 1 << 101}
    addresses = {
        family: ExternalAddress(CONFIG.address, None, None, Confidence.UNKNOWN) for family in ids
    }
    node = Core(CONFIG, random.Random(5), ids, 0.0, public_key=key.public_key, addresses=addresses)
    bearer = Contact(next_id, address(3))
    ipv4, ipv6 = node.dhts[Family.IPV4], node.dhts[Family.IPV6]
    ipv4.table.offer(bearer, 0.0)
    entry = ipv4.table.at(bearer.endpoint)
    assert entry is not None
    ipv4.parts.revalidation.plan(entry)
    for number in range(CONFIG.address.first_voters):
        node._carry_out(ipv6.seen_as(home6, address6(number), 1.0), 1.0)
    assert node.own_ids[Family.IPV6] == next_id
    assert not ipv4.table.holds(bearer.endpoint)
    removed = [each for each in node.drain_events() if isinstance(each, ContactRemoved)]
    assert [(each.contact, each.reason) for each in removed] == [(bearer, "own-id")]
    assert not list(node.inconsistencies(1.0))
