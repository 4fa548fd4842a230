"""Attacks on the external address and the ID of a node, and a true change of the address, which is
followed in the same run.
"""

from __future__ import annotations

import pytest

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import conforms, derive_node_id
from kadisc.core.addressing.external_address import Confidence
from kadisc.core.contract.events import AddressChanged
from kadisc.endpoints import ip_of, make_endpoint
from kadisc.ids import random_id
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Reply
from tests.support.attack import known, started
from tests.support.world import CONFIG, Host, World, address, without

KEY = b"k" * 32
LIE = make_endpoint("66.66.66.66", 666)


def network_of(world: World, number: int = 50) -> list[Host]:
    first = started(world, number=1)
    hosts = [first]
    for each in range(2, number + 1):
        host = world.add(address(each))
        world.join(host, [first])
        hosts.append(host)
        world.run(0.2)
    world.run(200.0)
    return hosts


def victim_in(world: World, hosts: list[Host], config: CoreConfig = CONFIG) -> Host:
    victim = world.add(address(0), config, own_id=derive_node_id(KEY, None), public_key=KEY)
    world.join(victim, hosts[:3])
    return victim


def voted(victim: Host) -> bytes | None:
    return victim.node.dhts[victim.family].parts.address.ip


def unmatched_lies(world: World, victim: Host, count: int) -> None:
    for _ in range(count):
        source = make_endpoint(
            f"80.80.80.{world.rng.randrange(1, 255)}", world.rng.randrange(1, 65536)
        )
        world.inject(
            victim,
            source,
            krpc.encode(Reply(world.rng.randbytes(4), random_id(world.rng), seen_as=LIE)),
        )


def liars_in_one_24(world: World) -> list[Host]:
    """199 nodes that answer correctly, except for a false address of the querier."""
    liars = [started(world, number=60_000)]
    for last in range(1, 200):
        host = world.add(make_endpoint(f"80.80.80.{last}", 6881))
        answer = host.node._responder.answer

        def lie(query, source, now, answer=answer):  # type: ignore[no-untyped-def]
            reply = answer(query, source, now)
            reply.seen_as = LIE
            return reply

        host.node._responder.answer = lie  # type: ignore[method-assign]
        liars.append(host)
    return liars[1:]


def test_a_node_learns_its_address_and_derives_its_id_from_it() -> None:
    world = World(seed=1)
    victim = victim_in(world, network_of(world))
    assert not conforms(victim.id, victim.endpoint)
    world.run(60.0)
    assert voted(victim) == ip_of(victim.endpoint)
    assert victim.id == derive_node_id(KEY, ip_of(victim.endpoint))
    assert conforms(victim.id, victim.endpoint)
    changes = [event for event in victim.events if isinstance(event, AddressChanged)]
    assert [(change.ip, change.own_id) for change in changes] == [
        (ip_of(victim.endpoint), victim.id)
    ]


def test_lies_change_no_address_and_a_true_change_is_followed_within_a_minute() -> None:
    world = World(seed=2)
    hosts = network_of(world)
    victim = victim_in(world, hosts)
    unmatched_lies(world, victim, 2000)  # a new node: one packet is enough for libtorrent
    world.run(60.0)
    assert voted(victim) == ip_of(victim.endpoint)
    liars = liars_in_one_24(world)
    for liar in liars:  # an established node: dozens of votes from one /24 are enough there
        world.ping(victim, liar.endpoint)
        unmatched_lies(world, victim, 20)
        world.run(1.0)
    assert voted(victim) == ip_of(victim.endpoint)
    contacts, old_id = known(victim), victim.id

    moved_to = address(4000)
    world.move(victim, moved_to)
    moved_at = world.now
    world.run(60.0, until=lambda: voted(victim) == ip_of(moved_to))
    assert voted(victim) == ip_of(moved_to), f"not noticed within {world.now - moved_at} s"
    assert victim.id == derive_node_id(KEY, ip_of(moved_to)) != old_id
    assert len(known(victim) & contacts) >= 0.9 * len(contacts), "the contacts stay"
    table = victim.node.dhts[victim.family].table
    assert all(entry.bucket == table.bucket_index(entry.id) for entry in table)


@pytest.mark.parametrize("defended", [True, False])
def test_unmatched_votes_do_not_count(defended: bool) -> None:
    """Without exact matching, votes from forged sources in 30 netgroups decide."""
    world = World(seed=3)
    victim = world.add(
        address(0), CONFIG if defended else without("exact_matching"), own_id=1, public_key=KEY
    )
    world.join(victim)
    for number in range(100, 130):
        world.inject(
            victim, address(number), krpc.encode(Reply(b"aa", random_id(world.rng), seen_as=LIE))
        )
    assert (voted(victim) == ip_of(LIE)) is not defended


