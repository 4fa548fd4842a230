"""Addresses that the operator excludes while the node runs: what the node knows of them is gone at
once, nothing is sent there, and a lifted ban lets them come back.
"""

from __future__ import annotations

from typing import Any

from kadisc.core.contract.dropped import Dropped
from kadisc.core.contract.events import ContactRemoved, PingFinished
from kadisc.endpoints import Endpoint, Family, format_endpoint
from kadisc.networks import NetworkSet
from tests.support.community import introduce, knows, lost, member, peer_network, refused, stranger
from tests.support.world import Host, World, address, synthetic

NONE = NetworkSet(())


def hosts_of(endpoints: list[Endpoint]) -> NetworkSet:
    return NetworkSet(format_endpoint(each).rpartition(":")[0] for each in endpoints)


def contacts(host: Host) -> set[Endpoint]:
    return {entry.contact.endpoint for entry in host.node.dhts[Family.IPV4].table}


def sent_to(host: Host, world: World, seconds: float) -> set[Endpoint]:
    """Where its datagrams go in that time."""
    seen: set[Endpoint] = set()
    send = world.send

    def noted(source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        if source == host.endpoint:
            seen.add(destination)
        send(source, destination, payload)

    world.send = noted  # type: ignore[method-assign]
    world.run(seconds)
    world.send = send  # type: ignore[method-assign]
    return seen


def settled(world: World) -> Host:
    others = synthetic(world, 40)
    us = member(world, 500)
    world.join(us, others[:1])
    world.run(30.0)
    introduce(world, us, *(stranger(world, 700 + number).endpoint for number in range(6)))
    world.run(10.0)
    us.events.clear()
    return us


def of(host: Host, kind: type[Any]) -> list[Any]:
    return [event for event in host.events if isinstance(event, kind)]


def ban(world: World, host: Host, banned: NetworkSet, restricted_to: NetworkSet = NONE) -> Dropped:
    dropped = host.node.set_bars(banned, restricted_to, world.now)
    world.flush(host)
    assert not list(host.node.inconsistencies(world.now))
    return dropped


def test_a_ban_drops_contacts_and_peers_at_once_and_nothing_is_sent_there() -> None:
    world = World(seed=3)
    us = settled(world)
    banned = sorted(contacts(us))[:10] + sorted(knows(us))[:3]
    dropped = ban(world, us, hosts_of(banned))
    assert dropped.contacts >= 10 and dropped.peers == 3 and dropped.booked >= 3
    removed = [each for each in of(us, ContactRemoved) if each.reason == "banned"]
    assert len(removed) == dropped.contacts
    assert {each for each in lost(us) if each[1] == "banned"} == {
        (each, "banned") for each in banned[10:]
    }
    assert not contacts(us) & set(banned) and not knows(us) & set(banned)
    book = {entry.endpoint for entry in peer_network(us).components.book.entries()}
    assert not book & set(banned)
    # Others go on naming them, and they go on querying: they stay away.
    assert not sent_to(us, world, 600.0) & set(banned)
    assert not contacts(us) & set(banned) and not knows(us) & set(banned)
    assert len(contacts(us)) >= 20 and len(knows(us)) == 3
    assert not list(us.node.inconsistencies(world.now))


def test_what_is_under_way_to_a_banned_address_ends_and_later_queries_fail_at_once() -> None:
    world = World(seed=4)
    us = settled(world)
    victim = sorted(contacts(us))[0]
    world.kill(world.hosts[victim])
    before = us.node.ping(victim, world.now)
    ban(world, us, hosts_of([victim]))
    after = us.node.ping(victim, world.now)
    world.flush(us)
    finished = {each.operation: each.rtt_s for each in of(us, PingFinished)}
    assert finished == {before: None, after: None}
    assert refused(us)["barred-destination"] >= 1


def test_a_lifted_ban_lets_them_come_back() -> None:
    world = World(seed=5)
    us = settled(world)
    banned = sorted(contacts(us))
    ban(world, us, hosts_of(banned[:20]))
    world.run(60.0)
    assert not contacts(us) & set(banned[:20])
    ban(world, us, NONE)
    world.run(1800.0, until=lambda: bool(contacts(us) & set(banned[:20])))
    assert contacts(us) & set(banned[:20])


def test_a_restriction_drops_all_that_is_outside_and_a_static_peer_there_is_left_alone() -> None:
    world = World(seed=6)
    us = settled(world)
    kept = sorted(contacts(us))[:4]
    static = sorted(contacts(us))[5]
    us.node.add_static_peer(static, world.now)
    world.flush(us)
    ban(world, us, NONE, hosts_of(kept))
    assert contacts(us) <= set(kept) and not knows(us)
    assert sent_to(us, world, 120.0) <= set(kept)
    ban(world, us, NONE)
    world.run(120.0, until=lambda: static in contacts(us))
    assert static in contacts(us)


def test_a_ban_of_everything_and_back_leaves_a_sound_node() -> None:
    world = World(seed=7)
    us = settled(world)
    static = address(0)
    us.node.add_static_peer(static, world.now)
    world.run(15.0)
    ban(world, us, NetworkSet(["0.0.0.0/0", "::/0"]))
    assert not contacts(us) and not knows(us) and not len(peer_network(us).components.candidates)
    assert not sent_to(us, world, 300.0)
    ban(world, us, NONE)
    world.run(300.0, until=lambda: static in contacts(us))
    assert contacts(us)
