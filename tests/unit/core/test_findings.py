"""Attacks that break the node today. Each test says what must hold, and is expected to fail until
the fault is mended; the number is that of the finding.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable

import pytest

from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.contract.events import Datagram, Event, WentOffline
from kadisc.core.contract.saved_state import SavedContact
from kadisc.core.core import Core
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, Family, ip_of, make_endpoint
from kadisc.ids import random_id
from kadisc.net.state.state_file import KeptState, decode_state, encode_state
from kadisc.wire import compact, krpc
from kadisc.wire.messages import Error, Query, Reply
from tests.support.community import (
    NETWORK,
    identity,
    introduce,
    knows,
    member,
    record_fields,
    stranger,
)
from tests.support.world import CONFIG, Host, World, address

Answer = Callable[[Query], Reply | Error | None]
OWN_ID = 1 << 150


def finding(number: int) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, reason=f"finding {number} is not mended yet")


class ScriptedNode:
    """Takes the place of a core in the world: a function decides on each answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.queries: list[tuple[float, Query]] = []
        self.outbox: list[Datagram] = []

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        message = krpc.decode(payload)
        if not isinstance(message, Query):
            return
        self.queries.append((now, message))
        answer = self.answer(message)
        if answer is not None:
            self.outbox.append((krpc.encode(answer), source))

    def tick(self, now: float) -> None:
        pass

    def next_deadline(self) -> float:
        return float("inf")

    def drain_outbox(self) -> list[Datagram]:
        drained, self.outbox = self.outbox, []
        return drained

    def drain_events(self) -> list[Event]:
        return []


def put(world: World, endpoint: Endpoint, answer: Answer) -> ScriptedNode:
    node = ScriptedNode(answer)
    world.hosts[endpoint] = Host(node, endpoint)  # type: ignore[arg-type]
    return node


def core(own_id: int = OWN_ID) -> Core:
    return Core(CONFIG, random.Random(1), {Family.IPV4: own_id}, 0.0)


def of_both_families(world: World) -> Host:
    """A member of the network with an address in each family."""
    key = identity(1)
    where = {
        Family.IPV4: make_endpoint("45.1.1.1", 6881),
        Family.IPV6: make_endpoint("2a01:1::1", 6881),
    }
    node = Core(
        CONFIG,
        random.Random(4),
        {family: derive_node_id(key.public_key, ip_of(each)) for family, each in where.items()},
        0.0,
        public_key=key.public_key,
        addresses={
            family: ExternalAddress(CONFIG.address, ip_of(each), each[-2:], Confidence.CONFIGURED)
            for family, each in where.items()
        },
        membership=Membership(key, NETWORK),
    )
    host = Host(node, where[Family.IPV4])
    world.hosts |= dict.fromkeys(where.values(), host)
    flush = world.flush

    def flush_both(each: Host) -> None:
        if each is not host:
            flush(each)
            return
        for payload, destination in node.drain_outbox():
            family = Family.IPV4 if len(destination) == 6 else Family.IPV6
            world.send(where[family], destination, payload)
        host.events += node.drain_events()
        if (at := node.next_deadline()) < host.tick_at:
            host.tick_at = at
            world.at(max(at, world.now), lambda: world._tick(host, at))

    world.flush = flush_both  # type: ignore[method-assign]
    return host


@finding(3)
def test_a_copied_record_proves_no_peer_over_the_other_family() -> None:
    world = World(1)
    host = of_both_families(world)
    owner = stranger(world, 1)
    there = make_endpoint("2c0f:1:1:1::1", 6881)
    thief = stranger(world, 2, at=there, record=owner.record)
    introduce(world, host, owner.endpoint)
    introduce(world, host, thief.endpoint)
    assert knows(host) == {owner.endpoint}


@finding(3)
def test_a_copied_record_without_an_address_proves_no_peer() -> None:
    world = World(2)
    host = member(world, 1)
    world.flush(host)
    owner = stranger(world, 50)
    owner.record = record_fields(owner.who, None, 5)
    thief = stranger(world, 51, record=owner.record)
    introduce(world, host, thief.endpoint)
    introduce(world, host, owner.endpoint)
    world.run(30)
    assert thief.endpoint not in knows(host)


@finding(10)
def test_the_silence_of_addresses_that_never_answered_does_not_look_like_being_offline() -> None:
    world, rng = World(3, one_way_s=0.02), random.Random(5)
    hosts: list[Host] = []
    for number in range(12):
        hosts.append(world.add(make_endpoint(f"45.{7 + number}.1.7", 6881)))
        world.join(hosts[-1], hosts[:1])
        world.run(0.5)

    def dead() -> bytes:
        first, second, third = rng.randrange(60, 90), rng.randrange(250), rng.randrange(250)
        return compact.pack_contact(
            Contact(random_id(rng), make_endpoint(f"{first}.{second}.{third}.9", 6881))
        )

    own_id, liar = random_id(rng), make_endpoint("46.7.2.7", 6881)
    put(
        world,
        liar,
        lambda query: Reply(query.tid, own_id, nodes=b"".join(dead() for _ in range(70))),
    )
    world.join(hosts[3], [liar])
    world.run(600)
    assert not [event for event in hosts[3].events if isinstance(event, WentOffline)]


@finding(17)
def test_one_unreadable_row_of_the_state_does_not_cost_the_key() -> None:
    state = KeptState(bytes(range(32)))
    state.contacts["n"] = (SavedContact(Contact(5, address(1)), 1.0, 1.0),)
    database = sqlite3.connect(":memory:")
    database.deserialize(encode_state(state))
    database.execute("UPDATE contacts SET age_s = -1")
    database.commit()
    assert decode_state(database.serialize()).seed == bytes(range(32))