def test_a_vote_for_a_private_address_does_not_count() -> None:
    world = World(seed=4)
    hosts = network_of(world, 20)
    for host in hosts:
        host.node._responder.answer = _seen_as(host, make_endpoint("192.168.1.5", 6881))  # type: ignore[method-assign]
    victim = victim_in(world, hosts)
    world.run(60.0)
    assert voted(victim) is None
    assert victim.node.dhts[victim.family].parts.address.confidence is Confidence.UNKNOWN


def _seen_as(host: Host, seen):  # type: ignore[no-untyped-def]
    answer = host.node._responder.answer

    def other(query, source, now):  # type: ignore[no-untyped-def]
        reply = answer(query, source, now)
        reply.seen_as = seen
        return reply

    return other


def test_restored_contacts_replace_bootstrap_and_keep_their_age() -> None:
    world = World(seed=5)
    hosts = network_of(world)
    victim = victim_in(world, hosts)
    world.run(500.0)
    state = victim.node.export_state(world.now)
    assert len(state.dhts[0].contacts) >= 40
    world.kill(victim)
    again = world.add(address(3000), own_id=victim.id, public_key=KEY)
    again.node.restore(state, world.now)
    assert known(again) == set(), "no contact enters a bucket unverified"
    world.join(again)
    world.run(2.0)
    assert len(known(again)) >= 8
    world.run(60.0)
    assert len(known(again)) >= 40
    ages = {
        entry.contact: world.now - entry.first_verified_at
        for entry in again.node.dhts[again.family].table
    }
    assert max(ages.values()) > 450.0


def test_a_static_peer_is_kept_beyond_caps_and_while_it_is_silent() -> None:
    world = World(seed=6)
    victim = started(world, number=0)
    neighbours = [world.add(make_endpoint(f"80.80.80.{last}", 6881)) for last in range(1, 6)]
    for host in neighbours:
        victim.node.add_static_peer(host.endpoint, world.now)
        world.join(host)
    world.flush(victim)
    world.run(60.0)
    assert {host.contact for host in neighbours} == known(victim)
    world.kill(neighbours[0])
    world.run(3600.0)
    assert neighbours[0].contact in known(victim)
    neighbours[0].up = True
    world.run(600.0)
    entry = victim.node.dhts[victim.family].table.at(neighbours[0].endpoint)
    assert entry is not None
    assert entry.failures == 0


@pytest.mark.parametrize("option", ["ban", "netrestrict"])
def test_barred_networks_are_neither_answered_nor_contacted(option: str) -> None:
    world = World(seed=7)
    networks = {"ban": ("80.80.0.0/16",), "netrestrict": ("11.0.0.0/8",)}
    victim = started(world, CoreConfig(**{option: networks[option]}), number=0)  # type: ignore[arg-type]
    barred, welcome = world.add(make_endpoint("80.80.1.1", 6881)), world.add(address(5))
    world.sent = []
    world.join(barred, [victim])
    world.join(welcome, [victim, barred])
    world.run(60.0)
    assert known(victim) == {welcome.contact}
    assert not [
        1
        for _, source, destination, _ in world.sent
        if source == victim.endpoint and destination == barred.endpoint
    ]
    assert victim.node.counters.dropped["barred"] > 0
    assert Contact(barred.id, barred.endpoint) not in known(victim)


def test_the_address_is_learned_from_the_errors_of_strict_nodes() -> None:
    """With `dht_enforce_node_id`, libtorrent answers an ID that is not valid by BEP 42 with an
    error, which carries the address of the querier as well.
    """
    world = World(seed=8)
    hosts = network_of(world, 20)
    for host in hosts:
        answer = host.node._responder.answer

        def strict(query, source, now, answer=answer):  # type: ignore[no-untyped-def]
            return (
                answer(query, source, now)
                if conforms(query.sender, source)
                else Error(query.tid, 203, "invalid node ID", seen_as=source)
            )

        host.node._responder.answer = strict  # type: ignore[method-assign]
    victim = victim_in(world, hosts)
    for _ in range(3):
        for host in hosts:
            world.ping(victim, host.endpoint)
        world.run(5.0)
    assert victim.id == derive_node_id(KEY, ip_of(victim.endpoint))
    world.join(victim, hosts[:3])
    world.run(30.0)
    assert len(known(victim)) >= 15
