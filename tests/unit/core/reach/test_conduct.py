"""How a closed node presents itself, and what that does to networks that cannot spare it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kadisc.config import CoreConfig
from kadisc.core.baselines.reach import NoGuard
from kadisc.core.reach.guard import NetworkGuard
from kadisc.core.reach.nat_kind import nat_kind
from kadisc.endpoints import Endpoint, Family, ip_of, make_endpoint
from kadisc.errors import DecodeError
from kadisc.wire.records import record_from
from tests.support.community import (
    identity,
    introduce,
    knows,
    member,
    peer_network,
    push,
    record_fields,
    refused,
    stranger,
)
from tests.support.world import CONFIG, Host, World, address, without


def test_a_network_must_be_large_for_five_minutes_and_its_end_acts_at_once() -> None:
    large = [True]
    guard = NetworkGuard(lambda: large[0], 300.0)
    assert not guard.allows(10.0)
    assert not guard.allows(309.0)
    assert guard.allows(310.0)
    large[0] = False
    assert not guard.allows(311.0)
    large[0] = True
    assert not guard.allows(312.0)
    assert not guard.allows(611.0)
    assert guard.allows(612.0)
    assert NoGuard().allows(0.0)


def met(config: CoreConfig) -> list[int]:
    """How many of each other six closed nodes know, that share a DHT of eight others with nobody
    else of their network.
    """
    world = World(seed=3)
    others = [world.add(address(900 + number)) for number in range(8)]
    for each in others[1:]:
        world.join(each, others[:1])
    world.run(10.0)
    members: list[Host] = [member(world, number, config=config) for number in range(6)]
    for each in members:
        world.join(each, others[:1])
    world.run(90.0)
    return [len(knows(each)) for each in members]


def test_a_network_of_closed_nodes_meets_as_fast_as_ever() -> None:
    """Attack: all nodes find out, or are told by liars, that strangers do not reach them. Without
    `guarded_conduct` none announces itself any more, and none is found.
    """
    closed = replace(CONFIG, reachable="no")
    assert met(closed) == met(CONFIG) == [5] * 6
    assert met(without("guarded_conduct", config=closed)) == [0] * 6


OPEN: Mapping[bytes, Any] = {}


@pytest.mark.parametrize(("closed", "families"), [(1, 1), (2, 1), (3, 2)])
def test_the_record_says_in_which_families_the_peer_is_closed(closed: int, families: int) -> None:
    fields = record_fields(identity(1), address(1), extra={b"closed": closed})
    record = record_from(fields)
    assert len(record.closed) == families
    assert (Family.IPV4 in record.closed) is bool(closed & 1)
    plain = record_from(record_fields(identity(1), address(1)))
    assert len(record.raw) - len(plain.raw) == 11


@pytest.mark.parametrize("closed", [4, -1, b"1", [], 1 << 70])
def test_a_record_that_says_something_else_is_malformed(closed: Any) -> None:
    with pytest.raises(DecodeError):
        record_from(record_fields(identity(1), address(1), extra={b"closed": closed}))


def test_a_closed_peer_stays_in_quarantine() -> None:
    world = World(seed=4)
    us = member(world, 1)
    peers = [
        stranger(
            world, 50 + number, record=record_fields(identity(100_050 + number), at, extra=extra)
        )
        for number, (at, extra) in enumerate(
            [(address(50), {b"closed": 1}), (address(51), OPEN), (address(52), {b"closed": 2})]
        )
    ]
    introduce(world, us, *(each.endpoint for each in peers))
    world.run(600.0)
    known = peer_network(us).verifier.known
    found = [known.at(each.endpoint) for each in peers]
    assert [each is not None and each.inbound for each in found] == [True, False, False]


def at_port(endpoint: Endpoint, port: int) -> Endpoint:
    return Endpoint(ip_of(endpoint) + port.to_bytes(2, "big"))


@pytest.mark.parametrize("where", ["other port", "victim"])
def test_only_another_port_of_the_same_address_is_looked_at(where: str) -> None:
    """A node with a port mapping names the mapped port. Attack: a record names a port of a third
    party, so that all that get the record query it.
    """
    world = World(seed=5)
    us = member(world, 1)
    world.sent = []
    source = address(60)
    named = at_port(source, 7001) if where == "other port" else make_endpoint("45.99.1.1", 7001)
    who = identity(100_060)
    pusher = stranger(world, 60, record=record_fields(who, named))
    mapped = stranger(world, 60, at=named, record=record_fields(who, named))
    push(world, pusher, us)
    world.run(30.0)
    asked = [each for each in world.sent if each[1] == us.endpoint and each[2] == named]
    assert bool(asked) is (where == "other port")
    assert (mapped.endpoint in knows(us)) is (where == "other port")
    assert refused(us)["record-elsewhere"] == 1


def test_an_attacker_has_few_ports_of_an_address_looked_at() -> None:
    """Attack: one host sends records of many keys, each with another port of its address, behind
    which a router has other hosts.
    """
    world = World(seed=6)
    us = member(world, 1)
    world.sent = []
    source = address(70)
    pusher = stranger(world, 70)
    for number in range(60):
        fields = record_fields(identity(200_000 + number), at_port(source, 2000 + number))
        push(world, pusher, us, fields, token=pusher.tokens.get(us.endpoint))
        world.run(1.0)
    asked = {each[2] for each in world.sent if each[1] == us.endpoint} - {source}
    assert len([each for each in asked if ip_of(each) == ip_of(source)]) <= 4


@pytest.mark.parametrize(
    ("voters", "share", "direct", "private", "reached", "kind"),
    [
        (12, 1.0, True, False, True, "none"),
        (12, 1.0, False, True, True, "double"),
        (5, 1.0, False, False, True, "unknown"),
        (6, 0.5, False, False, None, "dependent"),
        (6, 0.6, False, False, True, "unknown"),
        (8, 0.75, False, False, True, "open"),
        (8, 0.75, False, False, False, "restricted"),
        (8, 0.75, False, False, None, "unknown"),
    ],
)
def test_the_kind_of_nat_follows_from_the_votes_on_the_port(
    voters: int, share: float, direct: bool, private: bool, reached: bool | None, kind: str
) -> None:
    found = nat_kind(
        voters,
        share,
        has_public_address=direct,
        router_is_private=private,
        strangers_reach=reached,
    )
    assert found == kind
